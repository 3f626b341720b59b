package databases

import (
	"context"
	"database/sql"

	"github.com/gormtenant/gormtenant"
)

// versionQuery is what GORM's dialect of SQLite asks in gorm.Open, before there can be a tenant.
const versionQuery = "select sqlite_version()"

// QueryRowContext runs a query of one row. An error is that of the row.
func (p *Pools) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if query == versionQuery {
		if row := p.version(ctx); row != nil {
			return row
		}
	}
	return p.pool.QueryRowContext(ctx, query, args...)
}

// version answers the query if there is no tenant, from a database in memory: the version is the
// driver's.
func (p *Pools) version(ctx context.Context) *sql.Row {
	if _, ok := gormtenant.FromContext(ctx); ok {
		return nil
	}
	connector, ok := memoryOf(p.registry.dialer.opener)
	if !ok {
		return nil
	}
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }() // the row keeps its connection until it is read
	return db.QueryRowContext(ctx, versionQuery)
}
