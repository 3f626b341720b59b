package callbacks

import (
	"strings"

	"gorm.io/gorm"
)

// beforeRaw refuses raw SQL of Exec that names a table of tenants.
func (g *guard) beforeRaw(db *gorm.DB) {
	if db.Error == nil {
		g.forget(db.Statement)
		g.checkRaw(db)
	}
}

// checkText does the same for a create, update or delete whose text is there before GORM builds it:
// db.Raw(...).Delete(...), or a hook that writes into Statement.SQL. GORM sends it as it is.
func (g *guard) checkText(db *gorm.DB) {
	if db.Error == nil && db.Statement.SQL.Len() > 0 {
		g.checkRaw(db)
	}
}

// checkRaw refuses a statement that a caller wrote as text and that names a table of tenants,
// unless one of its arguments is scopes.ID.
func (g *guard) checkRaw(db *gorm.DB) {
	const op = "raw"
	stmt := db.Statement
	text := stmt.SQL.String()
	g.tables.Migrating(text)
	g.tables.Scanned(stmt.Schema, text)
	if strings.Contains(text, refused) {
		fail(db, op, stmt.Table, errSubquery)
		return
	}
	if g.config.AllowRawSQL {
		return
	}
	name := g.tableInStatement(text)
	if name == "" || g.isMigration(text) {
		return
	}
	if err := g.vouched(stmt, op, name, stmt.Vars); err != nil {
		fail(db, op, name, err)
	}
}
