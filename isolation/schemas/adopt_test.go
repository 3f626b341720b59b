package schemas_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/isolation/schemas"
	"github.com/gormtenant/gormtenant/tenants"
)

func TestAdopt(t *testing.T) {
	t.Parallel()
	withAndWithoutRoles(t, func(t *testing.T, h *house, roles bool, same schemas.Option) {
		acme, zeta := h.id("acme"), h.id("zeta")
		name := "tenant_" + acme
		s := h.schemas(t, same, schemas.Migrations(
			sqlStep("0001", "nonsense"), sqlStep("0002", "CREATE TABLE notes (id int)")))
		require.ErrorIs(t, s.Adopt(t.Context(), acme, "0001"), schemas.ErrNoSchema)
		h.do(t, "CREATE SCHEMA "+name+" AUTHORIZATION "+h.owner.User,
			"CREATE TABLE "+name+".projects (id int)", "INSERT INTO "+name+".projects VALUES (7)",
			"ALTER TABLE "+name+".projects OWNER TO "+h.owner.User)
		require.ErrorIs(t, s.Provision(t.Context(), acme), schemas.ErrNotOurs)
		before := h.catalog(t)
		require.ErrorContains(t, s.Adopt(t.Context(), acme, "0009"), `no version "0009"`)
		require.Equal(t, before, h.catalog(t))

		require.NoError(t, s.Adopt(t.Context(), acme, "0001"))
		adopted := h.catalog(t)
		require.NoError(t, s.Adopt(t.Context(), acme, "0001"))
		require.Equal(t, adopted, h.catalog(t))
		require.NoError(t, s.MigrateAll(t.Context(), quiet))
		require.NoError(t, h.as(t, acme, roles, func(tx *gorm.DB) error {
			var id int
			err := tx.Raw("SELECT id FROM projects").Row().Scan(&id)
			require.Equal(t, 7, id)
			return errors.Join(err, tx.Exec("INSERT INTO notes VALUES (1)").Error)
		}))

		// Another's stays another's, and what somebody wrote about a schema is not lost.
		h.do(t, "CREATE SCHEMA tenant_"+zeta+" AUTHORIZATION "+h.owner.User)
		for _, comment := range []string{"gormtenant:" + acme, "of Zeta, since 2019"} {
			h.do(t, "COMMENT ON SCHEMA tenant_"+zeta+" IS '"+comment+"'")
			before := h.catalog(t)
			require.ErrorIs(t, s.Adopt(t.Context(), zeta, ""), schemas.ErrNotOurs)
			require.Equal(t, before, h.catalog(t))
		}
		h.do(t, "COMMENT ON SCHEMA tenant_"+zeta+" IS NULL")
		require.NoError(t, s.Adopt(t.Context(), zeta, ""))
		left, err := s.Pending(t.Context(), &tenants.Tenant{ID: zeta})
		require.NoError(t, err)
		require.Equal(t, []string{"0001", "0002"}, left)
	})
}

// concurrently makes an index outside of a transaction, in the schema that is first on the path.
var concurrently = migrations.Migration{
	Version: "0002", Outside: true,
	Up: func(_ context.Context, db *gorm.DB) error {
		return errors.Join(db.Exec("DROP INDEX IF EXISTS by_country").Error,
			db.Exec("CREATE INDEX CONCURRENTLY by_country ON projects (country_code)").Error)
	},
}

func TestMigrations_outside_of_a_transaction(t *testing.T) {
	t.Parallel()
	withAndWithoutRoles(t, func(t *testing.T, h *house, roles bool, same schemas.Option) {
		ids := []string{h.id("a"), h.id("b"), h.id("c")}
		old := h.schemas(t, same, schemas.Migrations(first))
		for _, id := range ids[:2] {
			require.NoError(t, old.Provision(t.Context(), id))
		}
		last := sqlStep("0003", "CREATE TABLE late (n int)")
		list := schemas.Migrations(first, concurrently, last)
		s := h.schemas(t, same, list)
		behind, err := s.PendingAll(t.Context(), quiet)
		require.NoError(t, err)
		require.Equal(t, map[string][]string{
			ids[0]: {"0002", "0003"}, ids[1]: {"0002", "0003"},
		}, behind)

		var wg sync.WaitGroup // two deployments at once
		errs := make([]error, 2)
		for i := range errs {
			wg.Go(func() { errs[i] = h.schemas(t, same, list).MigrateAll(t.Context(), quiet) })
		}
		wg.Wait()
		require.NoError(t, errors.Join(errs...))
		require.NoError(t, s.Provision(t.Context(), ids[2]), "a new one")
		for _, id := range ids {
			require.Equal(t, "t", h.text(t, "SELECT left(indisvalid::text, 1) FROM pg_index "+
				"WHERE indexrelid = $1::regclass", "tenant_"+id+".by_country"))
			require.NoError(t, h.as(t, id, roles, func(tx *gorm.DB) error {
				return tx.Exec("INSERT INTO late VALUES (1)").Error
			}))
		}
		behind, err = s.PendingAll(t.Context(), quiet)
		require.NoError(t, err)
		require.Empty(t, behind)
		require.Empty(t, h.text(t, "SELECT 'public.' || relname FROM pg_class "+
			"WHERE relnamespace = 'public'::regnamespace"), "nothing went elsewhere")
		_, err = s.Pending(t.Context(), &tenants.Tenant{ID: h.id("nobody")})
		require.ErrorIs(t, err, schemas.ErrNoSchema)
	})
}
