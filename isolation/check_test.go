package isolation_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/isolation"
	"github.com/gormtenant/gormtenant/isolation/schemas"
	"github.com/gormtenant/gormtenant/tenants"
)

// objects are the names of all that there is where the fixture's places are.
func (h *fixture) objects(t *testing.T) (names []string) {
	t.Helper()
	query := "SELECT nspname::text FROM pg_namespace WHERE NOT starts_with(nspname, 'pg_') " +
		"UNION ALL SELECT relname::text FROM pg_class AS c WHERE relnamespace = " +
		"'public'::regnamespace UNION ALL SELECT tgname::text FROM pg_trigger " +
		"UNION ALL SELECT proname::text FROM pg_proc WHERE pronamespace = " +
		"'public'::regnamespace UNION ALL SELECT rolname::text FROM pg_roles " +
		"WHERE rolname LIKE '%" + h.suffix + "%' UNION ALL SELECT datname::text FROM pg_database " +
		"WHERE datname LIKE '%" + h.suffix + "%' ORDER BY 1"
	if h.shared.Name() == "sqlite" {
		query = "SELECT name FROM sqlite_master ORDER BY 1"
	}
	require.NoError(t, h.shared.Raw(query).Scan(&names).Error)
	return names
}

// What Check lets pass moves, and Check leaves everything as it was.
func TestCheck_passes_what_moves(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		acme := h.tenant("acme")
		h.fill(acme, 2)
		for _, to := range tour(h.levels) {
			mine, before, there := h.of(t, acme.ID), h.now(acme.ID), h.objects(t)
			for _, level := range h.levels {
				require.NoError(t, h.mover.Check(t.Context(), acme.ID,
					tenants.Placement{Level: level}), "%s to %s", before.Placement, level)
			}
			require.Equal(t, before, h.now(acme.ID))
			require.Equal(t, there, h.objects(t))
			require.Equal(t, mine, h.of(t, acme.ID))
			h.move(acme.ID, to)
		}
	})
}

// Check says what a move would say, and all of it at once.
func TestCheck_refuses_what_does_not_move(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		acme, zeta := h.tenant("acme"), h.tenant("zeta")
		own := tenants.Placement{Level: h.levels[1]}
		check := func(id string, to tenants.Placement) error {
			return h.mover.Check(t.Context(), id, to)
		}
		require.ErrorIs(t, check("nobody", own), tenants.ErrNotFound)
		require.ErrorIs(t, check("acme@", own), tenants.ErrNotFound)
		require.Error(t, check(acme.ID, tenants.Placement{Level: "galaxy"}))
		require.Error(t, check(acme.ID, tenants.Placement{Level: tenants.Database, Server: "mars"}))

		h.fill(acme, 1)
		_, err := h.mover.Move(t.Context(), acme.ID, own)
		require.NoError(t, err)
		err = check(acme.ID, tenants.Placement{})
		require.ErrorIs(t, err, isolation.ErrOccupied, "its old rows are there")
		require.ErrorContains(t, err, "Remove")
		h.remove(acme.ID)

		docs := []Doc{{FolderID: acme.ID + "-0"}, {FolderID: acme.ID + "-0"}}
		require.NoError(t, h.as(acme).Create(&docs).Error)
		h.fill(zeta, 2) // takes the same keys
		require.NoError(t, h.shared.Exec("ALTER TABLE labels ADD COLUMN extra text").Error)
		err = check(acme.ID, tenants.Placement{})
		require.ErrorContains(t, err, "extra of labels")
		require.NoError(t, h.shared.Exec("ALTER TABLE labels DROP COLUMN extra").Error)
		err = check(acme.ID, tenants.Placement{})
		require.ErrorIs(t, err, isolation.ErrOccupied)
		require.ErrorContains(t, err, "docs: (id)")
		require.NoError(t, h.shared.Exec("DROP TABLE doc_labels").Error)
		require.ErrorContains(t, check(acme.ID, tenants.Placement{}), "no table doc_labels")
		require.Nil(t, h.now(acme.ID).Moving)
	})
}

// A schema or a database of the name may be somebody else's.
func TestCheck_of_a_place_that_is_not_ours(t *testing.T) {
	t.Parallel()
	h := onPostgres(t)
	acme := h.tenant("acme")
	name, err := h.life.Name(t.Context(), acme.ID)
	require.NoError(t, err)
	require.NoError(t, h.shared.Exec(`CREATE SCHEMA "`+name+`"`).Error)
	err = h.mover.Check(t.Context(), acme.ID, tenants.Placement{Level: tenants.Schema})
	require.ErrorIs(t, err, schemas.ErrNotOurs)
}

// What the roles lack is named.
func TestCheck_of_rights(t *testing.T) {
	t.Parallel()
	h := onPostgres(t)
	acme := h.tenant("acme")
	weak := "weak_" + strings.ReplaceAll(h.suffix, "-", "")
	for _, statement := range []string{
		"CREATE ROLE " + weak,
		"GRANT SELECT ON ALL TABLES IN SCHEMA public TO " + weak,
		"REVOKE TEMPORARY ON DATABASE " + h.shared.Migrator().CurrentDatabase() + " FROM PUBLIC",
		"ALTER TABLE folders DISABLE ROW LEVEL SECURITY",
		"ALTER TABLE docs DISABLE ROW LEVEL SECURITY",
		"ALTER TABLE labels DISABLE ROW LEVEL SECURITY",
		"ALTER TABLE doc_labels DISABLE ROW LEVEL SECURITY",
	} {
		require.NoError(t, h.shared.Exec(statement).Error, statement)
	}
	t.Cleanup(func() {
		require.NoError(t, h.shared.Exec("DROP OWNED BY "+weak).Error)
		require.NoError(t, h.shared.Exec("DROP ROLE "+weak).Error)
	})
	as := h.openAs(t, weak)
	life, err := schemas.NewProvisioner(as, schemas.Login(h.app), schemas.Migrations(migrate))
	require.NoError(t, err)
	mover, err := isolation.NewMover(h.store, all(), isolation.SharedTables(as),
		isolation.OwnSchemas(life))
	require.NoError(t, err)
	err = mover.Check(t.Context(), acme.ID, tenants.Placement{Level: tenants.Schema})
	require.ErrorContains(t, err, "TRIGGER on the table")
	require.ErrorContains(t, err, "CREATE on the database")
	h.move(acme.ID, tenants.Schema)
}
