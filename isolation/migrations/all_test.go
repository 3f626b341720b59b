package migrations_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/tenants"
)

// list is a lister of tenants with these IDs.
type list []string

func (l list) List(_ context.Context, after string) iter.Seq2[*tenants.Tenant, error] {
	return func(yield func(*tenants.Tenant, error) bool) {
		for _, id := range l {
			if id > after && !yield(&tenants.Tenant{ID: id}, nil) {
				return
			}
		}
	}
}

var quiet = migrations.Progress(nil)

func TestAll_goes_on_where_some_fail(t *testing.T) {
	t.Parallel()
	fail := map[string]bool{"b": true, "d": true}
	run := func() error {
		return migrations.All(
			t.Context(), list{"a", "b", "c", "d", "e"},
			func(_ context.Context, t *tenants.Tenant) ([]string, error) {
				if fail[t.ID] {
					return nil, errBroken
				}
				return []string{"0001"}, nil
			}, quiet, migrations.Concurrency(1))
	}
	err := run()
	var partial *migrations.PartialError
	require.ErrorAs(t, err, &partial)
	require.Equal(t, []string{"a", "c", "e"}, partial.Applied)
	require.Equal(
		t, []tenants.TenantError{{ID: "b", Err: errBroken}, {ID: "d", Err: errBroken}},
		partial.Failed)
	require.NoError(t, partial.Err)
	require.ErrorIs(t, err, errBroken)
	require.EqualError(
		t, err, `gormtenant: migrations: 3 tenants are done, 2 failed; `+
			`tenant "b": broken; tenant "d": broken; `+
			`run it again: it goes on with those that are not done`)
	clear(fail)
	require.NoError(t, run())
}

func TestAll_stops_between_tenants(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var begun []string
	err := migrations.All(
		ctx, list{"a", "b", "c", "d"}, func(_ context.Context, t *tenants.Tenant) (
			[]string, error,
		) {
			begun = append(begun, t.ID)
			if t.ID == "b" {
				cancel()
			}
			return nil, nil
		}, quiet, migrations.Concurrency(1))
	var partial *migrations.PartialError
	require.ErrorAs(t, err, &partial)
	require.ErrorIs(t, partial.Err, context.Canceled)
	require.Equal(t, []string{"a", "b"}, begun)
	require.Equal(t, begun, partial.Applied)
	require.Empty(t, partial.Failed)
}

func TestAll_with_only_and_progress(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	var mu sync.Mutex
	var begun []string
	err := migrations.All(
		t.Context(), list{"a", "b", "c"},
		func(_ context.Context, t *tenants.Tenant) ([]string, error) {
			mu.Lock()
			defer mu.Unlock()
			begun = append(begun, t.ID)
			return nil, nil
		}, migrations.Progress(&text), migrations.Total(1),
		migrations.Only(func(t *tenants.Tenant) bool {
			return t.ID == "b"
		}))
	require.NoError(t, err)
	require.Equal(t, []string{"b"}, begun)
	require.Contains(t, text.String(), "1 of 1 tenants in all, 0 failed")
}

func TestAll_refuses_what_cannot_be(t *testing.T) {
	t.Parallel()
	one := func(context.Context, *tenants.Tenant) ([]string, error) { return nil, nil }
	for _, c := range []struct {
		want   string
		option migrations.Option
	}{
		{"migrations.All: option 1 is nil", nil},
		{"Concurrency(0): it must be at least", migrations.Concurrency(0)},
		{"migrations.Only(nil)", migrations.Only(nil)},
		{"migrations.DryRun(nil)", migrations.DryRun(nil)},
		{"Total(-1): it must not be negative", migrations.Total(-1)},
	} {
		require.ErrorContains(t, migrations.All(t.Context(), list{"a"}, one, c.option), c.want)
	}
	require.ErrorContains(t, migrations.All(t.Context(), list{"a"}, nil), "the function is nil")
	require.ErrorContains(t, migrations.All(t.Context(), nil, one), "the lister is nil")
}

func TestPartialError_text_stays_short(t *testing.T) {
	t.Parallel()
	err := &migrations.PartialError{Err: errors.New("list\nand more")}
	for range 100 {
		err.Failed = append(err.Failed, tenants.TenantError{ID: "x", Err: errBroken})
	}
	require.Less(t, len(err.Error()), 300)
	require.Contains(t, err.Error(), "; and 95 more; list; run it again")
}

func TestAll_dry_run_prints_what_a_run_would_do(t *testing.T) {
	t.Parallel()
	places(t, func(t *testing.T, db *gorm.DB) {
		steps := []migrations.Migration{
			models,
			{Version: "0002", Up: func(_ context.Context, db *gorm.DB) error {
				return db.Create(&Author{Name: "it's ann"}).Error
			}},
		}
		one := func(ctx context.Context, _ *tenants.Tenant) ([]string, error) {
			return migrations.Apply(ctx, db, steps)
		}
		var text strings.Builder
		require.NoError(
			t, migrations.All(t.Context(), list{"a"}, one, quiet, migrations.DryRun(&text)))
		require.Empty(t, tables(t, db), "it changed nothing")
		for _, want := range []string{
			"-- tenant \"a\": 0001, 0002\n", "CREATE TABLE ", "books", "INSERT INTO", "'it''s ann'",
			"gormtenant_migrations", ";\n",
		} {
			require.Contains(t, text.String(), want)
		}
		require.NotContains(t, text.String(), "SELECT count(*)")

		require.NoError(t, migrations.All(t.Context(), list{"a"}, one, quiet))
		text.Reset()
		require.NoError(
			t, migrations.All(t.Context(), list{"a"}, one, quiet, migrations.DryRun(&text)))
		require.Equal(t, "-- tenant \"a\": nothing to do\n", text.String())
		require.Equal(t, []string{"0001", "0002"}, versions(t, db))

		steps = append(steps, step("0003", "INSERT INTO nowhere VALUES (1)"))
		err := migrations.All(t.Context(), list{"a"}, one, quiet, migrations.DryRun(&text))
		require.ErrorContains(t, err, `tenant "a": gormtenant: migration "0003": `)
	})
}

// The SQL of a dry run does what the run does.
func TestAll_dry_run_can_be_run_by_hand(t *testing.T) {
	t.Parallel()
	places(t, func(t *testing.T, db *gorm.DB) {
		steps := []migrations.Migration{
			models,
			step("0002", "INSERT INTO authors (name) VALUES ('ann')"),
		}
		one := func(ctx context.Context, _ *tenants.Tenant) ([]string, error) {
			return migrations.Apply(ctx, db, steps)
		}
		var text strings.Builder
		require.NoError(
			t, migrations.All(t.Context(), list{"a"}, one, quiet, migrations.DryRun(&text)))
		for statement := range strings.SplitSeq(text.String(), ";\n") {
			require.NoError(t, db.Exec(statement).Error, statement)
		}
		applied, err := migrations.Apply(t.Context(), db, steps)
		require.NoError(t, err)
		require.Empty(t, applied)
		require.NoError(t, db.First(&Author{}, "name = ?", "ann").Error)
	})
}
