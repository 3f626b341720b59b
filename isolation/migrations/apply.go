package migrations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/savepoint"
)

// Apply applies the pending migrations of the list, in order, in the place of db: the first schema
// in the search_path of Postgres, or the file of SQLite. It returns the versions that it applied,
// none if there was nothing to do.
//
//	BEGIN;
//	CREATE TABLE tenant_acme.gormtenant_migrations (version varchar(255) PRIMARY KEY, ...);
//	...                                                            -- Up of the first
//	INSERT INTO tenant_acme.gormtenant_migrations (version) ...;
//	...
//	COMMIT;
//
// All of it is one transaction, or a part of the one that db is in: if it fails or is interrupted,
// it leaves nothing behind, and the same call again does it all. A second call for the same place
// waits, for an advisory lock of Postgres or the lock of the file, and then finds nothing to do.
//
// A list that [Check] refuses is an error before anything is sent. A place whose versions do not
// fit the list is an [ErrVersion] before anything is changed.
func Apply(ctx context.Context, db *gorm.DB, list []Migration) (applied []string, err error) {
	if err := Check(list); err != nil {
		return nil, err
	}
	if db == nil || db.Dialector == nil || (db.Name() != "postgres" && db.Name() != "sqlite") {
		return nil, errors.New(
			"gormtenant: migrations.Apply needs a *gorm.DB on Postgres or SQLite")
	}
	var options []*sql.TxOptions
	if db.Name() == "postgres" { // what the lock waited for must be seen after it
		options = append(options, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	}
	dry, _ := ctx.Value(dryKey{}).(*dryRun)
	err = db.Session(&gorm.Session{NewDB: true, Context: ctx}).Transaction(func(tx *gorm.DB) error {
		var err error
		if applied, err = apply(ctx, tx, list, dry); err == nil && dry != nil {
			return errDry
		}
		return err
	}, options...)
	switch {
	case errors.Is(err, errDry):
		return applied, nil
	case err != nil:
		return nil, err
	}
	return applied, nil
}

// apply applies the pending migrations in the transaction of tx.
func apply(ctx context.Context, tx *gorm.DB, list []Migration, dry *dryRun) (
	applied []string, err error,
) {
	conn := unprepared(tx)
	pool := savepoint.Open(conn, dry.seen(tx.Name()))
	defer func() { err = errors.Join(err, pool.Close()) }()
	p, err := open(ctx, conn, pool, tx.Name())
	if err != nil {
		return nil, err
	}
	has, err := p.versions(ctx)
	if err != nil {
		return nil, err
	}
	todo, err := pending(list, has)
	if err != nil {
		return nil, err
	}
	db := on(tx, pool)
	for _, m := range todo {
		if err := p.step(ctx, m.Version, func() error { return m.Up(ctx, db) }); err != nil {
			return nil, fmt.Errorf("gormtenant: migration %q: %w", m.Version, err)
		}
		applied = append(applied, m.Version)
	}
	return applied, nil
}

// on returns tx with another pool. It is in a transaction already, so GORM begins none for each
// write.
func on(tx *gorm.DB, pool *sql.DB) *gorm.DB {
	db := tx.Session(&gorm.Session{
		NewDB: true, SkipDefaultTransaction: true,
		Context: tx.Statement.Context, // with it GORM copies the statement
	})
	db.Config.ConnPool, db.Statement.ConnPool = pool, pool
	return db
}
