package distribute

import (
	"database/sql"
	"slices"
	"strings"
)

// server is what the database says of itself.
type server struct {
	Citus       bool // has the extension
	Coordinator bool
	Dist        map[uint32]distribution
}

// distribution is what Citus has of a table
// (https://docs.citusdata.com/en/stable/develop/api_metadata.html).
type distribution struct {
	Method, Replication string
	Colocation          int
	Column              string
}

const (
	methodHash     = "h"
	methodNone     = "n"
	replicationAll = "t"

	kindPartitioned = "p"
	kindTable       = "r"
)

// stored is a table as the database has it.
type stored struct {
	OID     uint32 `gorm:"column:oid"`
	Kind    string
	Schema  string
	Name    string
	Child   bool // of another table
	Enabled bool // row-level security
	Forced  bool
	Owner   string
	Own     bool // the role that is connected owns it
	Size    int64

	KeyName  string   `gorm:"-"`
	Key      []string `gorm:"-"`
	Columns  []column `gorm:"-"`
	Strategy string   `gorm:"-"` // of partitions
	By       []string `gorm:"-"`
	Parts    int      `gorm:"-"`
	Modulus  []string `gorm:"-"`

	distribution `gorm:"-"`
}

func (s *stored) isReference() bool {
	return s.Method == methodNone && s.Replication == replicationAll
}

func (s *stored) isLocal() bool { return s.Method == methodNone && s.Replication != replicationAll }

// column is one of the stored columns.
type column struct {
	Name      string
	Kind      string
	Required  bool
	Generated bool
	Identity  bool
}

func (s *stored) column(name string) *column {
	for i := range s.Columns {
		if s.Columns[i].Name == name {
			return &s.Columns[i]
		}
	}
	return nil
}

// readServer finds out about Citus.
func (p *plan) readServer() error {
	p.server = server{Dist: map[uint32]distribution{}}
	err := p.db.Raw("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')").Row().
		Scan(&p.server.Citus)
	if err != nil || !p.server.Citus {
		return err
	}
	err = p.db.Raw("SELECT groupid = 0 FROM pg_dist_local_group").Row().Scan(&p.server.Coordinator)
	if err != nil {
		return err
	}
	var rows []struct {
		OID                         uint32 `gorm:"column:oid"`
		Method, Replication, Column string
		Colocation                  int
	}
	err = p.db.Raw("SELECT logicalrelid::oid AS oid, partmethod::text AS method, " +
		"repmodel::text AS replication, colocationid AS colocation, CASE WHEN partkey IS NULL " +
		"THEN '' ELSE column_to_column_name(logicalrelid, partkey) END AS \"column\" " +
		"FROM pg_dist_partition").Scan(&rows).Error
	for _, row := range rows {
		p.server.Dist[row.OID] = distribution{
			Method: row.Method, Replication: row.Replication, Colocation: row.Colocation,
			Column: row.Column,
		}
	}
	return err
}

// readTable reads what the database has of a table.
func (p *plan) readTable(t *table) error {
	var found []stored
	err := p.db.Raw("SELECT c.oid, c.relkind::text AS kind, n.nspname AS schema, "+
		"c.relname AS name, c.relispartition OR EXISTS (SELECT FROM pg_inherits "+
		"WHERE inhrelid = c.oid) AS child, c.relrowsecurity AS enabled, "+
		"c.relforcerowsecurity AS forced, pg_get_userbyid(c.relowner) AS owner, "+
		"pg_has_role(c.relowner, 'USAGE') AS own, pg_table_size(c.oid) AS size FROM pg_class AS c "+
		"JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = to_regclass(?)", t.quoted).
		Scan(&found).Error
	if err != nil || len(found) == 0 {
		return err
	}
	s := &found[0]
	t.stored, s.distribution = s, p.server.Dist[s.OID]
	if err := p.readKey(s); err != nil {
		return err
	}
	if s.Kind == kindPartitioned {
		if err := p.readParts(s); err != nil {
			return err
		}
	}
	return p.db.Raw("SELECT attname AS name, format_type(atttypid, NULL) AS kind, "+
		"attnotnull AS required, attgenerated <> '' AS generated, attidentity <> '' AS identity "+
		"FROM pg_attribute WHERE attrelid = ? AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
		s.OID).Scan(&s.Columns).Error
}

// readKey reads the primary key.
func (p *plan) readKey(s *stored) error {
	var key []struct{ Name, Column string }
	err := p.db.Raw("SELECT con.conname AS name, a.attname AS \"column\" FROM pg_constraint AS "+
		"con CROSS JOIN unnest(con.conkey) WITH ORDINALITY AS k (num, place) "+
		"JOIN pg_attribute AS a ON a.attrelid = con.conrelid AND a.attnum = k.num "+
		"WHERE con.conrelid = ? AND con.contype = 'p' ORDER BY k.place", s.OID).Scan(&key).Error
	for _, k := range key {
		s.KeyName = k.Name
		s.Key = append(s.Key, k.Column)
	}
	return err
}

