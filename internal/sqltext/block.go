package sqltext

// none stands for a token, an item, a block or a condition that is not there.
const none = -1

// blockKind is what a block does.
type blockKind uint8

const (
	selects blockKind = iota
	updates
	deletes
	inserts
)

// block is one SELECT, UPDATE, DELETE or INSERT with the tables that its FROM names.
type block struct {
	kind   blockKind
	outer  int32 // The block whose tables this one sees as well, or none.
	lo, hi int32 // Its items.
	where  int32 // Its WHERE, or none.
	at     int32 // The token in front of which a WHERE would stand.
	first  int32 // Its first token.

	// Only for EXISTS: whether the block returns a row if and only if its WHERE holds for one.
	plain bool
}

// itemKind is what an item of FROM is.
type itemKind uint8

const (
	other   itemKind = iota // A derived table, a function, a common table expression.
	table                   // A table.
	command                 // The table of the command TABLE.
	target                  // The table that an UPDATE or DELETE changes.
	created                 // The table that an INSERT writes to.
)

// item is what stands between two commas or JOINs of FROM, or the target of a command.
type item struct {
	kind  itemKind
	block int32
	table *Table // Of a tenant table.

	start    int32 // Its first token, which may be ONLY.
	path     int32 // The first token of its name.
	name     int32 // The last token of its name.
	pathEnd  int32 // The token behind its name, and behind the * of Postgres.
	alias    int32 // The token of its alias, or none.
	columns  bool  // Its alias renames columns.
	aliasEnd int32 // The token behind its alias and their columns.
	suffix   int32 // The token behind TABLESAMPLE, INDEXED BY and the like.

	place  int32 // The condition that limits it: of ON, of WHERE or one of the places below.
	alone  bool  // Parentheses around it make SQLite forget its alias.
	hidden bool  // An alias of the parentheses around it hides its name.
}

const (
	inWhere   = -1 // The WHERE of its block.
	inDerived = -2 // A derived table in its place.
)

// visible returns the token by which a column of the item is qualified.
func (i *item) visible() int32 {
	if i.alias != none {
		return i.alias
	}
	return i.name
}

// parts returns how many tenant columns and sides limit the item.
func (i *item) parts() int32 {
	if i.table == nil || i.kind == created {
		return 0
	}
	return int32(len(i.table.Columns) + len(i.table.Sides)) //nolint:gosec // A handful.
}

// condition is the condition of a WHERE or an ON.
type condition struct {
	block      int32
	start, end int32 // Its tokens.
	lo, hi     int32 // The items that it filters.
}

// label is an item of a SELECT list that has no name and holds a sub-query.
type label struct{ start, end int32 }

// common is a name that WITH gave to a query.
type common struct {
	name int32 // Its token.
}

// bond is the value of the tenant column in a row of an INSERT, or a guard of an upsert.
type bond struct{ item, column, arg int32 }

// assigned is a column that a command sets.
type assigned struct{ block, token int32 }

// structure is what the reader found in a statement.
type structure struct {
	blocks     []block
	items      []item
	conditions []condition
	labels     []label
	bonds      []bond
	changed    []assigned
}
