package quota

import (
	"fmt"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
)

// limited is a model of whose rows a tenant may have so many.
type limited struct {
	name   string // of the limit
	schema *schema.Schema
	field  *schema.Field // of the tenant
	lock   text          // locks and counts; its arguments begin as lockArgs has them
	count  text          // counts; its first argument is the tenant
	// waits says that a statement can wait for a lock and still see what was there before, as in
	// PostgreSQL. SQLite has one writer at a time, who sees everything.
	waits bool
}

// text is a statement that is built once, and its arguments with blanks for those that vary.
type text struct {
	sql  string
	args []any
}

func newLimited(db *gorm.DB, plugin tenantPlugin, given limit) (*limited, error) {
	stmt := &gorm.Statement{DB: db}
	if err := stmt.Parse(given.model); err != nil {
		return nil, fmt.Errorf("%w: quota.Limit was given a %T, which is no model: "+
			"give it a pointer to a struct, as in quota.Limit(&Project{}, \"projects\"): %w",
			gormtenant.ErrInvalidModel, given.model, err)
	}
	field, err := plugin.TenantField(stmt.Schema)
	if err != nil {
		return nil, err
	}
	if field == nil {
		return nil, fmt.Errorf("%w: quota.Limit was given %s, which has no tenant field, so its "+
			"rows are nobody's: embed models.TenantModel in it", gormtenant.ErrInvalidModel,
			stmt.Schema.Name)
	}
	l := &limited{
		name: given.name, schema: stmt.Schema, field: field, waits: db.Name() == "postgres",
	}
	l.lock, l.count = l.buildLock(db), l.buildCount(db)
	return l, nil
}

// Arguments of limited.lock that vary.
const (
	lockKey  = 0 // the tenant as text
	seenKey  = 2 // the same
	countKey = 4 // the tenant as the model's column has it
)

const lockSQL = "INSERT INTO tenant_quota_locks AS held (tenant_id, name, version) VALUES (?, ?, " +
	"1) ON CONFLICT (tenant_id, name) DO UPDATE SET version = held.version + 1 " +
	"RETURNING version - coalesce((SELECT seen.version FROM tenant_quota_locks AS seen " +
	"WHERE seen.tenant_id = ? AND seen.name = ?), 0), ("

func (l *limited) buildLock(db *gorm.DB) text {
	stmt := l.newStatement(db)
	clause.Expr{SQL: lockSQL, Vars: []any{"", l.name, "", l.name}}.Build(stmt)
	l.writeCount(stmt)
	_ = stmt.WriteByte(')')
	return text{stmt.SQL.String(), stmt.Vars}
}

func (l *limited) buildCount(db *gorm.DB) text {
	stmt := l.newStatement(db)
	l.writeCount(stmt)
	return text{stmt.SQL.String(), stmt.Vars}
}

// newStatement returns a statement to build text in. It is unscoped, so that the tenant plugin adds
// no condition: writeCount writes the tenant's itself, for whichever tenant it will be.
func (l *limited) newStatement(db *gorm.DB) *gorm.Statement {
	stmt := db.Session(&gorm.Session{NewDB: true, Initialized: true}).Statement
	stmt.Context = gormtenant.Unscoped(stmt.Context,
		"a condition on the tenant is written by package quota")
	stmt.Schema, stmt.Table = l.schema, l.schema.Table
	return stmt
}

// writeCount writes a query that counts the rows that queries of the model find, soft delete
// considered.
func (l *limited) writeCount(stmt *gorm.Statement) {
	_, _ = stmt.WriteString("SELECT count(*) FROM ")
	stmt.WriteQuoted(l.schema.Table)
	_ = stmt.WriteByte(' ')
	tenant := clause.Column{Table: clause.CurrentTable, Name: l.field.DBName}
	stmt.AddClause(clause.Where{Exprs: []clause.Expression{clause.Eq{Column: tenant, Value: ""}}})
	for _, c := range l.schema.QueryClauses {
		stmt.AddClause(c)
	}
	stmt.Build("WHERE")
}

// tableKey returns what the spellings of a table's name have in common. As for the tenant plugin,
// the tables of one name in several schemas are one.
func tableKey(name string) string {
	name = name[strings.LastIndexByte(name, '.')+1:]
	return strings.ToLower(strings.Trim(name, " \t\r\n\"`[]"))
}
