package goosetest_test

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/migrations"
)

//go:embed sql
var embedded embed.FS

// files are the application's migrations, as goose knows them.
func files() fs.FS {
	sub, err := fs.Sub(embedded, "sql")
	if err != nil {
		panic(err)
	}
	return sub
}

// Goose is the step that brings a place to a version of goose's.
func Goose(version string, to int64, options ...goose.ProviderOption) migrations.Migration {
	return migrations.Migration{Version: version, Up: func(ctx context.Context, db *gorm.DB) error {
		pool, err := db.DB()
		if err != nil {
			return err
		}
		provider, err := goose.NewProvider(goose.DialectPostgres, pool, files(), options...)
		if err != nil {
			return err
		}
		_, err = provider.UpTo(ctx, to)
		return err
	}}
}

// goose's own migrations are a step of the list, here one for each of its versions.
func Example() {
	list := []migrations.Migration{
		Goose("goose 1", 1),
		Goose("goose 2", 2),
		Goose("goose 3", 3),
	}
	_ = list // for schemas.Migrations, provision.Migrations, migrations.Apply
}

func open(t *testing.T) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(postgres.Open(pgtest.New(t)), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	return db
}

// in runs what is done in one schema.
func in(db *gorm.DB, schema string, do func(tx *gorm.DB) error) error {
	return db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Exec(
			"SET LOCAL search_path = " + pgx.Identifier{schema}.Sanitize()).Error; err != nil {
			return err
		}
		return do(tx)
	})
}

func TestGoose_in_two_schemas(t *testing.T) {
	t.Parallel()
	db := open(t)
	require.NoError(t, db.Exec("CREATE SCHEMA a; CREATE SCHEMA b").Error)
	list := []migrations.Migration{Goose("goose 2", 2), Goose("goose 3", 3)}
	for _, schema := range []string{"a", "b"} {
		for _, want := range [][]string{{"goose 2", "goose 3"}, nil} {
			require.NoError(t, in(db, schema, func(tx *gorm.DB) error {
				applied, err := migrations.Apply(t.Context(), tx, list)
				require.Equal(t, want, applied)
				return err
			}))
		}
		var count, latest int
		require.NoError(
			t, db.Raw("SELECT count(*) FROM "+schema+".projects WHERE NOT archived").Row().Scan(
				&count))
		require.Equal(t, 1, count)
		require.NoError(
			t, db.Raw("SELECT max(version_id) FROM "+schema+".goose_db_version").Row().Scan(
				&latest))
		require.Equal(t, 3, latest)
	}
}

func TestGoose_that_fails_leaves_nothing(t *testing.T) {
	t.Parallel()
	db := open(t)
	errBroken := errors.New("broken")
	var beside int
	fails := goose.NewGoMigration(
		4, &goose.GoFunc{RunDB: func(ctx context.Context, db *sql.DB) error {
			// beside the connection that the provider holds
			if err := db.QueryRowContext(ctx, "SELECT count(*) FROM projects").Scan(
				&beside); err != nil {
				return err
			}
			return errBroken
		}}, nil)
	_, err := migrations.Apply(
		t.Context(), db, []migrations.Migration{Goose("goose 4", 4, goose.WithGoMigrations(fails))})
	require.ErrorIs(t, err, errBroken)
	require.Equal(t, 1, beside)
	tables, err := db.Migrator().GetTables()
	require.NoError(t, err)
	require.Empty(t, tables)
}

func TestGoose_with_a_Go_migration_in_a_transaction(t *testing.T) {
	t.Parallel()
	db := open(t)
	runs := goose.NewGoMigration(
		4, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO projects (name) VALUES ($1)", "fourth")
			return err
		}}, nil)
	_, err := migrations.Apply(
		t.Context(), db, []migrations.Migration{Goose("goose 4", 4, goose.WithGoMigrations(runs))})
	require.NoError(t, err)
	var names []string
	require.NoError(t, db.Raw("SELECT name FROM projects ORDER BY id").Scan(&names).Error)
	require.Equal(t, []string{"first", "fourth"}, names)
}
