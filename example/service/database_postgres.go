package service

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/example/roles"
	"github.com/gormtenant/gormtenant/isolation/rls"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// postgresSchema is where the tables are made. It is not the one of the tour, which is dropped.
const postgresSchema = "gormtenant_service"

// setUpLock is the key of the advisory lock that one process has while it makes tables, policies,
// roles and the demonstration's rows.
const setUpLock = 0x676f726d74 // "gormt"

// openPostgres makes tables and policies as the role of url, and then connects as one that policies
// hold.
func openPostgres(
	ctx context.Context, url string, log *slog.Logger, first func(d *database) error,
) (_ *database, err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["search_path"] = postgresSchema
	d := &database{}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	d.owner = d.openConfig(config)
	return d, alone(ctx, d.owner, func() error {
		if err := migratePostgres(ctx, d.owner, log); err != nil {
			return err
		}
		application, options, err := ensureRoles(ctx, d.owner, config)
		if err != nil {
			return err
		}
		d.rows = sql.OpenDB(rls.NewConnector(application, options...))
		d.rows.SetMaxOpenConns(16)
		d.opened(d.rows.Close)
		d.listen = application
		// Whoever waits for the directory may have one of the others.
		entries := d.openConfig(application)
		entries.SetMaxOpenConns(4)
		own, err := d.ownPlaces(ctx, config, application, log)
		if err != nil {
			return err
		}
		dialector := func(pool gorm.ConnPool) gorm.Dialector {
			return postgres.New(postgres.Config{Conn: pool})
		}
		shared, err := withPlugins(dialector(d.rows), log)
		if err != nil {
			return err
		}
		if err := rls.Check(shared.WithContext(ctx),
			append(protected(), rls.AllowTemporaryTables())...); err != nil {
			return err
		}
		// The server looks after raw SQL.
		if err := d.unite(log, dialector, entries, own, tenantplugin.AllowRawSQL()); err != nil {
			return err
		}
		return first(d)
	})
}

func (d *database) openConfig(config *pgx.ConnConfig) *sql.DB {
	pool := stdlib.OpenDB(*config)
	d.opened(pool.Close)
	return pool
}

// alone calls fn while no other process does so in this database.
func alone(ctx context.Context, pool *sql.DB, fn func() error) (err error) {
	lock, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if _, err := lock.ExecContext(ctx, "SELECT pg_advisory_lock($1)", setUpLock); err != nil {
		return err
	}
	defer func() {
		_, unlockErr := lock.ExecContext(context.WithoutCancel(ctx),
			"SELECT pg_advisory_unlock($1)", setUpLock)
		err = errors.Join(err, unlockErr)
	}()
	return fn()
}

func migratePostgres(ctx context.Context, owner *sql.DB, log *slog.Logger) error {
	if _, err := owner.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+postgresSchema); err != nil {
		return err
	}
	db, err := withPlugins(postgres.New(postgres.Config{Conn: owner}), log)
	if err != nil {
		return err
	}
	if err := migrate(ctx, db); err != nil {
		return err
	}
	return rls.Enable(db.WithContext(ctx), protected()...)
}

// ensureRoles returns how the service connects: as a role that policies hold, and for work across
// tenants as one that they do not hold and that may only read. Where the role of config cannot make
// such roles, as the policies hold it itself, the service connects as it, and works across tenants
// never.
func ensureRoles(
	ctx context.Context, owner *sql.DB, config *pgx.ConnConfig,
) (*pgx.ConnConfig, []rls.Option, error) {
	above, err := roles.Above(ctx, owner)
	if err != nil || !above {
		return config, nil, err
	}
	as := func(role roles.Role) (*pgx.ConnConfig, error) {
		// Roles are the whole server's, the schema is this database's.
		role.Name += config.Database
		if len(role.Name) > 63 {
			return nil, fmt.Errorf("%s: no role can have so long a name: give the database a "+
				"shorter one", role.Name)
		}
		var err error
		if role.Password, err = derivePassword(config.Password, role.Name); err != nil {
			return nil, err
		}
		own := config.Copy()
		own.User, own.Password = role.Name, role.Password
		return own, roles.Ensure(ctx, owner, postgresSchema, role)
	}
	application, err := as(roles.Role{
		Name: "gormtenant_app_", Rights: "SELECT, INSERT, UPDATE, DELETE",
	})
	if err != nil {
		return nil, nil, err
	}
	admin, err := as(roles.Role{Name: "gormtenant_admin_", Rights: "SELECT", Bypass: true})
	return application, []rls.Option{rls.Admin(admin)}, err
}

// derivePassword makes the password of a role from that of the role that makes it, so that all
// processes that share a DATABASE_URL share it too. Where that has none, the server asks for none.
func derivePassword(secret, role string) (string, error) {
	if secret == "" {
		return "", nil
	}
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "gormtenant example, password of "+role,
		sha256.Size)
	return hex.EncodeToString(key), err
}
