package databases

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"

	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/tenants"
)

// Provisioner makes, migrates and drops tenants' databases on servers of Postgres. It is safe for
// concurrent use, by several processes too, and holds no connections between calls.
//
// Its errors are for the operator. They contain no passwords, and the servers are told none: they get
// SCRAM verifiers. Roles of other tenants cannot connect to a tenant's database. To other databases of the
// server, such as "postgres", every role can, unless you REVOKE CONNECT ON DATABASE ... FROM PUBLIC there.
type Provisioner struct {
	provisioning
	servers servers
	secrets Secrets
}

// NewProvisioner returns a provisioner for servers, each of which needs an Admin, and puts the credentials
// that it makes into secrets.
func NewProvisioner(secrets Secrets, servers []Server, options ...ProvisionOption) (*Provisioner, error) {
	known, err := newServers(servers)
	if err != nil {
		return nil, err
	}
	for _, s := range known {
		if s.Admin == nil {
			return nil, fmt.Errorf("gormtenant: databases.NewProvisioner: the server %q needs an Admin", s.Name)
		}
	}
	if secrets == nil {
		return nil, errors.New("gormtenant: databases.NewProvisioner needs the secrets")
	}
	p, err := newProvisioning(options)
	return &Provisioner{provisioning: p, servers: known, secrets: secrets}, err
}

// Provision makes the database of the tenant's placement, which must be of the level [tenants.Database],
// and returns when the tenant can be let in:
//
//	CREATE ROLE "own_tenant_acme" LOGIN PASSWORD 'SCRAM-SHA-256$...' -- a random password of 32 characters
//	CREATE DATABASE "tenant_acme" OWNER "own_tenant_acme" TEMPLATE "template0" ALLOW_CONNECTIONS false
//	REVOKE ALL ON DATABASE "tenant_acme" FROM PUBLIC
//	ALTER DATABASE "tenant_acme" ALLOW_CONNECTIONS true
//
// and then, as that role, REVOKE ALL ON SCHEMA public FROM PUBLIC, which PostgreSQL 14 ignores, and the
// [Migrations].
//
// When a step fails, or ctx ends, it takes back what was made; a database that was open to connections
// before the call is never dropped by it. Where that fails too, or the process is killed, the same call
// again finishes the work, by the mark in the comment on the role. It needs the secrets for that, which is
// the first thing that it writes. For a database that is complete it sets the password that secrets have
// again, applies the migrations that are pending, and changes nothing else.
//
// Calls for one tenant wait for each other. The error is [ErrTaken] where something of that name is not the
// tenant's, and [ErrNoSecret] where secrets know nothing of a database that is: see [Provisioner.Rotate].
func (p *Provisioner) Provision(ctx context.Context, t *tenants.Tenant) error {
	d, err := databaseOf(t)
	if err != nil {
		return err
	}
	if err := p.provision(tenants.NewContext(ctx, t), d); err != nil {
		return fmt.Errorf("gormtenant: provision the database %q: %w", d.Name, err)
	}
	return nil
}

func (p *Provisioner) provision(ctx context.Context, d Database) (err error) {
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
	case err != nil && !errors.Is(err, ErrNoSecret):
		return err
	case found.opened:
		return fmt.Errorf("%w, which exists: if it is this application's, Rotate gives it a new password", ErrNoSecret)
	default:
		secret = Secret{}
	}
	m := &making{session: s, found: found, secret: secret, attempt: newPassword()}
	complete := false
	defer func() { // a migration may panic
		if complete {
			return
		}
		s.close(ctx)
		if undone := m.undo(ctx); undone != nil {
			err = fmt.Errorf("%w; what was made could not be taken back: %w: call Provision again, or Deprovision", err, undone)
		}
	}()
	err = m.make(ctx)
	complete = err == nil
	return err
}

// MigrateAll applies the [Migrations] that are pending to the databases of all tenants that lister lists
// and that have one on the servers of p, each as its own role, as [migrations.All] does: at most so many
// at once, with progress, and a [*migrations.PartialError] where some failed. Call it again to go on.
func (p *Provisioner) MigrateAll(ctx context.Context, lister tenants.Lister, options ...migrations.Option) error {
	mine := func(t *tenants.Tenant) bool {
		return t.Placement.Level == tenants.Database && p.servers.has(t.Placement.Server)
	}
	return migrations.All(ctx, only(lister, mine), func(ctx context.Context, t *tenants.Tenant) ([]string, error) {
		d, err := databaseOf(t)
		if err != nil {
			return nil, err
		}
		secret, err := credentials(ctx, p.secrets, d)
		if err != nil {
			return nil, err
		}
		return p.migrateAs(ctx, d, secret, func(context.Context, *sql.DB) error { return nil })
	}, options...)
}

// migrateAs applies the migrations as the role of the database.
func (p *Provisioner) migrateAs(
	ctx context.Context, d Database, secret Secret, prepare func(ctx context.Context, pool *sql.DB) error,
) ([]string, error) {
	server, err := p.servers.of(d)
	if err != nil {
		return nil, err
	}
	config := server.config(d, secret)
	if config.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
		// A plan that is kept breaks when a migration changes its table.
		config.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	}
	pool := stdlib.OpenDB(*config)
	defer func() { _ = pool.Close() }()
	return p.migrate(ctx, postgres.New(postgres.Config{Conn: pool}), prepare)
}
