package migrations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/savepoint"
)

// Apply does what is pending of the list, in order, in the place that db is at: the schema that is
// first in the search_path of Postgres, or the file of SQLite. It returns the versions that it
// applied, none where there was nothing to do.
//
//	BEGIN;
//	CREATE TABLE tenant_acme.gormtenant_migrations (version varchar(255) PRIMARY KEY, ...);
//	...                                                            -- Up of the first
//	INSERT INTO tenant_acme.gormtenant_migrations (version) ...;
//	...
//	COMMIT;
//
// All of it is one transaction, or a part of the one that db is in: if it fails, or is cut off,
// nothing of it is there, and the same call again does it all. An advisory lock, of Postgres, or
// the lock of the file makes a second call for the same place wait, and then find nothing to do.
//
// What [Check] refuses is an error before anything is sent, and a place whose versions do not fit
// the list an [ErrVersion] before anything is changed.
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

// apply does what is pending in the transaction of tx.
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

// on returns tx with another pool. It is in a transaction, so none is begun for each write.
func on(tx *gorm.DB, pool *sql.DB) *gorm.DB {
	db := tx.Session(&gorm.Session{
		NewDB: true, SkipDefaultTransaction: true,
		Context: tx.Statement.Context, // with it GORM copies the statement
	})
	db.Config.ConnPool, db.Statement.ConnPool = pool, pool
	return db
}
