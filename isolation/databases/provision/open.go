package provision

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/tenants"
)

// Open opens the database of the tenant's placement as its owner, as [OpenWith] does, outside of
// all pools: for work on the whole of it. The caller closes what (*gorm.DB).DB returns.
func (p *Postgres) Open(ctx context.Context, t *tenants.Tenant) (*gorm.DB, error) {
	d, err := databaseOf(t)
	if err != nil {
		return nil, err
	}
	secret, err := p.secretOf(ctx, d)
	if err != nil {
		return nil, err
	}
	pool, err := p.poolAs(d, secret)
	if err != nil {
		return nil, err
	}
	db, err := p.opened(ctx, postgres.New(postgres.Config{Conn: pool}))
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return db, nil
}

// Open opens the file of the tenant's placement, as [OpenWith] does, outside of all pools. The
// caller closes what (*gorm.DB).DB returns. A file that does not exist is databases.ErrNoDatabase.
func (f *Files) Open(ctx context.Context, t *tenants.Tenant) (*gorm.DB, error) {
	d, err := databaseOf(t)
	if err != nil {
		return nil, err
	}
	path, err := f.path(d)
	if err != nil {
		return nil, err
	}
	exists, err := (&fileBuild{f: f, d: d, path: path}).exists()
	if err == nil && !exists {
		err = databases.ErrNoDatabase // to open it would make it
	}
	if err != nil {
		return nil, fmt.Errorf("gormtenant: open the database %q: %w", d.Name, err)
	}
	return f.opened(ctx, f.dialector(path))
}

func (c *config) opened(ctx context.Context, dialector gorm.Dialector) (*gorm.DB, error) {
	db, err := c.open(dialector)
	if err != nil {
		return nil, err
	}
	return db.WithContext(ctx), nil
}
