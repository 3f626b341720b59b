package provision

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"

	"github.com/gormtenant/gormtenant/internal/option"
	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/databases/credentials"
	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/tenants"
)

// Postgres makes, migrates and drops tenants' databases on servers of Postgres. It is safe for
// concurrent use, by several processes too, and holds no connections between calls.
//
// Its errors are for the operator. They contain no passwords. The servers never see one: they are
// given SCRAM verifiers. Roles of other tenants cannot connect to a tenant's database. Every role
// can connect to the server's other databases, such as "postgres": REVOKE CONNECT ON DATABASE ...
// FROM PUBLIC there.
type Postgres struct {
	config
	servers servers
	secrets credentials.Secrets
}

// NewPostgres returns the provisioner of databases on servers. It puts the credentials that it
// makes into secrets. It connects to nothing.
func NewPostgres(
	secrets credentials.Secrets, servers []Server, options ...PostgresOption,
) (*Postgres, error) {
	known, err := newServers(servers)
	if err != nil {
		return nil, err
	}
	if secrets == nil {
		return nil, errors.New("gormtenant: provision.NewPostgres needs the secrets")
	}
	c := newConfig()
	err = option.Apply("provision.NewPostgres", options, func(o PostgresOption) error {
		return o.applyPostgres(&c)
	})
	if err != nil {
		return nil, err
	}
	return &Postgres{config: c, servers: known, secrets: secrets}, nil
}

// Provision makes the database of the tenant's placement, which must be of the level
// [tenants.Database], and returns when the tenant can be let in:
//
//	CREATE ROLE "own_tenant_acme" LOGIN PASSWORD 'SCRAM-SHA-256$...' -- of 32 random characters
//	CREATE DATABASE "tenant_acme" OWNER "own_tenant_acme" TEMPLATE "template0"
//		ALLOW_CONNECTIONS false
//	REVOKE ALL ON DATABASE "tenant_acme" FROM PUBLIC
//	ALTER DATABASE "tenant_acme" ALLOW_CONNECTIONS true
//
// and then, as that role, REVOKE ALL ON SCHEMA public FROM PUBLIC, which PostgreSQL 14 ignores, and
// the [Migrations].
//
// If a step fails, or ctx ends, it undoes what was made. A database that was open to connections
// before the call is never dropped by it. If undoing fails too, or the process is killed, the same
// call again finishes the work, by the mark in the comment on the role. For that it needs the
// secrets, which is why it writes them first. For a complete database it sets the password in the
// secrets again, applies the pending migrations, and changes nothing else.
//
// Calls for one tenant wait for each other. If something of that name is not the tenant's, the
// error is [ErrNotOurs]. If the secrets know nothing of a database that exists, it is
// credentials.ErrNoSecret: see [Postgres.Rotate].
func (p *Postgres) Provision(ctx context.Context, t *tenants.Tenant) error {
	d, err := databaseOf(t)
	if err != nil {
		return err
	}
	if err := p.provision(tenants.NewContext(ctx, t), d); err != nil {
		return fmt.Errorf("gormtenant: provision the database %q: %w", d.Name, err)
	}
	return nil
}

func (p *Postgres) provision(ctx context.Context, d databases.Database) (err error) {
	s, err := p.lock(ctx, d)
	if err != nil {
		return err
	}
	defer func() { s.close(ctx) }()
	found, err := s.look(ctx)
	if err != nil {
		return err
	}
	if err := s.check(found); err != nil {
		return err
	}
	secret, err := p.secrets.Get(ctx, d)
	switch {
	case err == nil && secret.Password != "":
	case err != nil && !errors.Is(err, credentials.ErrNoSecret):
		return err
	case found.opened:
		return fmt.Errorf(
			"%w, which exists: if it is this application's, Rotate gives it a new password",
			credentials.ErrNoSecret)
	default:
		secret = credentials.Secret{}
	}
	m := &provisionRun{session: s, found: found, secret: secret, attempt: newPassword()}
	complete := false
	defer func() { // a migration may panic
		if complete {
			return
		}
		s.close(ctx)
		if undone := m.undo(ctx); undone != nil {
			err = fmt.Errorf(
				"%w; what was made could not be taken back: %w: call Provision again, or "+
					"Deprovision", err, undone)
		}
	}()
	err = m.make(ctx)
	complete = err == nil
	return err
}

// MigrateAll applies the pending [Migrations] to the databases of all tenants that lister yields
// and that have one on the servers of p, each as its own role, as [migrations.All] does. It shows
// progress, and returns a [*migrations.PartialError] if some failed. Call it again to go on.
func (p *Postgres) MigrateAll(
	ctx context.Context, lister tenants.Lister, options ...migrations.Option,
) error {
	mine := func(t *tenants.Tenant) bool {
		return t.Placement.Level == tenants.Database && p.servers.Has(t.Placement.Server)
	}
	return migrations.All(
		ctx, only(lister, mine), func(ctx context.Context, t *tenants.Tenant) ([]string, error) {
			d, err := databaseOf(t)
			if err != nil {
				return nil, err
			}
			secret, err := p.secretOf(ctx, d)
			if err != nil {
				return nil, err
			}
			return p.migrateAs(ctx, d, secret, func(context.Context, *sql.DB) error { return nil })
		}, options...)
}

// migrateAs applies the migrations as the role of the database.
func (p *Postgres) migrateAs(
	ctx context.Context, d databases.Database, secret credentials.Secret,
	prepare func(ctx context.Context, pool *sql.DB) error,
) ([]string, error) {
	pool, err := p.poolAs(d, secret)
	if err != nil {
		return nil, err
	}
	defer func() { _ = pool.Close() }()
	return p.migrate(ctx, postgres.New(postgres.Config{Conn: pool}), prepare)
}

// poolAs returns a pool of the role of the database.
func (p *Postgres) poolAs(d databases.Database, secret credentials.Secret) (*sql.DB, error) {
	config, err := p.servers.Config(d, secret.User, secret.Password)
	if err != nil {
		return nil, err
	}
	if config.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
		// A plan that is kept breaks when a migration changes its table.
		config.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	}
	return stdlib.OpenDB(*config), nil
}

// secretOf returns the secret of a database that has been provisioned.
func (p *Postgres) secretOf(ctx context.Context, d databases.Database) (credentials.Secret, error) {
	secret, err := p.secrets.Get(ctx, d)
	switch {
	case errors.Is(err, credentials.ErrNoSecret):
		return secret, fmt.Errorf("%w: %w", databases.ErrNoDatabase, err)
	case err != nil:
		return secret, fmt.Errorf(
			"gormtenant: the credentials for the database %q: %w", d.Name, err)
	}
	return secret, nil
}
