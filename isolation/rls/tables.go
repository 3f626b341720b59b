package rls

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/tenanttable"
)

// table is a table that gets a policy: the table of a tenant model, or a join table whose rows
// belong to the tenants of the rows that they join.
type table struct {
	name   string
	column string // of the tenant, "" for a join table
	kind   string // the type of that column, as a cast
	model  string // the type that the model gives it
	owners []joinSide
	// more are further tenant columns, of a join table between keys with the tenant among them.
	more []*table
}

// joinSide is a tenant model's table that a join table refers to.
type joinSide = tenanttable.Side[*table]

// tablesOf returns the tables of the tenant models among those given, those of the models that they
// are related to, and their join tables. Given none it takes all that the plugin knows.
func tablesOf(db *gorm.DB, given []any) ([]*table, error) {
	known, err := tenanttable.Of(db).Closure(given...)
	if err != nil {
		return nil, err
	}
	if len(known) == 0 && len(given) == 0 {
		return nil, errors.New("gormtenant: rls knows no models: pass them, " +
			"as in rls.Enable(db, &Project{}), or name them to the plugin with tenantplugin.Models")
	}
	if len(known) == 0 {
		return nil, fmt.Errorf("%w: none of the models has a tenant field",
			gormtenant.ErrInvalidModel)
	}
	tables := make([]*table, len(known))
	number := map[*tenanttable.Table]*table{}
	for i, k := range known {
		if tables[i], err = newTable(db, k); err != nil {
			return nil, err
		}
		number[k] = tables[i]
	}
	for i, k := range known {
		tables[i].owners = tenanttable.Sides(k, number)
	}
	return tables, nil
}

func newTable(db *gorm.DB, known *tenanttable.Table) (*table, error) {
	t := &table{name: known.Qualified()}
	for i, field := range known.Fields {
		kind, err := typeOf(db, t.name, field)
		if err != nil {
			return nil, err
		}
		model := castTo(db.Dialector.DataTypeOf(field))
		if kind == "" {
			kind = model
		}
		if i == 0 {
			t.column, t.kind, t.model = field.DBName, kind, model
		} else {
			t.more = append(t.more, &table{name: t.name, column: field.DBName, kind: kind})
		}
	}
	return t, nil
}

// typeOf returns the type of a column as a cast, "" if there is no such column.
func typeOf(db *gorm.DB, name string, field *schema.Field) (string, error) {
	var kind sql.NullString
	err := db.Session(&gorm.Session{NewDB: true}).Raw(
		"SELECT format_type(coalesce(nullif(t.typbasetype, 0), t.oid), NULL) "+
			"FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid "+
			"WHERE a.attrelid = to_regclass(?) AND a.attname = ? AND NOT a.attisdropped",
		quote(db, name), field.DBName).Row().Scan(&kind)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("gormtenant: reading the type of %s.%s: %w", name, field.DBName, err)
	}
	return castTo(kind.String), nil
}

// castTo returns the name of a type for a cast that shortens nothing: an ID longer than the column
// must not be cut to one that fits.
func castTo(kind string) string {
	base, _, _ := strings.Cut(kind, "(")
	base, _, _ = strings.Cut(base, " GENERATED ")
	base = strings.TrimSpace(base)
	if !strings.Contains(base, `"`) { // else its capitals matter
		base = strings.ToLower(base)
	}
	switch base {
	case "character", "char": // as a cast: one character
		return "bpchar"
	case "varchar":
		return "character varying"
	case "bigserial", "int8":
		return "bigint"
	case "serial", "int", "int4":
		return "integer"
	case "smallserial", "int2":
		return "smallint"
	case "decimal":
		return "numeric"
	}
	return base
}

// quote writes the name of a table or a column.
func quote(db *gorm.DB, name string) string { return db.Statement.Quote(clause.Table{Name: name}) }
