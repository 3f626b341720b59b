package tenanttest

import (
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// index is an index of a table, as the database has it.
type index struct {
	name    string
	unique  bool
	partial bool
	columns []string // "" stands for an expression
	// expressions is the text of these.
	expressions string
}

// has reports whether a column, as it is, is part of the index.
func (i index) has(column string) bool { return slices.Contains(i.columns, column) }

// covers reports whether a column is part of the index, as it is or in an expression.
func (i index) covers(column string) bool {
	return i.has(column) || i.expressions != "" && mentions(i.expressions, column)
}

// readCatalog asks the database for the indexes of the tables, and whether the tenant may be NULL.
func (k *kit) readCatalog() error {
	for _, m := range k.models {
		read := k.readMigrator
		switch k.db.Name() {
		case "sqlite":
			read = k.readSQLite
		case "postgres":
			read = k.readPostgres
		}
		if err := read(m); err != nil {
			return fmt.Errorf("tenanttest: reading the indexes of %s: %w", m.schema.Table, err)
		}
	}
	return nil
}

// readMigrator reads what GORM's Migrator knows. Where it cannot tell, the tags of the model count.
func (k *kit) readMigrator(m *model) error {
	found, err := k.as(k.ours).Migrator().GetIndexes(m.new())
	if err != nil {
		m.readTags()
		return nil //nolint:nilerr // Not every dialect can list indexes.
	}
	for _, i := range found {
		unique, _ := i.Unique()
		m.indexes = append(m.indexes, index{name: i.Name(), unique: unique, columns: i.Columns()})
	}
	columns, err := k.as(k.ours).Migrator().ColumnTypes(m.new())
	for _, column := range columns {
		if m.tenant != nil && column.Name() == m.tenant.DBName {
			m.nullable, _ = column.Nullable()
		}
	}
	return err
}

// readTags reads the indexes that the model's tags ask for.
func (m *model) readTags() {
	m.nullable = m.tenant != nil && !m.tenant.NotNull && !m.tenant.PrimaryKey
	for _, parsed := range m.schema.ParseIndexes() {
		i := index{name: parsed.Name, unique: parsed.Class == "UNIQUE", partial: parsed.Where != ""}
		for _, field := range parsed.Fields {
			i.columns = append(i.columns, field.DBName)
		}
		m.indexes = append(m.indexes, i)
	}
	for _, field := range m.schema.Fields {
		if field.Unique {
			m.indexes = append(m.indexes, index{unique: true, columns: []string{field.DBName}})
		}
	}
	m.indexes = append(m.indexes, index{unique: true, columns: m.schema.PrimaryFieldDBNames})
}

func (k *kit) readSQLite(m *model) error {
	columns, err := k.query(`SELECT name, "notnull", pk FROM pragma_table_info(?) ORDER BY pk`,
		m.schema.Table)
	if err != nil {
		return err
	}
	var key []string
	for _, column := range columns {
		name, notNull, position := text(column[0]), text(column[1]) == "1", text(column[2])
		if m.tenant != nil && name == m.tenant.DBName {
			m.nullable = !notNull && position == "0"
		}
		if position != "0" {
			key = append(key, name)
		}
	}
	if len(key) > 0 { // a table without a key says nothing here
		m.addIndex(index{name: "primary key", unique: true, columns: key})
	}
	found, err := k.query(`SELECT l.name, l."unique", l.partial, coalesce(i.name, ''), `+
		`coalesce(s.sql, '') FROM `+
		`pragma_index_list(?) AS l, pragma_index_info(l.name) AS i LEFT JOIN sqlite_master AS s `+
		`ON s.name = l.name AND s.type = 'index' WHERE l.origin <> 'pk' ORDER BY l.name, `+
		`i.seqno`, m.schema.Table)
	for _, row := range found {
		m.addColumn(text(row[0]), text(row[1]) == "1", text(row[2]) == "1", text(row[3]),
			text(row[4]))
	}
	return err
}

func (k *kit) readPostgres(m *model) error {
	columns, err := k.query("SELECT attname, attnotnull FROM pg_attribute WHERE attrelid = "+
		"CAST(? AS regclass) AND attnum > 0 AND NOT attisdropped", k.quote(m.schema.Table))
	if err != nil {
		return err
	}
	for _, column := range columns {
		if m.tenant != nil && text(column[0]) == m.tenant.DBName {
			m.nullable = column[1] != true
		}
	}
	found, err := k.query("SELECT CAST(i.indexrelid AS regclass)::text, i.indisunique, i.indpred "+
		"IS NOT NULL, coalesce(a.attname, ''), coalesce(pg_get_expr(i.indexprs, i.indrelid), '') "+
		"FROM pg_index AS i CROSS JOIN LATERAL unnest(CAST(i.indkey AS int2[])) WITH ORDINALITY "+
		"AS c (attnum, position) LEFT JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND "+
		"a.attnum = c.attnum AND a.attnum > 0 WHERE i.indrelid = CAST(? AS regclass) AND "+
		"i.indisvalid AND c.position <= i.indnkeyatts ORDER BY 1, c.position",
		k.quote(m.schema.Table))
	for _, row := range found {
		m.addColumn(text(row[0]), row[1] == true, row[2] == true, text(row[3]), text(row[4]))
	}
	if err != nil {
		return err
	}
	labels, err := k.query("SELECT a.attname, e.enumlabel FROM pg_attribute AS a JOIN pg_enum AS "+
		"e ON e.enumtypid = a.atttypid WHERE a.attrelid = CAST(? AS regclass) AND NOT "+
		"a.attisdropped ORDER BY e.enumsortorder", k.quote(m.schema.Table))
	m.labels = map[string][]string{}
	for _, row := range labels {
		m.labels[text(row[0])] = append(m.labels[text(row[0])], text(row[1]))
	}
	return err
}

func (m *model) addIndex(i index) { m.indexes = append(m.indexes, i) }

// addColumn adds a column to the index that was added last, or a new index.
func (m *model) addColumn(name string, unique, partial bool, column, expressions string) {
	if n := len(m.indexes); n == 0 || m.indexes[n-1].name != name {
		m.addIndex(index{name: name, unique: unique, partial: partial})
	}
	i := &m.indexes[len(m.indexes)-1]
	if i.columns = append(i.columns, column); column == "" {
		i.expressions = expressions
	}
}

// isKey reports whether the index is that of the primary key.
func (m *model) isKey(i index) bool {
	key := slices.Clone(m.schema.PrimaryFieldDBNames)
	columns := slices.Clone(i.columns)
	slices.Sort(key)
	slices.Sort(columns)
	return i.unique && slices.Equal(key, columns)
}

// quote writes the name of a table as SQL.
func (k *kit) quote(table string) string { return k.db.Statement.Quote(clause.Table{Name: table}) }

// inText writes the name of a table as developers do in text: in quotes where it needs them.
func (k *kit) inText(table string) string {
	if table != strings.ToLower(table) {
		return k.quote(table)
	}
	return table
}

// quoteColumn writes the name of a column as SQL.
func (k *kit) quoteColumn(field *schema.Field) string {
	return k.db.Statement.Quote(clause.Column{Name: field.DBName})
}
