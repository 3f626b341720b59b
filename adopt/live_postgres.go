package adopt

import (
	"fmt"
	"strings"

	"gorm.io/gorm"
)

// separator separates the columns that one query returns in one value.
const separator = "\x1f"

func split(list string) []string { return strings.Split(list, separator) }

// readPostgres reads a table from the catalog, nil if there is no such table.
func (p *planner) readPostgres(db *gorm.DB, t *table) (*live, error) {
	name := p.quote(t.name)
	var columns []struct {
		Name, Kind, Def string
		NotNull         bool
	}
	err := db.Raw("SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS kind, "+
		"a.attnotnull AS not_null, coalesce(pg_get_expr(d.adbin, d.adrelid), '') AS def "+
		"FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d "+
		"ON d.adrelid = a.attrelid AND d.adnum = a.attnum "+
		"WHERE a.attrelid = to_regclass(?) AND a.attnum > 0 AND NOT a.attisdropped "+
		"ORDER BY a.attnum", name).Scan(&columns).Error
	if err != nil || len(columns) == 0 {
		return nil, err
	}
	l := &live{}
	for _, c := range columns {
		l.columns = append(l.columns, column{c.Name, c.Kind, c.Def, c.NotNull})
	}
	var indexes []struct {
		Name, Columns, Predicate             string
		IsUnique, IsPrimary, Valid, Declared bool
	}
	err = db.Raw("SELECT c.relname AS name, i.indisunique AS is_unique, "+
		"i.indisprimary AS is_primary, i.indisvalid AS valid, "+
		"coalesce(pg_get_expr(i.indpred, i.indrelid), '') AS predicate, "+
		"EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid "+
		"AND k.conrelid = i.indrelid AND k.contype IN ('u', 'p', 'x')) AS declared, "+
		"(SELECT string_agg(coalesce(a.attname, ''), chr(31) ORDER BY n.place) "+
		"FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS n(number, place) "+
		"LEFT JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = n.number "+
		"AND n.number <> 0 WHERE n.place <= i.indnkeyatts) AS columns "+
		"FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid "+
		"WHERE i.indrelid = to_regclass(?) ORDER BY c.relname", name).Scan(&indexes).Error
	if err != nil {
		return nil, err
	}
	for _, i := range indexes {
		l.indexes = append(l.indexes, index{
			name: i.Name, columns: split(i.Columns), unique: i.IsUnique, primary: i.IsPrimary,
			constraint: i.Declared, where: i.Predicate, invalid: !i.Valid,
		})
	}
	if err := p.readPostgresKeys(db, name, l); err != nil {
		return nil, err
	}
	var valid []bool
	err = db.Raw("SELECT convalidated FROM pg_constraint WHERE conrelid = to_regclass(?) "+
		"AND conname = ? AND contype = 'c'", name, t.checkName()).Scan(&valid).Error
	switch {
	case len(valid) == 0:
	case valid[0]:
		l.check = "valid"
	default:
		l.check = "invalid"
	}
	return l, err
}

// checkName is the name of the check by which a column gets NOT NULL without a long lock.
func (t *table) checkName() string { return made(t.Name + "_not_null") }

func (p *planner) readPostgresKeys(db *gorm.DB, name string, l *live) error {
	var keys []struct {
		Name, Schema, Target, Columns, Targets, OnDelete, OnUpdate string
		Valid                                                      bool
	}
	list := func(numbers, of string) string {
		return "(SELECT string_agg(a.attname, chr(31) ORDER BY n.place) FROM unnest(k." + numbers +
			") WITH ORDINALITY AS n(number, place) JOIN pg_attribute AS a " +
			"ON a.attrelid = k." + of + " AND a.attnum = n.number)"
	}
	err := db.Raw("SELECT k.conname AS name, s.nspname AS schema, c.relname AS target, "+
		"k.convalidated AS valid, k.confdeltype::text AS on_delete, "+
		"k.confupdtype::text AS on_update, "+
		list("conkey", "conrelid")+" AS columns, "+list("confkey", "confrelid")+" AS targets "+
		"FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.confrelid "+
		"JOIN pg_namespace AS s ON s.oid = c.relnamespace "+
		"WHERE k.conrelid = to_regclass(?) AND k.contype = 'f' ORDER BY k.conname", name).
		Scan(&keys).Error
	if err != nil {
		return fmt.Errorf("gormtenant: adopt: reading foreign keys of %s: %w", name, err)
	}
	actions := map[string]string{
		"c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT", "r": "RESTRICT",
	}
	for _, k := range keys {
		target := k.Target
		if p.table(target) == nil && p.table(k.Schema+"."+target) != nil {
			target = k.Schema + "." + target
		}
		if known := p.table(target); known != nil {
			target = known.name
		}
		l.keys = append(l.keys, foreignKey{
			name: k.Name, columns: split(k.Columns), target: target, targets: split(k.Targets),
			onDelete: actions[k.OnDelete], onUpdate: actions[k.OnUpdate], invalid: !k.Valid,
		})
	}
	return nil
}
