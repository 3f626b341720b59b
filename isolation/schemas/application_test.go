package schemas_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/isolation/schemas"
)

// stage is a house whose roles have the name of an application.
func (h *house) stage(t *testing.T, options ...schemas.Option) (*schemas.Provisioner, *sql.DB) {
	t.Helper()
	same := schemas.Options(append(options, schemas.Roles())...)
	db := sql.OpenDB(schemas.NewConnector(h.app, same))
	t.Cleanup(func() { _ = db.Close() })
	return h.schemas(t, same, schemas.Migrations(first)), db
}

// Two databases on one server have the same tenants, each with roles of its own.
func TestApplication_has_roles_of_its_own(t *testing.T) {
	t.Parallel()
	staging, production := newHouse(t), newHouse(t)
	long := strings.Repeat("x", 46) // its schema's name is short enough, its role's is not
	for _, id := range []string{
		staging.id("acme"), long + staging.suffix[:9], "ÄÖ" + staging.suffix,
	} {
		plain, served := production.stage(t)
		require.NoError(t, plain.Provision(t.Context(), id))
		other, _ := staging.stage(t)
		require.ErrorIs(t, other.Provision(t.Context(), id), schemas.ErrNotOurs)

		named := schemas.Application("stage_" + staging.suffix)
		own, db := staging.stage(t, named)
		require.NoError(t, own.Provision(t.Context(), id))
		require.NoError(t, own.Provision(t.Context(), id), "again")
		run(t, as(t, id), db, "INSERT INTO projects (tenant_id, name) VALUES ($1, 'staging')", id)
		run(t, as(t, id), served, "INSERT INTO projects (tenant_id, name) VALUES ($1, 'live')", id)
		for want, pool := range map[string]*sql.DB{"staging": db, "live": served} {
			require.Equal(t, want,
				scanText(t, pool, id, "SELECT string_agg(name, ',') FROM projects"))
		}
		role := scanText(t, db, id, "SELECT current_user")
		require.True(t, strings.HasPrefix(role, "stage_"+staging.suffix+"."), role)
		require.LessOrEqual(t, len(role), 63)

		// a schema of another tenant is as closed as it was
		require.NoError(t, own.Provision(t.Context(), staging.id("zeta")))
		_, err := db.ExecContext(as(t, staging.id("zeta")), "SELECT * FROM "+
			pgx.Identifier{scanText(t, db, id, "SELECT current_schema()")}.Sanitize()+".projects")
		require.ErrorContains(t, err, denied)

		name, err := own.Name(t.Context(), id)
		require.NoError(t, err)
		require.NoError(t, own.Deprovision(t.Context(), id, schemas.Confirmation(name)))
		require.Equal(t, "live", scanText(t, served, id, "SELECT name FROM projects"))
	}
}

func scanText(t *testing.T, db *sql.DB, tenant, query string) (text string) {
	t.Helper()
	require.NoError(t, db.QueryRowContext(as(t, tenant), query).Scan(&text), query)
	return text
}

// Where the application gets a name later, the tenant's role gets one too.
func TestApplication_that_is_named_later(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.id("acme")
	before, _ := h.stage(t)
	require.NoError(t, before.Provision(t.Context(), id))
	after, db := h.stage(t, schemas.Application("later_"+h.suffix))
	_, err := db.ExecContext(as(t, id), "SELECT 1 FROM projects")
	require.ErrorContains(t, err, "does not exist")
	require.NoError(t, after.Provision(t.Context(), id))
	run(t, as(t, id), db, "SELECT 1 FROM projects")
	require.Equal(t, []string{"later_" + h.suffix + ".tenant_" + id}, h.roles(t))
	require.NoError(t, after.Rename(t.Context(), id, "moved_"+h.suffix))
	require.Equal(t, []string{"later_" + h.suffix + ".moved_" + h.suffix}, h.roles(t))
}

// No two schemas have one role, whatever they are called.
func TestApplication_roles_differ(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	long := strings.Repeat("x", 63)
	own, _ := h.stage(t, schemas.Application("a"), schemas.Names(
		func(id string) (string, error) { return id, nil }))
	seen := map[string]string{}
	for _, name := range []string{
		long, long[:62], long[:61], long[:60], long[:59] + "ä", "ä", "_",
	} {
		role := schemas.RoleOf(own, name)
		require.LessOrEqual(t, len(role), 63)
		require.Empty(t, seen[role], role)
		seen[role] = name
		if again := strings.TrimPrefix(role, "a."); len(again) > 60 {
			require.NotEqual(t, role, schemas.RoleOf(own, again), "a schema with its role's name")
		}
	}
	for _, bad := range []string{"", "A", "a.b", strings.Repeat("a", 25), "a b", `a"`} {
		_, err := schemas.NewProvisioner(openAs(t, h.owner), schemas.Application(bad))
		require.ErrorContains(t, err, "schemas.Application")
	}
}
