// Package sqlscan finds the tables that an SQL text names, without parsing SQL.
//
// It reads whole statements and fragments of them (a condition, a JOIN, a SELECT list) as the
// tokens of a server would fall, and reports every name that stands where a table can stand: after
// FROM, JOIN, INTO, UPDATE, IN and the like, at any depth. What it promises is one-sided: a table
// that the server would read or write is reported; a name that is reported may still be an alias,
// a function, a common table expression or a column. It never fails and never panics.
//
// Servers disagree on where a quote or a comment ends. Where a text can be read in two ways, the
// tables of both readings are reported, so that a name can come twice.
//
// What it cannot see is a table behind a name: a view, a trigger, a function or a stored procedure.
package sqlscan

// Dialect says how a server reads quotes.
type Dialect uint8

const (
	// Standard is Postgres, SQLite and the rest: a backslash is a plain character in '...', and an
	// escape in E'...' only.
	Standard Dialect = iota
	// MySQL is MySQL and MariaDB: a backslash escapes in '...' and "...", # starts a comment, and
	// the text of /*! ... */ is code. The modes ANSI_QUOTES and NO_BACKSLASH_ESCAPES are not known.
	MySQL
)

// AnyTable is reported as the name of a table when the name cannot be known from the text, as in
// EXECUTE. It has to be taken for every table.
const AnyTable = "*"

// Statement calls yield with each table that the statements of the text, separated by semicolons,
// can read or write, in order, until yield returns false. The name comes without its quotes and in
// the case of the text; schema is the part right before it ("public" in "app"."public"."projects"),
// or empty.
//
// Statements that define or administer but read no rows (CREATE, ALTER, DROP, GRANT, LOCK, ...)
// report nothing, unless they contain a query that runs at once, as in CREATE TABLE ... AS SELECT.
func Statement(sql string, d Dialect, yield func(schema, name string) bool) {
	scan(sql, d, asStatements, yield)
}

// Fragment is Statement for a part of a statement, such as a WHERE condition or a JOIN. Its first
// word is never taken for a command: lock, comment and start are fine names for columns.
func Fragment(sql string, d Dialect, yield func(schema, name string) bool) {
	scan(sql, d, asFragment, yield)
}

// mode says what the scanner may take the first word of a text for.
type mode uint8

const (
	asFragment mode = iota
	asStatements
	asBody // The body of a DO block, in which EXECUTE runs a text that is not known.
)

// scan reports whether yield asked for more until the end. Only this function knows yield, because
// what a struct beside the text holds would escape with it to the heap.
func scan(sql string, d Dialect, m mode, yield func(schema, name string) bool) bool {
	for _, r := range readings(d) {
		s := scanner{lexer: lexer{text: sql, reading: r}, mode: m, first: true}
		s.fresh = m == asStatements
		for s.advance() {
			for _, f := range s.found[:s.founds] {
				if f.body {
					if !scan(f.name, d, asBody, yield) {
						return false
					}
				} else if !yield(f.schema, f.name) {
					return false
				}
			}
		}
		if !s.ambiguous {
			break
		}
	}
	return true
}
