package provision

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"strings"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/placemark"
	"github.com/gormtenant/gormtenant/isolation/databases/internal/private"
	"github.com/gormtenant/gormtenant/tenants"
)

// Deprovision removes the tenant's file, and those that SQLite keeps beside it. confirmation must
// be DELETE_DATABASE_ and the name of the database, as in "DELETE_DATABASE_tenant_acme". Otherwise
// the error is [ErrNotConfirmed], which names it.
//
// A file that Provision did not make for this tenant is not touched: the error is [ErrNotOurs]. If
// there is no file, there is no error. If it fails or is killed, the same call again finishes the
// work. Open pools fail from here on, in whatever process, and notice within 0.1 s that the file is
// gone.
func (f *Files) Deprovision(ctx context.Context, t *tenants.Tenant, confirmation string) error {
	d, err := databaseOf(t)
	if err != nil {
		return err
	}
	if err := confirmed(d, confirmation); err != nil {
		return err
	}
	return f.locked(ctx, t, "deprovision", func(b *fileBuild) error {
		exists, err := b.exists()
		if err != nil || !exists {
			return err
		}
		if err := f.with(f.dialector(b.path), func(_ *gorm.DB, pool *sql.DB) error {
			if err := b.check(ctx, pool); err != nil {
				return err
			}
			return empty(ctx, pool)
		}); err != nil {
			return err
		}
		// From here on no database has that name, whenever this is killed.
		if err := os.Rename(b.path, b.leaving); err != nil {
			return err
		}
		return errors.Join(b.sweep(), private.SyncDir(b.f.dir))
	})
}

// empty drops all tables except the one that records the owner. On Unix an open connection goes on
// with a removed file: its writes would be lost, and nobody told.
func empty(ctx context.Context, pool *sql.DB) (err error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	// Without foreign keys the order does not matter.
	if _, err := conn.ExecContext(ctx, "PRAGMA foreign_keys = OFF"); err != nil {
		return err
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	rows, err := tx.QueryContext(
		ctx, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' "+
			"ESCAPE '\\' AND name <> ? "+
			// With a virtual table its own tables go.
			"ORDER BY sql LIKE 'CREATE VIRTUAL%' DESC", placemark.Table)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	var drops []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		drops = append(drops, `DROP TABLE IF EXISTS "`+strings.ReplaceAll(name, `"`, `""`)+`"`)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, statement := range drops {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return tx.Commit()
}
