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
// A step with Outside divides the list: what is before it is committed, then it runs, then what is
// after it. In a transaction of the caller's, Apply applies what is before such a step, and returns
// [ErrOutside]: commit, and call it again outside of one.
//
// The library's own table tenant_quota_locks, of package quota, is made in the place too, where the
// list has not made it.
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
	for {
		part, err := applyInside(ctx, db, list, options)
		applied = append(applied, part...)
		if !errors.Is(err, ErrOutside) || isTransaction(db) {
			return applied, err
		}
		version, err := Outside(ctx, db, list)
		if err != nil {
			return applied, err
		}
		if version != "" {
			applied = append(applied, version)
		}
	}
}

// applyInside applies what is pending before the next step with Outside. It returns ErrOutside if
// there is such a step.
func applyInside(
	ctx context.Context, db *gorm.DB, list []Migration, options []*sql.TxOptions,
) (applied []string, err error) {
	dry, _ := ctx.Value(dryKey{}).(*dryRun)
	var stopped error
	err = db.Session(&gorm.Session{NewDB: true, Context: ctx}).Transaction(func(tx *gorm.DB) error {
		var err error
		applied, err = apply(ctx, tx, list, dry)
		if errors.Is(err, ErrOutside) {
			stopped, err = err, nil
		}
		if err == nil && dry != nil {
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
	return applied, stopped
}

// apply applies the pending migrations in the transaction of tx. It returns what it applied, and
// ErrOutside, if it stopped before a step that is to run outside of one.
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
		if m.Outside {
			if dry == nil {
				return applied, outsideOf(m)
			}
			dry.skip(m.Version)
			applied = append(applied, m.Version)
			continue
		}
		if err := p.step(ctx, m.Version, func() error { return m.Up(ctx, db) }); err != nil {
			return nil, fmt.Errorf("gormtenant: migration %q: %w", m.Version, err)
		}
		applied = append(applied, m.Version)
	}
	return applied, p.finish(ctx)
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
