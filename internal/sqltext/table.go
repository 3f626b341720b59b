package sqltext

// Tables says which names are tables of tenants.
type Tables interface {
	// Lookup returns the table of that name, or nil if no tenant has rows in it. The names come
	// without their quotes and in the case of the text; schema is "" where the text has none. The
	// implementation folds case, and should take one step: it is asked about every word of a text.
	// On Postgres a name of more than 63 bytes is asked for whole, then cut as the server cuts it.
	Lookup(schema, name string) *Table
}

// Table is a table whose rows belong to tenants. It must not change while a Plan refers to it.
type Table struct {
	Name   string // The table's own name, which stands in an added EXISTS and in messages.
	Schema string // Where it is; "" for where the connection looks first.

	// Columns are the tenant columns; a row is the tenant's if each of them holds the tenant.
	// Mostly one, none for a join table that has none, two for a join table between composite keys.
	Columns []string
	Sides   []Side // Of a join table without a tenant column: whose rows it joins.
}

// Side is a foreign key of a join table. A row of the table is the tenant's if each of its sides
// refers to a row that is.
type Side struct {
	Columns []string // The columns of the foreign key.
	Target  *Table   // The table they refer to, which has a tenant column.
	Keys    []string // The columns of Target they refer to, in the order of Columns.

	// TypeColumn is the column that names the kind of row a polymorphic key refers to; "" for any
	// other key. A row whose type is not TypeValue passes.
	TypeColumn, TypeValue string
}
