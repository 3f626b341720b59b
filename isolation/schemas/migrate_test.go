package schemas_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/isolation/schemas"
	"github.com/gormtenant/gormtenant/tenants"
)

var quiet = migrations.Progress(nil)

func contextThatEnds(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(t.Context())
}

// AutoMigrate looks at the tenant's schema alone, whatever the others have.
func TestMigrateAll_by_AutoMigrate(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	require.NoError(t, h.schemas(t, schemas.Migrations(first)).Provision(t.Context(), "a"))
	require.NoError(t, h.schemas(t).Provision(t.Context(), "b"), "without tables")
	h.do(t, // that it must not take for the tenants'
		"CREATE TABLE shared.tasks (id int)", "CREATE TABLE public.projects (id int)",
		"CREATE INDEX idx_tasks_title ON shared.tasks (id)")
	type Task struct { // a newer one
		ID        uint
		TenantID  string `gorm:"index"`
		Title     string `gorm:"uniqueIndex"`
		ProjectID uint
		Done      bool `gorm:"index"`
	}
	list := []migrations.Migration{first, migrations.Models("0002", &Task{})}
	s := h.schemas(t, schemas.Migrations(list...))
	for range 2 {
		require.NoError(t, s.MigrateAll(t.Context(), quiet))
		for _, name := range []string{"tenant_a", "tenant_b"} {
			require.Equal(
				t, "done\nid\nproject_id\ntenant_id\ntitle",
				h.text(t, "SELECT column_name::text FROM information_schema.columns "+
					"WHERE table_schema = $1 AND table_name = 'tasks' ORDER BY 1", name))
			require.Equal(t, "idx_tasks_done\nidx_tasks_tenant_id\nidx_tasks_title\ntasks_pkey",
				h.text(
					t, "SELECT indexname::text FROM pg_indexes WHERE schemaname = $1 AND "+
						"tablename = 'tasks' ORDER BY 1", name))
			require.Equal(t, "shared.countries\n"+name+".projects",
				h.text(
					t, "SELECT confrelid::regclass::text FROM pg_constraint WHERE contype = 'f' "+
						"AND connamespace = $1::regnamespace ORDER BY 1", name))
		}
	}
	require.Equal(
		t, "id", h.text(
			t, "SELECT column_name::text FROM information_schema.columns WHERE table_schema = "+
				"'shared' AND table_name = 'tasks'"))
}

func TestMigrateAll_goes_on_where_one_fails(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.schemas(t, schemas.Migrations(sqlStep("0001", "CREATE TABLE notes (id int)")))
	for _, id := range []string{"a", "b", "c", "d"} {
		require.NoError(t, s.Provision(t.Context(), id))
	}
	h.do(t, "INSERT INTO tenant_b.notes VALUES (1), (1)")
	next := h.schemas(t, schemas.Migrations(
		sqlStep("0001", "CREATE TABLE notes (id int)"),
		sqlStep("0002", "ALTER TABLE notes ADD COLUMN text text"),
		sqlStep("0003", "CREATE UNIQUE INDEX unique_notes ON notes (id)"),
	))
	err := next.MigrateAll(t.Context(), quiet)
	var partial *migrations.PartialError
	require.ErrorAs(t, err, &partial)
	require.ElementsMatch(t, []string{"a", "c", "d"}, partial.Applied)
	require.Len(t, partial.Failed, 1)
	require.Equal(t, "b", partial.Failed[0].ID)
	require.ErrorContains(t, err, `migration "0003"`)
	require.Equal(t, "0001", h.text(t, "SELECT version FROM tenant_b.gormtenant_migrations"))
	require.Empty(
		t, h.text(
			t, "SELECT column_name::text FROM information_schema.columns WHERE table_schema = "+
				"'tenant_b' AND column_name = 'text'"))
	h.do(t, "DELETE FROM tenant_b.notes")
	require.NoError(t, next.MigrateAll(t.Context(), quiet))
	require.Equal(
		t, "0001\n0002\n0003", h.text(
			t, "SELECT version FROM tenant_b.gormtenant_migrations ORDER BY 1"))

	err = s.MigrateAll(t.Context(), quiet)
	require.ErrorIs(t, err, migrations.ErrVersion, "an older release")
}

