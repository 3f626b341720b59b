package databases

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/tenants"
)

// Open opens the database of the tenant's placement as its owner, past all pools, as [OpenWith] says,
// for work on the whole of it. The caller closes what (*gorm.DB).DB returns.
func (p *Provisioner) Open(ctx context.Context, t *tenants.Tenant) (*gorm.DB, error) {
	d, err := databaseOf(t)
	if err != nil {
		return nil, err
	}
	server, err := p.servers.of(d)
	if err != nil {
		return nil, err
	}
	secret, err := p.secrets.Get(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("gormtenant: the credentials for the database %q: %w", d.Name, err)
	}
	config := server.config(d, secret)
	if config.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
		config.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec // tables may change under it
	}
	pool := stdlib.OpenDB(*config)
	db, err := p.opened(ctx, postgres.New(postgres.Config{Conn: pool}))
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return db, nil
}

// Open opens the file of the tenant's placement, past all pools, as [OpenWith] says. The caller closes what
// (*gorm.DB).DB returns. A file that is not there is [ErrNoDatabase].
func (f *Files) Open(ctx context.Context, t *tenants.Tenant) (*gorm.DB, error) {
	d, err := databaseOf(t)
	if err != nil {
		return nil, err
	}
	path, err := f.Path(d)
	if err != nil {
		return nil, err
	}
	exists, err := (&building{f: f, d: d, path: path}).exists()
	if err == nil && !exists {
		err = ErrNoDatabase // to open it would make it
	}
	if err != nil {
		return nil, fmt.Errorf("gormtenant: open the database %q: %w", d.Name, err)
	}
	return f.opened(ctx, f.dialector(path))
}

func (p *provisioning) opened(ctx context.Context, dialector gorm.Dialector) (*gorm.DB, error) {
	db, err := p.open(dialector)
	if err != nil {
		return nil, err
	}
	return db.WithContext(ctx), nil
}
