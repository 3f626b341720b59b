package databases

import (
	"context"
	"database/sql"
	"errors"

	"github.com/gormtenant/gormtenant/internal/route"
	"github.com/gormtenant/gormtenant/internal/tenantname"
)

// Pools is one gorm.ConnPool over the databases of all tenants: each call goes to the database of
// the tenant in its context. It is safe for concurrent use.
//
// A tenant's pool is opened when it is first needed. It is closed when it is idle or when another
// tenant needs the slot, but never while one of its statements, row sets, transactions or
// connections is open.
//
// A call with no tenant in its context fails with gormtenant.ErrNoTenant, one under
// gormtenant.Unscoped with gormtenant.ErrUnscopedDenied. A transaction stays on the database where
// it began; statements in it with the context of another tenant fail with
// gormtenant.ErrOtherTenant.
type Pools struct {
	*pool
	registry *registry
}

// pool is embedded under a name that is not exported.
type pool = route.Pool

// NewPools returns pools over the databases that opener opens. Close them after use.
//
//	pools, err := databases.NewPools(databases.SQLite("data"))
//	db, err := gorm.Open(sqlite.Dialector{Conn: pools}, &gorm.Config{})
//
//	pools, err := databases.NewPools(databases.Postgres(config), databases.MaxConnections(200))
//	db, err := gorm.Open(postgres.New(postgres.Config{Conn: pools}), &gorm.Config{})
//
// A tenant's database is the one in its placement, if its context comes from tenants.NewContext and
// the placement has the level tenants.Database. Otherwise its name is made from the ID: no two
// tenants have the same, whatever their IDs are.
func NewPools(opener Opener, options ...Option) (*Pools, error) {
	c, err := configure(options)
	switch {
	case err != nil:
		return nil, err
	case opener == nil:
		return nil, errors.New("gormtenant: databases.NewPools needs an opener, " +
			"such as databases.Postgres or databases.SQLite")
	}
	if err := check(opener); err != nil {
		return nil, err
	}
	r := newRegistry(opener, c)
	r.dialer.noted = r.schedule
	return &Pools{route.New(picker{r}), r}, nil
}

// CloseTenant closes the pools of the tenant with that ID, and forgets that its databases could not
// be reached. It waits for the tenant's open statements, rows and transactions. When ctx ends it
// stops waiting and returns the context's error: open work goes on, and its connections are closed
// when they are given back. Later statements open a pool again: keep them away first if the
// database is to be dropped.
func (p *Pools) CloseTenant(ctx context.Context, id any) error {
	tenant, err := tenantname.TextOf(id)
	if err != nil {
		return err
	}
	return p.registry.closeTenant(ctx, tenant)
}

// Close closes all pools, as sql.DB.Close does: work in progress goes on, and its connections are
// closed when they are given back. Later calls fail with [ErrClosed].
func (p *Pools) Close() error {
	return errors.Join(p.registry.close(), p.pool.Close())
}

// Raw runs use on the driver's own connection, such as a *stdlib.Conn of pgx for COPY. conn is a
// connection of the pools: one of db.Connection, or of sql.DB.Conn on what db.DB returns. The
// tenant is that of ctx. The connection must not be used after use returns.
func Raw(ctx context.Context, conn *sql.Conn, use func(driverConn any) error) error {
	return route.Raw(ctx, conn, use)
}