func TestMigrateAll_dry_run(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.schemas(t, schemas.Roles(), schemas.Migrations(first))
	for _, name := range []string{"a", "b"} {
		require.NoError(t, s.Provision(t.Context(), h.id(name)))
	}
	before := h.catalog(t)
	s = h.schemas(
		t, schemas.Roles(), schemas.Migrations(
			first, sqlStep("0002", "CREATE TABLE notes (id int)")))
	var text strings.Builder
	require.NoError(
		t, s.MigrateAll(t.Context(), quiet, migrations.DryRun(&text), migrations.Concurrency(1)))
	require.Equal(t, before, h.catalog(t))
	want := ""
	for _, id := range []string{h.id("a"), h.id("b")} {
		want += fmt.Sprintf("-- tenant %q: 0002\nCREATE TABLE notes (id int);\n"+
			`INSERT INTO "tenant_%[1]s"."gormtenant_migrations" (version) `+
			"SELECT '0002' WHERE current_schema() = 'tenant_%[1]s';\n", id)
	}
	require.Equal(t, want, text.String())
}

func TestMigrateAll_stops_between_tenants(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.schemas(t)
	for i := range 6 {
		require.NoError(t, s.Provision(t.Context(), fmt.Sprint(i)))
	}
	ctx, cancel := contextThatEnds(t)
	defer cancel()
	begun := 0
	s = h.schemas(
		t, schemas.Migrations(sqlStep("0001", "CREATE TABLE notes (id int)"), migrations.Migration{
			Version: "0002", Up: func(context.Context, *gorm.DB) error {
				if begun++; begun == 3 {
					cancel()
				}
				return nil
			},
		}))
	var partial *migrations.PartialError
	require.ErrorAs(t, s.MigrateAll(ctx, quiet, migrations.Concurrency(1)), &partial)
	require.ErrorIs(t, partial.Err, context.Canceled)
	require.Equal(t, 3, begun)
	h.do(
		t, "SELECT pg_advisory_lock(hashtextextended('gormtenant schema tenant_2', 0)), "+
			"pg_advisory_unlock_all()")
	for i := range 6 { // both or none
		have := h.text(
			t, "SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY 1",
			fmt.Sprintf("tenant_%d", i))
		switch {
		case i < 2:
			require.Equal(t, "gormtenant_migrations\nnotes\ntenant_quota_locks", have)
		default:
			require.Equal(t, "gormtenant_migrations\ntenant_quota_locks", have, i)
		}
	}
	require.NoError(t, s.MigrateAll(t.Context(), quiet))
}

// Two deployers at once do each schema once, and neither fails.
func TestMigrateAll_by_two_at_once(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.schemas(t)
	const n = 20
	for i := range n {
		require.NoError(t, s.Provision(t.Context(), fmt.Sprint(i)))
	}
	var wg sync.WaitGroup
	errs := make([]error, 3)
	for i := range errs {
		s := h.schemas(
			t, schemas.Migrations(
				sqlStep("0001", "CREATE TABLE notes (id int)"),
				sqlStep("0002", "INSERT INTO notes VALUES (1)")))
		wg.Go(func() { errs[i] = s.MigrateAll(t.Context(), quiet, migrations.Concurrency(3)) })
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	for i := range n {
		require.Equal(
			t, "1", h.text(t, fmt.Sprintf("SELECT count(*)::text FROM tenant_%d.notes", i)))
	}
}

func TestMigrate_of_one_tenant(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	acme := h.id("acme")
	s := h.schemas(t, schemas.Roles())
	_, err := s.Migrate(t.Context(), &tenants.Tenant{ID: acme})
	require.ErrorIs(t, err, schemas.ErrNoSchema)
	require.NoError(t, s.Provision(t.Context(), acme))
	require.NoError(t, s.Rename(t.Context(), acme, "named_"+h.suffix))
	s = h.schemas(t, schemas.Roles(), schemas.Migrations(first))
	placed := &tenants.Tenant{ID: acme, Placement: tenants.Placement{
		Level: tenants.Schema,
		Name:  "named_" + h.suffix,
	}}
	applied, err := s.Migrate(t.Context(), placed)
	require.NoError(t, err)
	require.Equal(t, []string{"0001"}, applied)
	require.NoError(t, s.MigrateAll(t.Context(), quiet), "it is listed under its name")
	require.Equal(
		t, "named_"+h.suffix, h.text(
			t, "SELECT schemaname FROM pg_tables WHERE tablename = 'projects'"))
}
