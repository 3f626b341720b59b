package schemas

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/placemark"
)

// Provisioner makes, migrates and deletes the schemas of tenants. Each call is one transaction: if
// it fails or is interrupted, it leaves nothing behind, and the same call again does the work. It
// is safe for concurrent use, by several processes too.
//
// The server records whose schema it is: the schema's comment is "gormtenant:" and the tenant's ID.
// A schema without such a comment, or with that of another tenant, is never touched.
type Provisioner struct {
	provisionerConfig
	db *gorm.DB
}

// NewProvisioner returns the provisioner of the schemas in a database. db is a pool of the role
// that owns them, as from postgres.Open, not one of this package's [Open]. That role needs the
// right CREATE on the database, and with [Roles] CREATEROLE. The options are those given to
// [NewConnector] for the same database, and [Login] and [Migrations]. It sends nothing.
//
//	p, err := schemas.NewProvisioner(db, schemas.Login("app"),
//		schemas.Migrations(migrations.Models("0001", &Project{})))
//	err = p.Provision(ctx, "acme")
func NewProvisioner(db *gorm.DB, options ...ProvisionerOption) (*Provisioner, error) {
	if db == nil || db.Dialector == nil || db.Name() != "postgres" {
		return nil, errors.New(
			"gormtenant: schemas.NewProvisioner needs a *gorm.DB on Postgres: no other database " +
				"has schemas like these")
	}
	c, err := configureProvisioner(options)
	if err != nil {
		return nil, err
	}
	return &Provisioner{provisionerConfig: c, db: db.Session(&gorm.Session{NewDB: true})}, nil
}

// ErrNotOurs is returned if a schema or a role with the tenant's name exists that was not made for
// the tenant. It is not touched, and not served.
var ErrNotOurs = fmt.Errorf("%w: there is a schema or a role of its name", placemark.ErrNotOurs)

// ErrNoSchema is returned if the tenant has no schema.
var ErrNoSchema = errors.New("gormtenant: the tenant has no schema")

// Exists reports whether the tenant has its schema. If a schema of that name belongs to somebody
// else, the error is [ErrNotOurs].
func (s *Provisioner) Exists(ctx context.Context, id any) (bool, error) {
	o, err := s.of(ctx, id)
	if err != nil {
		return false, err
	}
	exists, err := o.exists(ctx, o.name)
	return exists, explain(o.name, err)
}

// on runs do in a transaction, while nobody else changes the tenant's schema.
func (s *Provisioner) on(ctx context.Context, id any, do func(o *owned) error) error {
	o, err := s.of(ctx, id)
	if err != nil {
		return err
	}
	return explain(o.name, s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if err := o.begin(ctx, tx); err != nil {
			return err
		}
		return do(o)
		// what the lock waited for must be seen after it
	}, &sql.TxOptions{Isolation: sql.LevelReadCommitted}))
}

// explain adds the schema to an error, and advice to those of the server that need some.
func explain(name string, err error) error {
	var server *pgconn.PgError
	if !errors.As(err, &server) {
		if err == nil || strings.HasPrefix(err.Error(), "gormtenant: ") {
			return err
		}
		return fmt.Errorf("gormtenant: schema %q: %w", name, err)
	}
	hint := ""
	switch server.Code {
	case "42501": // insufficient_privilege
		hint = "; the role of schemas.NewProvisioner has to own the schemas, and needs CREATE on " +
			"the database, and with Roles CREATEROLE"
	case "53200": // out_of_memory
		hint = "; nothing was changed: the server's max_locks_per_transaction is too low for so " +
			"many tables"
	}
	return fmt.Errorf("gormtenant: schema %q: %w%s", name, err, hint)
}

// Name returns the name of a tenant's schema, whether or not it exists.
func (s *Provisioner) Name(ctx context.Context, id any) (string, error) {
	o, err := s.of(ctx, id)
	if err != nil {
		return "", err
	}
	return o.name, nil
}

// Owner returns the *gorm.DB of [NewProvisioner], whose role owns the schemas.
func (s *Provisioner) Owner() *gorm.DB { return s.db }
