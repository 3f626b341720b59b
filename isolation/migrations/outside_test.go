package migrations_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/tenants"
)

// byName makes an index as no transaction can on Postgres, and so that it can be repeated.
func byName(db *gorm.DB) migrations.Migration {
	return migrations.Migration{
		Version: "0002", Outside: true,
		Up: func(_ context.Context, at *gorm.DB) error {
			create := "CREATE INDEX by_name ON authors (name)"
			if db.Name() == "postgres" {
				create = "CREATE INDEX CONCURRENTLY by_name ON authors (name)"
			}
			return errors.Join(at.Exec("DROP INDEX IF EXISTS by_name").Error, at.Exec(create).Error)
		},
	}
}

func TestApply_outside_of_a_transaction(t *testing.T) {
	t.Parallel()
	places(t, func(t *testing.T, db *gorm.DB) {
		list := []migrations.Migration{
			models, byName(db), step("0003", "INSERT INTO authors (name) VALUES ('ann')"),
		}
		applied, err := migrations.Apply(t.Context(), db, list)
		require.NoError(t, err)
		require.Equal(t, []string{"0001", "0002", "0003"}, applied)
		require.Equal(t, applied, versions(t, db))
		require.True(t, db.Migrator().HasIndex("authors", "by_name"))
		applied, err = migrations.Apply(t.Context(), db, list)
		require.NoError(t, err)
		require.Empty(t, applied)
	}, gorm.Config{}, gorm.Config{PrepareStmt: true})
}

func TestApply_outside_of_a_transaction_that_fails(t *testing.T) {
	t.Parallel()
	places(t, func(t *testing.T, db *gorm.DB) {
		fails := true
		list := []migrations.Migration{models, {
			Version: "0002", Outside: true,
			Up: func(_ context.Context, at *gorm.DB) error {
				if fails {
					return errBroken
				}
				return byName(db).Up(t.Context(), at)
			},
		}, step("0003", "INSERT INTO authors (name) VALUES ('ann')")}
		applied, err := migrations.Apply(t.Context(), db, list)
		require.ErrorIs(t, err, errBroken)
		require.Equal(t, []string{"0001"}, applied, "what was before it is committed")
		require.Equal(t, applied, versions(t, db))
		left, err := migrations.Pending(t.Context(), db, list)
		require.NoError(t, err)
		require.Equal(t, []string{"0002", "0003"}, left)

		fails = false
		applied, err = migrations.Apply(t.Context(), db, list)
		require.NoError(t, err)
		require.Equal(t, []string{"0002", "0003"}, applied)
	})
}

func TestApply_outside_within_a_transaction_of_the_callers(t *testing.T) {
	t.Parallel()
	places(t, func(t *testing.T, db *gorm.DB) {
		list := []migrations.Migration{models, byName(db)}
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			applied, err := migrations.Apply(t.Context(), tx, list)
			require.ErrorIs(t, err, migrations.ErrOutside)
			require.Equal(t, []string{"0001"}, applied)
			return nil
		}))
		version, err := migrations.Outside(t.Context(), db, list)
		require.NoError(t, err)
		require.Equal(t, "0002", version)
		version, err = migrations.Outside(t.Context(), db, list)
		require.NoError(t, err)
		require.Empty(t, version)
	})
}

// Two deployments run such a step once, and neither waits for the other in a statement, for which
// CREATE INDEX CONCURRENTLY would wait in turn.
func TestApply_outside_twice_at_once(t *testing.T) {
	t.Parallel()
	places(t, func(t *testing.T, db *gorm.DB) {
		if db.Name() != "postgres" {
			t.Skip("SQLite has no lock that outlasts a statement")
		}
		var mu sync.Mutex
		runs := 0
		list := []migrations.Migration{models, {
			Version: "0002", Outside: true,
			Up: func(ctx context.Context, at *gorm.DB) error {
				mu.Lock()
				runs++
				mu.Unlock()
				return byName(db).Up(ctx, at)
			},
		}}
		var wg sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			wg.Go(func() { _, errs[i] = migrations.Apply(t.Context(), db, list) })
		}
		wg.Wait()
		require.NoError(t, errors.Join(errs...))
		require.Equal(t, 1, runs)
	})
}

func TestPending_changes_nothing(t *testing.T) {
	t.Parallel()
	places(t, func(t *testing.T, db *gorm.DB) {
		list := []migrations.Migration{models, step("0002", "SELECT 1")}
		left, err := migrations.Pending(t.Context(), db, list)
		require.NoError(t, err)
		require.Equal(t, []string{"0001", "0002"}, left)
		require.Empty(t, tables(t, db))
		_, err = migrations.Apply(t.Context(), db, list[:1])
		require.NoError(t, err)
		// While another migrates.
		require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
			if db.Name() == "postgres" {
				require.NoError(t, tx.Exec("SELECT pg_advisory_xact_lock(hashtextextended("+
					"'gormtenant_migrations public', 0))").Error)
			}
			left, err = migrations.Pending(t.Context(), db, list)
			return err
		}))
		require.Equal(t, []string{"0002"}, left)
		_, err = migrations.Pending(t.Context(), db, list[1:])
		require.ErrorIs(t, err, migrations.ErrVersion)
	})
}

func TestRecord_runs_nothing(t *testing.T) {
	t.Parallel()
	places(t, func(t *testing.T, db *gorm.DB) {
		list := []migrations.Migration{
			step("0001", "nonsense"), byName(db), step("0003", "CREATE TABLE late (id int)"),
		}
		_, err := migrations.Record(t.Context(), db, list, "0007")
		require.ErrorContains(t, err, `has no version "0007"`)
		recorded, err := migrations.Record(t.Context(), db, list, "0002")
		require.NoError(t, err)
		require.Equal(t, []string{"0001", "0002"}, recorded)
		applied, err := migrations.Apply(t.Context(), db, list)
		require.NoError(t, err)
		require.Equal(t, []string{"0003"}, applied)
		_, err = migrations.Record(t.Context(), db, list, "0002")
		require.ErrorIs(t, err, migrations.ErrVersion)
	})
}

func TestAll_stops_after_failures(t *testing.T) {
	t.Parallel()
	var begun []string
	err := migrations.All(t.Context(), list{"a", "b", "c", "d", "e"},
		func(_ context.Context, t *tenants.Tenant) ([]string, error) {
			begun = append(begun, t.ID)
			if t.ID == "a" {
				return nil, nil
			}
			return nil, errBroken
		}, quiet, migrations.Concurrency(1), migrations.StopAfter(2))
	var partial *migrations.PartialError
	require.ErrorAs(t, err, &partial)
	require.ErrorIs(t, partial.Err, migrations.ErrStopped)
	require.Equal(t, []string{"a"}, partial.Applied)
	require.Len(t, partial.Failed, 2)
	require.Equal(t, []string{"a", "b", "c"}, begun)
	require.ErrorContains(t, migrations.All(t.Context(), list{}, nil, migrations.StopAfter(0)),
		"StopAfter(0): it must be at least 1")
}
