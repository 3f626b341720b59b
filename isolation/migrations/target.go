package migrations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/gormtenant/gormtenant/internal/owntable"
	"github.com/gormtenant/gormtenant/internal/savepoint"
)

// tableName is the table of versions in each place.
const tableName = "gormtenant_migrations"

// target is what is migrated: a schema of Postgres, or a file of SQLite.
type target struct {
	tx       savepoint.Tx // past what a dry run writes
	db       *sql.DB      // of tx
	postgres bool
	schema   string // the one that is first in search_path
	table    string // quoted
	complete bool   // it has the library's own tables
}

// open locks the place against other migrations, and makes its table of versions.
func open(ctx context.Context, tx savepoint.Tx, db *sql.DB, dialect string) (*target, error) {
	p := &target{tx: tx, db: db, postgres: dialect == "postgres", schema: "main"}
	lock := p.lockFile
	if p.postgres {
		lock = p.lockSchema
	}
	if err := lock(ctx); err != nil {
		return nil, fmt.Errorf("gormtenant: open the table %s: %w", tableName, err)
	}
	return p, nil
}

// lockSchema takes an advisory lock until the end of the transaction. Only the statements after it
// see what it waited for.
func (p *target) lockSchema(ctx context.Context) error {
	err := p.db.QueryRowContext(
		ctx, "SELECT s, pg_advisory_xact_lock(hashtextextended('"+tableName+" ' || s, 0))::text "+
			"FROM (SELECT coalesce(current_schema(), '') AS s) AS s").Scan(&p.schema, new(string))
	if err != nil {
		return err
	}
	if p.schema == "" {
		return errors.New("search_path names no schema that is there and may be used")
	}
	p.table = pgx.Identifier{p.schema, tableName}.Sanitize()
	var exists bool
	err = p.db.QueryRowContext(ctx, "SELECT to_regclass($2) IS NOT NULL, ("+
		owntable.IsComplete+")", pgx.Identifier{p.schema, owntable.Locks}.Sanitize(), p.table).
		Scan(&exists, &p.complete)
	if err != nil || exists {
		return err
	}
	// A column of type text would need a TOAST table, which is two more files in each place.
	_, err = p.db.ExecContext(ctx, "CREATE TABLE "+p.table+
		" (version varchar(255) PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())")
	return err
}

// lockFile writes before it reads. A transaction of SQLite that reads first fails when it writes
// after another one has written, rather than wait (https://www.sqlite.org/lang_transaction.html).
func (p *target) lockFile(ctx context.Context) error {
	p.table = "main." + tableName
	write := "DELETE FROM " + p.table + " WHERE 1 = 0"
	if _, err := p.tx.ExecContext(ctx, write); err == nil {
		return nil
	}
	_, err := p.db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS "+p.table+
		" (version text NOT NULL PRIMARY KEY, applied_at text NOT NULL DEFAULT CURRENT_TIMESTAMP)")
	if err != nil {
		return err
	}
	_, err = p.tx.ExecContext(ctx, write)
	return err
}

// finish makes the library's own tables where they are missing: after the migrations, which may
// make them too.
func (p *target) finish(ctx context.Context) error {
	if p.complete {
		return nil
	}
	dialect, schema := "sqlite", p.schema
	if p.postgres {
		dialect, schema = "postgres", pgx.Identifier{p.schema}.Sanitize()
	}
	if err := owntable.Complete(ctx, p.db, dialect, schema); err != nil {
		return fmt.Errorf("gormtenant: making the table %s: %w", owntable.Locks, err)
	}
	return nil
}

// versions returns the versions that were applied.
func (p *target) versions(ctx context.Context) ([]string, error) {
	return versionsIn(ctx, p.db, p.table)
}

// versionsIn reads a table of versions, whose name is quoted.
func versionsIn(
	ctx context.Context, db interface {
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	}, table string,
) (applied []string, err error) {
	rows, err := db.QueryContext(ctx, "SELECT version FROM "+table+" ORDER BY version")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var version string
		if err := rows.Scan(&version); err != nil {
			return nil, err
		}
		applied = append(applied, version)
	}
	return applied, rows.Err()
}

// step runs up in a savepoint and records the version. The savepoint is gone if up has ended the
// transaction.
func (p *target) step(ctx context.Context, version string, up func() error) error {
	point, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = point.Rollback() }()
	if err := up(); err != nil {
		return err
	}
	if err := point.Commit(); err != nil {
		return fmt.Errorf("a migration must not end the transaction that it is in: %w", err)
	}
	return p.add(ctx, version)
}

func (p *target) add(ctx context.Context, version string) error {
	//nolint:gosec // the table's name is quoted
	insert, args := "INSERT INTO "+p.table+" (version) VALUES (?)", []any{version}
	if p.postgres {
		insert, args = "INSERT INTO "+p.table+" (version) SELECT $1 WHERE current_schema() = $2",
			[]any{version, p.schema}
	}
	result, err := p.db.ExecContext(ctx, insert, args...)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return errors.Join(errors.New("a migration must leave search_path as it is"), err)
	}
	return nil
}
