package migrations_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/migrations"
)

// Author and Book are what the tests migrate.
type Author struct {
	ID   uint
	Name string `gorm:"uniqueIndex"`
}

type Book struct {
	ID       uint
	Title    string `gorm:"index"`
	AuthorID uint
	Author   *Author
}

var errBroken = errors.New("broken")

// places runs test on an empty place of each kind.
func places(t *testing.T, test func(t *testing.T, db *gorm.DB), config ...gorm.Config) {
	t.Helper()
	for _, kind := range []struct {
		name      string
		dialector func(testing.TB) gorm.Dialector
	}{
		{"sqlite", func(t testing.TB) gorm.Dialector {
			return sqlite.Open("file:" + filepath.ToSlash(filepath.Join(t.TempDir(), "test.db")) +
				"?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)" +
				"&_pragma=synchronous(0)&_pragma=journal_mode(wal)")
		}},
		{"postgres", func(t testing.TB) gorm.Dialector { return postgres.Open(pgtest.New(t)) }},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			c := gorm.Config{}
			if len(config) > 0 {
				c = config[0]
			}
			c.Logger = logger.Discard
			db, err := gorm.Open(kind.dialector(t), &c)
			require.NoError(t, err)
			t.Cleanup(func() { closeDB(db) })
			test(t, db)
		})
	}
}

func closeDB(db *gorm.DB) {
	if pool, err := db.DB(); err == nil {
		_ = pool.Close()
	}
}

func step(version string, statements ...string) migrations.Migration {
	return migrations.Migration{Version: version, Up: func(_ context.Context, db *gorm.DB) error {
		for _, statement := range statements {
			if err := db.Exec(statement).Error; err != nil {
				return err
			}
		}
		return nil
	}}
}

var models = migrations.Models("0001", &Author{}, &Book{})

// versions reads what a place is at.
func versions(t *testing.T, db *gorm.DB) (all []string) {
	t.Helper()
	require.NoError(
		t, db.Raw("SELECT version FROM gormtenant_migrations ORDER BY version").Scan(&all).Error)
	return all
}

func tables(t *testing.T, db *gorm.DB) []string {
	t.Helper()
	all, err := db.Migrator().GetTables()
	require.NoError(t, err)
	return all
}

func TestApply_does_what_is_pending_once(t *testing.T) {
	t.Parallel()
	places(t, func(t *testing.T, db *gorm.DB) {
		list := []migrations.Migration{
			models,
			step("0002", "INSERT INTO authors (name) VALUES ('ann')"),
		}
		applied, err := migrations.Apply(t.Context(), db, list)
		require.NoError(t, err)
		require.Equal(t, []string{"0001", "0002"}, applied)
		require.True(t, db.Migrator().HasTable(&Book{}))
		require.True(t, db.Migrator().HasIndex(&Book{}, "Title"))
		require.True(t, db.Migrator().HasConstraint(&Book{}, "Author"))
		require.Error(t, db.Create(&Book{Title: "no author", AuthorID: 77}).Error)

		applied, err = migrations.Apply(t.Context(), db, list)
		require.NoError(t, err)
		require.Empty(t, applied)
		list = append(list, step("0003", "INSERT INTO authors (name) VALUES ('bob')"))
		applied, err = migrations.Apply(t.Context(), db, list)
		require.NoError(t, err)
		require.Equal(t, []string{"0003"}, applied)
		var n int64
		require.NoError(t, db.Model(&Author{}).Count(&n).Error)
		require.EqualValues(t, 2, n)
		require.Equal(t, []string{"0001", "0002", "0003"}, versions(t, db))
	})
}

