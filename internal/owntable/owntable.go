// Package owntable has the table of this library's own that every place of tenants has, beside
// those of the application: shared tables, a schema, a database. What makes a place makes the
// table, and what moves, exports and erases a tenant's rows takes those in it along. The table's
// package is above those that need it here.
package owntable

import (
	"context"
	"database/sql"
	"strings"
)

// Lock is whose a row of the table of the quotas' locks is, which quota.Lock has in full.
type Lock struct {
	TenantID string `gorm:"column:tenant_id;primaryKey;tenant"`
	Name     string `gorm:"column:name;primaryKey"`
}

// Locks is the name of the table.
const Locks = "tenant_quota_locks"

// TableName returns the name of the table.
func (Lock) TableName() string { return Locks }

// Models are the models of the tables.
func Models() []any { return []any{&Lock{}} }

// Conn runs statements: a *sql.DB, or a transaction.
type Conn interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// added are the columns that an earlier version had not.
var added = []struct{ name, definition string }{
	{"used", "{integer}"},
	{"counted_at", "{integer} NOT NULL DEFAULT 0"},
}

// Complete makes the table in a schema, where it or a column of it is missing, as AutoMigrate would
// make it. schema is quoted; "" is the first of the search path.
func Complete(ctx context.Context, conn Conn, dialect, schema string) error {
	integer, name := "bigint", Locks
	if dialect == "sqlite" {
		integer = "integer"
	}
	if schema != "" {
		name = schema + "." + Locks
	}
	in := strings.NewReplacer("{name}", name, "{integer}", integer)
	columns := ""
	for _, c := range added {
		columns += ", " + c.name + " " + c.definition
	}
	statements := []string{"CREATE TABLE IF NOT EXISTS {name} (tenant_id text, name text, " +
		"version {integer} NOT NULL" + columns + ", PRIMARY KEY (tenant_id,name))"}
	for _, c := range added {
		has, add := false, " IF NOT EXISTS "
		if dialect == "sqlite" {
			add = " "
			err := conn.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM "+
				"pragma_table_info('"+Locks+"')) = 0 OR EXISTS (SELECT 1 FROM "+
				"pragma_table_info('"+Locks+"') WHERE name = ?)", c.name).Scan(&has)
			if err != nil {
				return err
			}
		}
		if !has {
			statements = append(statements, "ALTER TABLE {name} ADD COLUMN"+add+c.name+" "+
				c.definition)
		}
	}
	for _, statement := range statements {
		if _, err := conn.ExecContext(ctx, in.Replace(statement)); err != nil {
			return err
		}
	}
	return nil
}

// IsComplete is a query on Postgres for whether the table whose qualified name is the argument has
// all of its columns, as one boolean.
const IsComplete = "SELECT count(*) = 2 FROM pg_attribute WHERE attrelid = to_regclass($1) " +
	"AND attname IN ('used', 'counted_at') AND NOT attisdropped"
