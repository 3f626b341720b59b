package schemas_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/isolation/rls"
	"github.com/gormtenant/gormtenant/isolation/schemas"
)

// Policies inside a schema are made with it, and statements bring the tenant that they ask for.
func TestCreate_with_policies_inside(t *testing.T) {
	t.Parallel()
	withAndWithoutRoles(t, func(t *testing.T, h *house, _ bool, same schemas.Option) {
		inside := migrations.Migration{
			Version: "0002",
			Up: func(_ context.Context, db *gorm.DB) error {
				return rls.Enable(db, &Project{}, &Task{})
			},
		}
		s := h.schemas(t, same, schemas.Migrations(first, inside))
		acme := h.id("acme")
		require.NoError(t, s.Provision(t.Context(), acme))
		with := sql.OpenDB(schemas.NewConnector(h.app, same, schemas.Setting(rls.DefaultSetting)))
		without := sql.OpenDB(schemas.NewConnector(h.app, same))
		t.Cleanup(func() { _, _ = with.Close(), without.Close() })
		ctx := gormtenant.WithTenant(t.Context(), acme)
		const insert, count = "INSERT INTO projects (tenant_id, name) VALUES ($1, 'x')",
			"SELECT count(*) FROM projects"

		_, err := with.ExecContext(ctx, insert, acme)
		require.NoError(t, err)
		_, err = with.ExecContext(ctx, insert, "zeta")
		require.ErrorContains(t, err, "row-level security")
		var seen int
		require.NoError(t, with.QueryRowContext(ctx, count).Scan(&seen))
		require.Equal(t, 1, seen)
		require.NoError(t, without.QueryRowContext(ctx, count).Scan(&seen))
		require.Zero(t, seen, "a statement that brings no tenant sees nothing")
		_, err = without.ExecContext(ctx, insert, acme)
		require.ErrorContains(t, err, "row-level security")
	})
}

func TestSetting_refuses_what_is_no_name(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "tenant", "a.b.c", "app.tenant'", "app.\x00"} {
		pool := sql.OpenDB(schemas.NewConnector(newHouse(t).app, schemas.Setting(name)))
		require.ErrorContains(t, pool.Ping(), "schemas.Setting", name)
		require.NoError(t, pool.Close())
	}
}
