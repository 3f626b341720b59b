package quota

import (
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
)

// exactRows is how many rows of a tenant are counted anew for each create. Beyond them a counter is
// believed as long as it is below the limit. A thousand take some 0.2 ms.
const exactRows = 1000

// text is a statement that is built once. Arguments that vary have a slot in its place.
type text struct {
	sql  string
	args []any
}

// slot is an argument that varies.
type slot int

const (
	keySlot    slot = iota // the tenant as text
	columnSlot             // the tenant as the model's column has it
	rowsSlot               // how many rows are added
	nowSlot                // the time
	seenSlot               // when the counter that was read had been set
)

// values are what goes into the slots.
type values [seenSlot + 1]any

// with returns the arguments of t.
func (t text) with(v values) []any {
	args := slices.Clone(t.args)
	for i, arg := range args {
		if s, ok := arg.(slot); ok {
			args[i] = v[s]
		}
	}
	return args
}

// texts are the statements about the rows of one model.
type texts struct {
	hold   text // locks the tenant, and counts what will be there
	settle text // counts all rows under that lock, and sets the counter
	count  text // counts all rows
	look   text // counts all rows, and reads the counter
	mend   text // corrects the counter, unless somebody has set it since
}

// The tables and conditions in brackets are the model's.
//
// VALUES are locked in their order: the tenant first, so that creates of two models in two orders
// cannot wait for each other, then the limit. held.version is that of the row when it was locked,
// seen.version that at the start of the statement, when the rows were counted: they differ if
// another create came between, and then the counter, which is the other's, is right.
const (
	holdSQL = "INSERT INTO tenant_quota_locks AS held " +
		"(tenant_id, name, version, used, counted_at) VALUES " +
		"(CAST(? AS text), '', 1, CAST(NULL AS bigint), CAST(0 AS bigint)), " +
		"(CAST(? AS text), CAST(? AS text), 1, " +
		"CASE WHEN (SELECT count(*) FROM (SELECT 1 FROM [TENANT] LIMIT 1001) AS looked_at) " +
		"< 1001 " +
		"THEN [COUNT] + CAST(? AS bigint) END, CAST(? AS bigint)) " +
		"ON CONFLICT (tenant_id, name) DO UPDATE SET version = held.version + 1, " +
		"used = CASE WHEN " + exactSQL + " THEN excluded.used " +
		"ELSE held.used + CAST(? AS bigint) END, " +
		"counted_at = CASE WHEN " + exactSQL + " THEN excluded.counted_at " +
		"ELSE held.counted_at END " +
		"RETURNING name, used, counted_at, "
	exactSQL = "excluded.used IS NOT NULL AND held.version = " + seenSQL
	seenSQL  = "coalesce((SELECT seen.version FROM tenant_quota_locks AS seen " +
		"WHERE seen.tenant_id = held.tenant_id AND seen.name = held.name), 0)"
	settleSQL = "UPDATE tenant_quota_locks SET used = [COUNT] + CAST(? AS bigint), " +
		"counted_at = CAST(? AS bigint) WHERE tenant_id = ? AND name = ? RETURNING used"
	lookSQL = "SELECT used, counted_at, [COUNT] FROM tenant_quota_locks " +
		"WHERE tenant_id = ? AND name = ?"
	mendSQL = "UPDATE tenant_quota_locks SET used = used + CAST(? AS bigint), " +
		"counted_at = CAST(? AS bigint) WHERE tenant_id = ? AND name = ? AND counted_at = ?"
)

// build writes the statements for a model.
func (l *limited) build(db *gorm.DB) texts {
	grown := "1" // and SQLite's RETURNING does not know the alias
	if l.waits {
		grown = "version - " + seenSQL
	}
	return texts{
		hold:   l.text(db, holdSQL+grown, keySlot, keySlot, l.name, rowsSlot, nowSlot, rowsSlot),
		settle: l.text(db, settleSQL, rowsSlot, nowSlot, keySlot, l.name),
		count:  l.text(db, "SELECT [COUNT]"),
		look:   l.text(db, lookSQL, keySlot, l.name),
		mend:   l.text(db, mendSQL, rowsSlot, nowSlot, keySlot, l.name, seenSlot),
	}
}

// text writes a statement of a template.
func (l *limited) text(db *gorm.DB, template string, args ...any) text {
	stmt := db.Session(&gorm.Session{NewDB: true, Initialized: true}).Statement
	for template != "" {
		before, rest, found := strings.Cut(template, "[")
		n := strings.Count(before, "?")
		write(stmt, before, args[:n]...)
		if args, template = args[n:], ""; found {
			part, after, _ := strings.Cut(rest, "]")
			l.write(stmt, part, columnSlot)
			template = after
		}
	}
	return text{stmt.SQL.String(), stmt.Vars}
}

// write writes text with arguments in the places of its question marks.
func write(stmt *gorm.Statement, text string, args ...any) {
	for i := 0; ; i++ {
		before, after, found := strings.Cut(text, "?")
		_, _ = stmt.WriteString(before)
		if !found {
			return
		}
		var arg any
		if i < len(args) {
			arg = args[i]
		}
		stmt.AddVar(stmt, arg)
		text = after
	}
}

// write writes for [TENANT] the table, and the condition that a row is the tenant's, whatever state
// it is in; for [COUNT] a query that counts those of them that queries of the model find, soft
// delete considered.
func (l *limited) write(stmt *gorm.Statement, part string, id any) {
	stmt.Schema, stmt.Table = l.schema, l.schema.Table
	// It is unscoped, so that the tenant plugin adds no condition for a tenant of its own.
	stmt.Context = gormtenant.Unscoped(stmt.Context,
		"a condition on the tenant is written by package quota")
	tenant := clause.Column{Table: clause.CurrentTable, Name: l.field.DBName}
	stmt.Clauses = map[string]clause.Clause{}
	stmt.AddClause(clause.Where{
		Exprs: []clause.Expression{clause.Eq{Column: tenant, Value: id}},
	})
	before, after := "", ""
	if part == "COUNT" {
		before, after = "(SELECT count(*) FROM ", ")"
		for _, c := range l.schema.QueryClauses {
			stmt.AddClause(c)
		}
	}
	_, _ = stmt.WriteString(before)
	stmt.WriteQuoted(l.schema.Table)
	_ = stmt.WriteByte(' ')
	stmt.Build("WHERE")
	_, _ = stmt.WriteString(after)
}
