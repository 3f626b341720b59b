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
	"github.com/gormtenant/gormtenant/tenants/quota"
)

// postgresSchema is where the tables are made. It is not the one of the tour, which is dropped.
const postgresSchema = "gormtenant_service"

// setUpLock is the key of the advisory lock that one process has while it makes tables, policies, roles
// and the demonstration's rows.
const setUpLock = 0x676f726d74 // "gormt"

// openPostgres makes tables and policies as the role of url, and then connects as one that policies hold.
func openPostgres(ctx context.Context, url string, log *slog.Logger, first func(d *database) error) (d *database, err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["search_path"] = postgresSchema
	owner := stdlib.OpenDB(*config)
	err = alone(ctx, owner, func() error {
		if err := migratePostgres(ctx, owner, log); err != nil {
			return err
		}
		application, options, err := ensureRoles(ctx, owner, config)
		if err != nil {
			return err
		}
		pool := sql.OpenDB(rls.NewConnector(application, options...))
		pool.SetMaxOpenConns(16)
		d = &database{pool: pool, listen: application, close: pool.Close}
		// The server looks after raw SQL.
		d.db, err = withPlugins(postgres.New(postgres.Config{Conn: pool}), log, tenantplugin.AllowRawSQL())
		if err != nil {
			return err
		}
		if err := rls.Check(d.db.WithContext(ctx), protected()...); err != nil {
			return err
		}
		return first(d)
	})
	err = errors.Join(err, owner.Close())
	if err != nil && d != nil {
		err = errors.Join(err, d.close())
	}
	return d, err
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
		_, unlockErr := lock.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", setUpLock)
		err = errors.Join(err, unlockErr)
	}()
	return fn()
}

// protected are the models whose tables have policies.
func protected() []any { return append(tenantModels(), &quota.Lock{}) }

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
	return rls.Enable(db.Session(&gorm.Session{Context: ctx}), protected()...)
}

// ensureRoles returns how the service connects: as a role that policies hold, and for work across tenants
// as one that they do not hold and that may only read. Where the role of config cannot make such roles, as
// the policies hold it itself, the service connects as it, and works across tenants never.
func ensureRoles(ctx context.Context, owner *sql.DB, config *pgx.ConnConfig) (*pgx.ConnConfig, []rls.Option, error) {
	above, err := roles.Above(ctx, owner)
	if err != nil || !above {
		return config, nil, err
	}
	as := func(role roles.Role) (*pgx.ConnConfig, error) {
		// Roles are the whole server's, the schema is this database's.
		role.Name += config.Database
		if len(role.Name) > 63 {
			return nil, fmt.Errorf("%s: no role can have so long a name: give the database a shorter one", role.Name)
		}
		var err error
		if role.Password, err = derivePassword(config.Password, role.Name); err != nil {
			return nil, err
		}
		own := config.Copy()
		own.User, own.Password = role.Name, role.Password
		return own, roles.Ensure(ctx, owner, postgresSchema, role)
	}
	application, err := as(roles.Role{Name: "gormtenant_app_", Rights: "SELECT, INSERT, UPDATE, DELETE"})
	if err != nil {
		return nil, nil, err
	}
	admin, err := as(roles.Role{Name: "gormtenant_admin_", Rights: "SELECT", Bypass: true})
	return application, []rls.Option{rls.Admin(admin)}, err
}

// derivePassword makes the password of a role from that of the role that makes it, so that all processes
// that share a DATABASE_URL share it too. Where that has none, the server asks for none.
func derivePassword(secret, role string) (string, error) {
	if secret == "" {
		return "", nil
	}
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "gormtenant example, password of "+role, sha256.Size)
	return hex.EncodeToString(key), err
}