func TestApply_that_fails_leaves_nothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		up   func(ctx context.Context, db *gorm.DB) error
	}{
		{"error", func(context.Context, *gorm.DB) error { return errBroken }},
		{"statement", func(_ context.Context, db *gorm.DB) error {
			return fmt.Errorf("%w: %w", errBroken, db.Exec("INSERT INTO nowhere VALUES (1)").Error)
		}},
		{"after_a_transaction_of_its_own", func(_ context.Context, db *gorm.DB) error {
			if err := db.Transaction(func(tx *gorm.DB) error {
				return tx.Create(&Author{Name: "kept?"}).Error
			}); err != nil {
				return err
			}
			return errBroken
		}},
		{"after_database_sql", func(ctx context.Context, db *gorm.DB) error {
			pool, err := db.DB()
			if err != nil {
				return err
			}
			if _, err := pool.ExecContext(ctx, "CREATE TABLE beside (id int)"); err != nil {
				return err
			}
			return errBroken
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			places(t, func(t *testing.T, db *gorm.DB) {
				applied, err := migrations.Apply(
					t.Context(), db, []migrations.Migration{models, {Version: "0002", Up: c.up}})
				require.ErrorIs(t, err, errBroken)
				require.ErrorContains(t, err, `gormtenant: migration "0002": `)
				require.Empty(t, applied)
				require.Empty(t, tables(t, db))
				applied, err = migrations.Apply(
					t.Context(), db, []migrations.Migration{models, step("0002", "SELECT 1")})
				require.NoError(t, err)
				require.Len(t, applied, 2)
			})
		})
	}
}

func TestApply_that_panics_leaves_nothing(t *testing.T) {
	t.Parallel()
	places(t, func(t *testing.T, db *gorm.DB) {
		require.PanicsWithValue(t, "broken", func() {
			_, _ = migrations.Apply(t.Context(), db, []migrations.Migration{
				models, {
					Version: "0002",
					Up:      func(context.Context, *gorm.DB) error { panic("broken") },
				},
			})
		})
		require.Empty(t, tables(t, db))
	})
}

func TestApply_in_a_transaction_is_part_of_it(t *testing.T) {
	t.Parallel()
	places(t, func(t *testing.T, db *gorm.DB) {
		err := db.Transaction(func(tx *gorm.DB) error {
			applied, err := migrations.Apply(t.Context(), tx, []migrations.Migration{models})
			require.NoError(t, err)
			require.Len(t, applied, 1)
			require.NoError(t, tx.Create(&Author{Name: "ann"}).Error)
			_, err = migrations.Apply(t.Context(), tx, []migrations.Migration{
				models, step("0002", "DELETE FROM authors", "INSERT INTO nowhere VALUES (1)"),
			})
			require.Error(t, err)
			require.NoError(
				t, tx.First(&Author{}, "name = ?", "ann").Error, "the outer transaction goes on")
			return errBroken
		})
		require.ErrorIs(t, err, errBroken)
		require.Empty(t, tables(t, db))
	})
}

func TestApply_refuses_what_cannot_be(t *testing.T) {
	t.Parallel()
	up := func(context.Context, *gorm.DB) error { return nil }
	places(t, func(t *testing.T, db *gorm.DB) {
		for _, c := range []struct {
			want string
			list []migrations.Migration
		}{
			{"migration 2 of the list has no version", []migrations.Migration{models, {Up: up}}},
			{`two migrations of the list have the version "0001"`, []migrations.Migration{
				models,
				{Version: "0001", Up: up},
			}},
			{"migration 1 of the list has more than " +
				"255", []migrations.Migration{{Version: strings.Repeat("x", 256), Up: up}}},
			{
				"migration 1 of the list is no text",
				[]migrations.Migration{{Version: "a\x00", Up: up}},
			},
			{`migration "0002" has no Up`, []migrations.Migration{models, {Version: "0002"}}},
		} {
			_, err := migrations.Apply(t.Context(), db, c.list)
			require.ErrorContains(t, err, c.want)
		}
		require.Empty(t, tables(t, db))
	})
	_, err := migrations.Apply(t.Context(), nil, nil)
	require.ErrorContains(t, err, "needs a *gorm.DB on Postgres or SQLite")
}

func TestApply_refuses_versions_that_do_not_fit(t *testing.T) {
	t.Parallel()
	places(t, func(t *testing.T, db *gorm.DB) {
		second, third := step("0002", "SELECT 1"),
			step("0003", "INSERT INTO authors (name) VALUES ('x')")
		_, err := migrations.Apply(t.Context(), db, []migrations.Migration{models, second})
		require.NoError(t, err)
		for _, c := range []struct {
			name string
			list []migrations.Migration
		}{
			{"unknown", []migrations.Migration{models, third}},
			{"out_of_order", []migrations.Migration{models, third, second}},
			{"before_all", []migrations.Migration{third, models, second}},
			{"an_empty_list", nil},
		} {
			_, err = migrations.Apply(t.Context(), db, c.list)
			require.ErrorIs(t, err, migrations.ErrVersion, c.name)
		}
		require.Equal(t, []string{"0001", "0002"}, versions(t, db))
		require.ErrorIs(t, db.First(&Author{}).Error, gorm.ErrRecordNotFound)
	})
}

