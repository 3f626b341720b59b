package sqltext

import "strings"

// Reason is why a text is refused.
type Reason uint8

const (
	// Unreadable is a text that cannot be read with certainty and may name a tenant table.
	Unreadable Reason = iota + 1
	// SeveralStatements is a tenant table in one of several statements.
	SeveralStatements
	// TenantChange is an assignment to the tenant column, or to the key of a join table.
	TenantChange
	// RawInsert is an INSERT whose rows do not have a placeholder for the tenant column.
	RawInsert
	// Upsert is a statement that may meet another tenant's row with the same key and is not
	// guarded against it: ON CONFLICT, REPLACE, INSERT IGNORE and the like.
	Upsert
	// Command is a command that no condition can limit: MERGE, COPY, TRUNCATE, CREATE TABLE AS.
	Command
	// RunsText is a command or a function that runs a text or a table that is not known here:
	// EXECUTE, query_to_xml.
	RunsText
	// Catalog is a system table that holds values or statements of all tenants: pg_stats.
	Catalog
	// Placeholders is a text whose placeholders are not its arguments, or cannot be counted.
	Placeholders
	// TooLarge is a text with more tables or a deeper nesting than is read.
	TooLarge
	// NotFound is a text that GORM built and in which the table of the statement was not found.
	NotFound
	// NotTenant is an argument that must be the tenant and is not. Only Plan.Rewrite returns it.
	NotTenant
	// Forged is a text that holds the nonce of the marks where no mark can stand.
	Forged
)

var reasonNames = [...]string{
	Unreadable: "unreadable", SeveralStatements: "several statements",
	TenantChange: "tenant change", RawInsert: "raw insert", Upsert: "upsert", Command: "command",
	RunsText: "runs text", Catalog: "catalog", Placeholders: "placeholders",
	TooLarge: "too large", NotFound: "not found", NotTenant: "not the tenant",
	Forged: "forged mark",
}

// String returns the reason in lower case words.
func (r Reason) String() string {
	if int(r) < len(reasonNames) && reasonNames[r] != "" {
		return reasonNames[r]
	}
	return "unknown reason"
}

// Refusal is the error of a text that cannot be limited to a tenant.
type Refusal struct {
	Reason Reason
	Table  string // The tenant table that it is about, or "".
	Detail string // What is wrong, and what to write instead.
	Pos    int    // Where in the text, in bytes.
}

// Error returns the table and the detail. It holds nothing of the text and no argument.
func (r *Refusal) Error() string {
	var b strings.Builder
	if r.Table != "" {
		b.WriteString(r.Table)
		b.WriteString(": ")
	}
	b.WriteString(r.Detail)
	return b.String()
}
