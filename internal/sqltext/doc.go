// Package sqltext reads a finished SQL statement and limits it to the rows of one tenant.
//
// It knows the text, the dialect and which tables have tenants, and nothing of the value of a
// tenant or of who asks. Read returns a Plan: which references to tenant tables the text has,
// which placeholders must hold the tenant so that each of them is limited, and how to write the
// text so that those are limited that are not.
//
//	SELECT * FROM projects p LEFT JOIN tasks t ON t.project_id = p.id WHERE p.tenant_id = $1
//
// Here p is proved if the first argument is the tenant, and t is made so:
//
//	... LEFT JOIN tasks t ON (t.project_id = p.id) AND t.tenant_id = $2 WHERE p.tenant_id = $1
//
// The promise: a text that Read accepts, as its plan proves or rewrites it, returns and changes in
// a shared database what it would in a database that holds the rows of the tenant alone. A text
// that could be read in two ways, or that does what no condition can limit, is refused. A text that
// can name no tenant table is left as it is, byte for byte.
//
// What it cannot see is a table behind a name: a view, a trigger, a function or a stored procedure.
// An expression of the text may be evaluated for the rows of others before the condition drops
// them, as everywhere in SQL: 1 / (price - 100) can fail because of another tenant's price.
package sqltext