func TestApply_refuses_a_migration_that_ends_the_transaction(t *testing.T) {
	t.Parallel()
	places(t, func(t *testing.T, db *gorm.DB) {
		_, err := migrations.Apply(t.Context(), db, []migrations.Migration{step("0001", "COMMIT")})
		require.ErrorContains(t, err, `migration "0001": `)
		_, err = migrations.Apply(t.Context(), db, []migrations.Migration{step("0001", "ROLLBACK")})
		require.ErrorContains(t, err, `migration "0001": `)
	})
}

func TestApply_of_many_at_once_runs_once(t *testing.T) {
	t.Parallel()
	places(t, func(t *testing.T, db *gorm.DB) {
		list := []migrations.Migration{
			models,
			step("0002", "INSERT INTO authors (name) VALUES ('ann')"),
		}
		var wg sync.WaitGroup
		errs := make([]error, 8)
		counts := make([]int, len(errs))
		for i := range errs {
			wg.Go(func() {
				applied, err := migrations.Apply(t.Context(), db, list)
				errs[i], counts[i] = err, len(applied)
			})
		}
		wg.Wait()
		require.NoError(t, errors.Join(errs...))
		total := 0
		for _, n := range counts {
			total += n
		}
		require.Equal(t, 2, total)
	})
}

func TestApply_with_prepared_statements(t *testing.T) {
	t.Parallel()
	places(t, func(t *testing.T, db *gorm.DB) {
		list := []migrations.Migration{models}
		for i := range 3 {
			_, err := migrations.Apply(t.Context(), db, list)
			require.NoError(t, err)
			column := fmt.Sprintf("c%d", i)
			list = append(
				list, migrations.Migration{Version: "1" +
					column, Up: func(_ context.Context, db *gorm.DB) error {
					var rows []map[string]any
					if err := db.Raw("SELECT * FROM authors").Scan(&rows).Error; err != nil {
						return err
					}
					if err := db.Exec(
						"ALTER TABLE authors ADD COLUMN " + column + " int").Error; err != nil {
						return err
					}
					return db.Raw("SELECT * FROM authors").Scan(&rows).Error
				}})
		}
	}, gorm.Config{PrepareStmt: true})
}

func TestApply_where_search_path_leads_nowhere(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	db, err := gorm.Open(postgres.Open(dsn), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	t.Cleanup(func() { closeDB(db) })
	err = db.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Exec("SET LOCAL search_path = nowhere").Error)
		_, err := migrations.Apply(t.Context(), tx, []migrations.Migration{models})
		return err
	})
	require.ErrorContains(t, err, "search_path names no schema that is there and may be used")
	_, err = migrations.Apply(
		t.Context(), db, []migrations.Migration{step(
			"0001", "CREATE SCHEMA other; SET LOCAL search_path = other")})
	require.ErrorContains(t, err, "must leave search_path as it is")
	require.Empty(t, tables(t, db))
}

// A second call waits until the first is done, and finds nothing to do.
func TestApply_waits_for_another(t *testing.T) {
	t.Parallel()
	db, err := gorm.Open(postgres.Open(pgtest.New(t)), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	t.Cleanup(func() { closeDB(db) })
	second := make(chan error, 1)
	var list []migrations.Migration
	list = []migrations.Migration{{
		Version: "0001",
		Up: func(ctx context.Context, _ *gorm.DB) error {
			go func() {
				applied, err := migrations.Apply(ctx, db, list)
				if len(applied) > 0 {
					err = errBroken
				}
				second <- err
			}()
			for waiting := 0; waiting == 0; {
				if err := db.Raw("SELECT count(*) FROM pg_locks WHERE NOT granted").Row().Scan(
					&waiting); err != nil {
					return err
				}
			}
			return nil
		},
	}}
	_, err = migrations.Apply(t.Context(), db, list)
	require.NoError(t, err)
	require.NoError(t, <-second)
}
