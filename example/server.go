package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/example/roles"
	"github.com/gormtenant/gormtenant/example/saas"
	"github.com/gormtenant/gormtenant/isolation/rls"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// appRole is what the application connects as, where the role of DATABASE_URL is one that no policy
// holds.
const appRole = "gormtenant_example_app"

// errRowSecurity is what the server's own error 42501 stands for in the tour.
var errRowSecurity = errors.New("row-level security")

// refusedByServer returns err as an errRowSecurity if the server refused a row by a policy.
func refusedByServer(err error) error {
	const insufficientPrivilege = "42501"
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == insufficientPrivilege {
		return fmt.Errorf("%w: %w", errRowSecurity, err)
	}
	return err
}

// server is the second wall: Postgres itself keeps the tenants apart, in raw SQL and for whoever
// else uses the pool. It is shown where the role of DATABASE_URL may set it up.
func (t *tour) server(ctx context.Context, database *database) (err error) {
	if database.config == nil {
		return nil
	}
	db, clean, err := database.behindPolicies(ctx, &t.recorder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, clean()) }()
	db = db.WithContext(ctx)
	pool, err := db.DB()
	if err != nil {
		return err
	}
	t.part("The server itself: raw SQL, behind row-level security")

	t.allowed(`db.Raw("SELECT * FROM projects").Scan(&projects)`,
		"3 rows: Docs, Mobile app, Website",
		func() (string, error) {
			var projects []Project
			return found(&projects, db.Raw("SELECT * FROM projects").Scan(&projects))
		})
	t.allowed(`db.Exec("UPDATE projects SET name = 'Mine' `+
		`WHERE slug = 'merger' OR 1 = 1 --'").RowsAffected`,
		"3 rows: what the injected OR could reach is acme's own", func() (string, error) {
			return t.undone(db, func(db *gorm.DB) (string, error) {
				n := db.Exec("UPDATE projects SET name = 'Mine' " +
					"WHERE slug = 'merger' OR 1 = 1 --'").RowsAffected
				return count(int(n), "row") +
					": what the injected OR could reach is acme's own", nil
			})
		})
	t.refused(`db.Exec("INSERT INTO tags (tenant_id, label) VALUES ('globex', 'planted')")`,
		errRowSecurity,
		func() error {
			return refusedByServer(db.Exec("INSERT INTO tags (tenant_id, label) VALUES " +
				"('globex', 'planted')").Error)
		})
	t.allowed(`pool.QueryRowContext(nobody, "SELECT count(*) FROM users")`, "0 users",
		func() (string, error) {
			// database/sql, without GORM and without a tenant.
			nobody := gormtenant.WithTenant(ctx, nil)
			var n int
			//tenantlint:ignore this shows that the server itself refuses what goes past the plugin
			err := pool.QueryRowContext(nobody, "SELECT count(*) FROM users").Scan(&n)
			return count(n, "user"), err
		})
	return nil
}

// undone runs fn in a transaction that is rolled back.
func (t *tour) undone(
	db *gorm.DB, fn func(db *gorm.DB) (string, error),
) (outcome string, err error) {
	tx := db.Begin()
	if tx.Error != nil {
		return "", tx.Error
	}
	outcome, err = fn(tx)
	return outcome, errors.Join(err, tx.Error, tx.Rollback().Error)
}

// behindPolicies makes policies as the owner of the tables, and opens the database as a role that
// they hold.
func (d *database) behindPolicies(
	ctx context.Context, recorder *recorder,
) (db *gorm.DB, clean func() error, err error) {
	owner, err := gorm.Open(d.dialector(d.pool), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return nil, nil, err
	}
	if err := rls.Enable(owner.WithContext(ctx), saas.Models()...); err != nil {
		return nil, nil, err
	}
	config, dropRole, err := d.heldRole(ctx)
	if err != nil {
		return nil, nil, err
	}
	pool := sql.OpenDB(rls.NewConnector(config))
	clean = func() error { return errors.Join(pool.Close(), dropRole()) }

	db, err = gorm.Open(postgres.New(postgres.Config{
		Conn: &recordedPool{recordedConn{pool, recorder}, pool},
	}), &gorm.Config{Logger: logger.Discard})
	if err == nil {
		err = db.Use(tenantplugin.New(tenantplugin.Models(saas.Models()...),
			tenantplugin.AllowRawSQL()))
	}
	if err == nil {
		// The database may be anyone's: what PUBLIC may do there is not the example's to revoke.
		err = rls.Check(db.WithContext(ctx), rls.AllowTemporaryTables())
	}
	if err != nil {
		return nil, nil, errors.Join(err, clean())
	}
	return db, clean, nil
}

// heldRole returns how to connect as a role that policies hold: the one of DATABASE_URL, or if that
// is a superuser or has BYPASSRLS one that it makes.
func (d *database) heldRole(
	ctx context.Context,
) (config *pgx.ConnConfig, drop func() error, err error) {
	above, err := roles.Above(ctx, d.pool)
	if err != nil || !above {
		return d.config, func() error { return nil }, err
	}
	drop = func() error { return roles.Drop(ctx, d.pool, appRole) }
	if err := drop(); err != nil { // what a run that was killed has left
		return nil, nil, err
	}
	config = d.config.Copy()
	config.User, config.Password = appRole, rand.Text()
	err = roles.Ensure(ctx, d.pool, postgresSchema, roles.Role{
		Name: config.User, Password: config.Password, Rights: "SELECT, INSERT, UPDATE, DELETE",
	})
	if err != nil {
		return nil, nil, errors.Join(err, drop())
	}
	return config, drop, nil
}
