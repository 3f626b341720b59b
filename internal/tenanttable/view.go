package tenanttable

import (
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant/internal/sqltext"
)

// View is what is known at one moment. It does not change and is safe for concurrent use.
type View struct {
	db         *gorm.DB
	folding    folding
	generation uint64
	names      map[name]entry
	models     map[*schema.Schema]*binding
	further    map[further]*Table
}

// further is a name that a model's table has besides its own. A migrator uses one name for a model
// and for all models it is related to, so several models can have it.
type further struct {
	model *schema.Schema
	name  name
}

var _ sqltext.Tables = (*View)(nil)

// entry is what a name stands for.
type entry struct {
	table *Table // nil where it is nobody's
	known bool
	// guessed is set for an unqualified name that no model has; the table is in some schema.
	guessed bool
	// further is set for a name that is none of the model's own.
	further bool
	// shared is set for a name that was declared to be nobody's.
	shared bool
	// model is the model of a table that is nobody's.
	model *schema.Schema
}

// binding is what is known of a model under its own table's name.
type binding struct {
	schema, name string
	table        *Table // nil where it is nobody's
	err          error  // of a model whose tenant field is unusable
	confirmed    bool
	shared       bool
	joins        []join
}

// Generation changes whenever an answer of Lookup may have changed.
func (v *View) Generation() uint64 { return v.generation }

// Lookup returns the table of tenants with that name, nil where it is nobody's. It takes one or two
// steps, no lock, and no memory.
func (v *View) Lookup(schemaName, tableName string) *sqltext.Table {
	if t := v.named(schemaName, tableName).table; t != nil {
		return t.SQL
	}
	return nil
}

// Named is Lookup with all that is known of the table.
func (v *View) Named(schemaName, tableName string) *Table {
	return v.named(schemaName, tableName).table
}

// named returns what a name stands for, a zero entry if it is not known.
func (v *View) named(schemaName, tableName string) entry {
	e, ok := v.folding.find(v.names, schemaName, tableName)
	if ok || schemaName == "" {
		return e
	}
	if e, ok = v.folding.find(v.names, "", tableName); !ok || e.guessed || isSystem(schemaName) {
		return entry{}
	}
	return entry{table: e.table, known: e.table != nil}
}

// isSystem reports whether a schema holds the server's own tables.
func isSystem(schemaName string) bool {
	return strings.EqualFold(schemaName, "information_schema") ||
		strings.EqualFold(schemaName, "pg_catalog")
}

// Of returns the table of a statement on model under that name, or nil if it belongs to nobody. The
// name decides, not the model: a tenants' table can be read into any struct. A table of which
// nothing is known, or nobody's table that was not declared shared, is taken for a tenants' table
// if it is read into a tenant model. model may be nil. The error is an ErrInvalidModel.
func (v *View) Of(model *schema.Schema, schemaName, tableName string) (*Table, error) {
	b := v.models[model]
	if b != nil && (b.err != nil || b.isOwn(schemaName, tableName)) {
		return b.table, b.err
	}
	e := v.named(schemaName, tableName)
	if t := v.furtherOf(b, e, model, schemaName, tableName); t != nil {
		return t, nil
	}
	if e.table != nil || e.shared || b == nil || b.table == nil {
		return e.table, nil
	}
	return b.table.under(v.db, schemaName, tableName), nil
}

// furtherOf returns a table of several models as one of them sees it, nil if it has no such name.
func (v *View) furtherOf(
	b *binding, e entry, model *schema.Schema, schemaName, tableName string,
) *Table {
	if !e.further || b == nil || e.table.Model == model {
		return e.table
	}
	return v.further[further{model, v.folding.fold(schemaName, tableName)}]
}

// isOwn reports whether the name is that of the model's own table.
func (b *binding) isOwn(schemaName, tableName string) bool {
	return b.name == tableName && b.schema == schemaName
}

// Kind is what is known of a table.
type Kind uint8

const (
	// Unknown is neither a tenant's nor declared shared.
	Unknown Kind = iota
	// Shared was declared to be nobody's.
	Shared
	// Tenant belongs to tenants.
	Tenant
)

// Kind tells whose the table of a statement is, as Of does.
func (v *View) Kind(model *schema.Schema, schemaName, tableName string) Kind {
	t, err := v.Of(model, schemaName, tableName)
	b := v.models[model]
	switch {
	case t != nil || err != nil:
		return Tenant
	case b != nil && b.shared || v.named(schemaName, tableName).shared:
		return Shared
	}
	return Unknown
}
