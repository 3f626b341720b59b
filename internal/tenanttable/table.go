package tenanttable

import (
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant/internal/sqltext"
)

// Table is a table whose rows belong to tenants: by tenant columns, or, for a many2many join table
// without one, by the rows that it joins. It does not change.
type Table struct {
	// Schema is where the table is, "" for where the connection looks first.
	Schema string
	// Name is the table's name without its schema.
	Name string
	// Model is the model by which rows of the table are read and written.
	Model *schema.Schema
	// Field is the tenant field of Model, nil for a join table without a tenant column.
	Field *schema.Field
	// Fields are all fields that hold the tenant. A join table between models whose keys have the
	// tenant among them has one for each side; any other tenant table has one.
	Fields []*schema.Field
	// Column is Field's column, quoted and qualified with Name.
	Column string
	// Direct reports whether Field can be read in place: it is not in an embedded pointer.
	Direct bool
	// Joins reports whether this is the join table of a many2many relation.
	Joins bool
	// Padded reports whether the database ignores spaces at the end of values of Field's column.
	Padded bool
	// References are the foreign keys in this table that may name rows of other tenants.
	References []*Reference
	// Parents are the names, with their schemas, of all tables that rows of this one refer to.
	Parents []string
	// SQL is the table as a reader of SQL text sees it. All Tables of one name share it.
	SQL *sqltext.Table

	qualified string
}

// Reference is a foreign key whose target is a table with a tenant column. A key that holds the
// tenant itself cannot name another tenant's row, and is not among them.
type Reference struct {
	// ForeignKeys are fields of the table that refers, PrimaryKeys those of Target they refer to.
	ForeignKeys, PrimaryKeys []*schema.Field
	Target                   *Table
	// TypeField and TypeValue tell which rows of a polymorphic key refer to Target.
	TypeField *schema.Field
	TypeValue string
}

// Qualified returns the table's name with its schema, unquoted, as GORM takes it.
func (t *Table) Qualified() string { return t.qualified }

// IsColumn reports whether column, in any case, is a tenant column of the table.
func (t *Table) IsColumn(column string) bool { return hasColumn(t.Fields, column) }

func hasColumn(fields []*schema.Field, column string) bool {
	return slices.ContainsFunc(fields, func(field *schema.Field) bool {
		return strings.EqualFold(field.DBName, column)
	})
}

// newTable returns the table of a model.
func newTable(db *gorm.DB, r *record, fields []*schema.Field) *Table {
	t := &Table{
		Schema: r.schema, Name: r.name, Model: r.model, Fields: fields, qualified: r.model.Table,
	}
	if len(fields) > 0 {
		t.Field = fields[0]
		t.Column = quoted(db, t.Name, t.Field.DBName)
		embedded := func(index int) bool { return index < 0 }
		t.Direct = !slices.ContainsFunc(t.Field.StructField.Index, embedded)
		t.Padded = isPadded(db, t.Field)
	}
	return t
}

// under returns the table as it is under another name.
func (t *Table) under(db *gorm.DB, schemaName, tableName string) *Table {
	other := *t
	other.Schema, other.Name, other.qualified = schemaName, tableName, tableName
	if schemaName != "" {
		other.qualified = schemaName + "." + tableName
	}
	if t.Field != nil {
		other.Column = quoted(db, tableName, t.Field.DBName)
	}
	if t.SQL != nil {
		text := *t.SQL
		text.Schema, text.Name = schemaName, tableName
		other.SQL = &text
	}
	return &other
}

func quoted(db *gorm.DB, table, column string) string {
	var text strings.Builder
	db.QuoteTo(&text, table)
	text.WriteByte('.')
	db.QuoteTo(&text, column)
	return text.String()
}

// sameKey reports whether both are one foreign key, perhaps seen from its two ends.
func (r *Reference) sameKey(other *Reference) bool {
	return r.TypeValue == other.TypeValue &&
		slices.EqualFunc(r.ForeignKeys, other.ForeignKeys, func(a, b *schema.Field) bool {
			return strings.EqualFold(a.DBName, b.DBName)
		})
}