// readParts reads how a table is partitioned.
func (p *plan) readParts(s *stored) error {
	err := p.db.Raw("SELECT partstrat::text FROM pg_partitioned_table WHERE partrelid = ?", s.OID).
		Row().Scan(&s.Strategy)
	if err != nil {
		return err
	}
	err = p.db.Raw("SELECT coalesce(a.attname, '') FROM pg_partitioned_table AS t "+
		"CROSS JOIN unnest(t.partattrs::int2[]) WITH ORDINALITY AS k (num, place) "+
		"LEFT JOIN pg_attribute AS a ON a.attrelid = t.partrelid AND a.attnum = k.num "+
		"WHERE t.partrelid = ? ORDER BY k.place", s.OID).Scan(&s.By).Error
	if err != nil {
		return err
	}
	err = p.db.Raw("SELECT pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits AS i "+
		"JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = ? ORDER BY 1", s.OID).
		Scan(&s.Modulus).Error
	s.Parts = len(s.Modulus)
	return err
}

// foreignKey is a foreign key that touches one of the tables.
type foreignKey struct {
	Name          string
	Child, Parent uint32
	ChildName     string
	ParentName    string
	OnDelete      string
	OnUpdate      string
	Definition    string
	Deferrable    bool
	Deferred      bool
	FromColumn    string
	ToColumn      string
	FromColumns   []string `gorm:"-"`
	ToColumns     []string `gorm:"-"`
}

// readKeys reads the foreign keys that touch the tables.
func (p *plan) readKeys() error {
	oids := []uint32{0}
	for _, t := range p.all() {
		if t.stored != nil {
			oids = append(oids, t.stored.OID)
		}
	}
	var pairs []foreignKey // a row for each column
	const name = "CASE WHEN pg_table_is_visible(%.oid) THEN quote_ident(%.relname) " +
		"ELSE quote_ident(%n.nspname) || '.' || quote_ident(%.relname) END"
	err := p.db.Raw("SELECT con.conname AS name, con.conrelid AS child, con.confrelid AS parent, "+
		strings.ReplaceAll(name, "%", "c")+" AS child_name, "+
		strings.ReplaceAll(name, "%", "f")+" AS parent_name, con.confdeltype::text AS on_delete, "+
		"con.confupdtype::text AS on_update, pg_get_constraintdef(con.oid) AS definition, "+
		"con.condeferrable AS deferrable, con.condeferred AS deferred, "+
		"a.attname AS from_column, b.attname AS to_column FROM pg_constraint AS con "+
		"JOIN pg_class AS c ON c.oid = con.conrelid JOIN pg_namespace AS cn "+
		"ON cn.oid = c.relnamespace JOIN pg_class AS f ON f.oid = con.confrelid "+
		"JOIN pg_namespace AS fn ON fn.oid = f.relnamespace "+
		"CROSS JOIN unnest(con.conkey, con.confkey) WITH ORDINALITY AS k (num, fnum, place) "+
		"JOIN pg_attribute AS a ON a.attrelid = con.conrelid AND a.attnum = k.num "+
		"JOIN pg_attribute AS b ON b.attrelid = con.confrelid AND b.attnum = k.fnum "+
		"WHERE con.contype = 'f' AND con.conparentid = 0 AND (con.conrelid IN ? "+
		"OR con.confrelid IN ?) ORDER BY child_name, con.conname, k.place", oids, oids).
		Scan(&pairs).Error
	p.keys = nil
	for _, pair := range pairs {
		last := len(p.keys) - 1
		if last < 0 || p.keys[last].Child != pair.Child || p.keys[last].Name != pair.Name {
			p.keys, last = append(p.keys, &pair), last+1
		}
		k := p.keys[last]
		k.FromColumns = append(k.FromColumns, pair.FromColumn)
		k.ToColumns = append(k.ToColumns, pair.ToColumn)
	}
	return err
}

// withOID returns the table of an OID, nil if it is none of the plan's.
func (p *plan) withOID(oid uint32) *table {
	for _, t := range p.all() {
		if t.stored != nil && t.stored.OID == oid {
			return t
		}
	}
	return nil
}

// nameOf returns the quoted name of a table.
func (p *plan) nameOf(oid uint32, otherwise string) string {
	if t := p.withOID(oid); t != nil {
		return t.quoted
	}
	return otherwise
}

// texts runs a query of one column of text.
func (p *plan) texts(query string, args ...any) (list []string, err error) {
	rows, err := p.db.Raw(query, args...).Rows()
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text sql.NullString
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		list = append(list, text.String)
	}
	return slices.Clip(list), rows.Err()
}
