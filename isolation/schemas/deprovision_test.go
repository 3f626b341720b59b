package schemas_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/isolation/schemas"
)

func TestDrop_takes_all_of_one_tenant(t *testing.T) {
	t.Parallel()
	withAndWithoutRoles(t, func(t *testing.T, h *house, roles bool, same schemas.Option) {
		s := h.schemas(t, same, schemas.Migrations(first))
		acme, zeta := h.id("acme"), h.id("zeta")
		require.NoError(t, s.Provision(t.Context(), zeta))
		before := h.catalog(t)
		require.NoError(t, s.Provision(t.Context(), acme))
		if roles { // a right elsewhere, which would keep the role
			h.do(t, "GRANT INSERT ON shared.countries TO tenant_"+acme)
		}
		full := h.catalog(t)
		for _, confirmation := range []string{"", "yes", "DELETE_SCHEMA_", "DELETE_SCHEMA_tenant_" +
			zeta, "delete_schema_tenant_" + acme} {
			err := s.Deprovision(t.Context(), acme, confirmation)
			require.ErrorContains(t, err, "nothing was dropped")
			require.ErrorContains(t, err, `"DELETE_SCHEMA_tenant_`+acme+`"`)
		}
		require.Equal(t, full, h.catalog(t))

		require.NoError(t, s.Deprovision(t.Context(), acme, schemas.Confirmation("tenant_"+acme)))
		exists, err := s.Exists(t.Context(), acme)
		require.NoError(t, err)
		require.False(t, exists)
		if roles {
			// nothing; it writes the ACL anew
			h.do(t, "REVOKE ALL ON shared.countries FROM "+quote(h.app.User))
		}
		require.Equal(t, before, h.catalog(t))
		require.NoError(
			t, s.Deprovision(t.Context(), acme, schemas.Confirmation("tenant_"+acme)),
			"what is not there")
	})
}

func TestRename(t *testing.T) {
	t.Parallel()
	withAndWithoutRoles(t, func(t *testing.T, h *house, roles bool, same schemas.Option) {
		s := h.schemas(t, same, schemas.Migrations(first))
		acme, zeta, name := h.id("acme"), h.id("zeta"), h.id("Acme Inc")
		require.ErrorIs(t, s.Rename(t.Context(), acme, name), schemas.ErrNoSchema)
		require.NoError(t, s.Provision(t.Context(), acme))
		require.NoError(t, s.Provision(t.Context(), zeta))
		before := h.catalog(t)
		for _, name := range []string{"", "public", "pg_x", "shared", "a/b"} {
			require.Error(t, s.Rename(t.Context(), acme, name), name)
		}
		require.ErrorIs(t, s.Rename(t.Context(), acme, "tenant_"+zeta), schemas.ErrNotOurs)
		require.NoError(t, s.Rename(t.Context(), acme, "tenant_"+acme), "its name")
		require.Equal(t, before, h.catalog(t))

		require.NoError(t, s.Rename(t.Context(), acme, name))
		require.NoError(t, s.Rename(t.Context(), acme, name), "again")
		require.Equal(
			t, "projects", h.text(
				t, "SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace AND "+
					"relname = "+
					"'projects'", quote(name)))
		if roles {
			require.ElementsMatch(t, []string{name, "tenant_" + zeta}, splitLines(h.text(t,
				"SELECT rolname FROM pg_roles WHERE shobj_description(oid, 'pg_authid') = "+
					"'gormtenant:' || current_database()")))
			require.Equal(
				t, "t", h.text(
					t, "SELECT left(pg_has_role($1, $2, 'MEMBER')::text, 1)", h.app.User, name))
		}
		renamed := schemas.Options(same, schemas.Names(func(id string) (string, error) {
			if id == acme {
				return name, nil
			}
			return "tenant_" + id, nil
		}))
		s = h.schemas(t, renamed, schemas.Migrations(first))
		exists, err := s.Exists(t.Context(), acme)
		require.NoError(t, err)
		require.True(t, exists)
		require.NoError(t, s.Deprovision(t.Context(), acme, schemas.Confirmation(name)))
	})
}

func TestRename_to_a_role_that_is_there(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := h.schemas(t, schemas.Roles())
	require.NoError(t, s.Provision(t.Context(), h.id("acme")))
	h.do(t, "CREATE ROLE taken_"+h.suffix)
	before := h.catalog(t)
	require.ErrorIs(t, s.Rename(t.Context(), h.id("acme"), "taken_"+h.suffix), schemas.ErrNotOurs)
	require.Equal(t, before, h.catalog(t))
	h.do(t, "DROP ROLE taken_"+h.suffix)
}
