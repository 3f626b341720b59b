package databases_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/tenants"
)

// hostile are IDs that would be another's database, or a file elsewhere, if they were taken as they
// are.
var hostile = []string{
	"acme", "ACME", "Acme", "acme ", " acme", "acme.db", "a-b", "a_b", "a.b", "../acme",
	"../../etc/passwd", "/etc/passwd",
	`..\acme`, ".", "..", "acme?mode=memory", "acme#x", "acme%2e", "file:acme", ":memory:",
	`a"; DROP DATABASE postgres; --`,
	"a'b", "münchen", "CON", "nul", "-", "acme&cache=shared", strings.Repeat("x", 255),
	strings.Repeat("x", 254), "acme\n", "💥",
}

func TestHostile_IDs_have_a_database_each(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	pools := newPools(
		t, databases.SQLite(data, databases.CreateFiles(), databases.Pragma("synchronous", "OFF")))
	for _, id := range hostile {
		ctx := as(t, id)
		_, err := pools.ExecContext(ctx, "CREATE TABLE own (id text)")
		require.NoError(t, err, "%q shares a database", id)
		_, err = pools.ExecContext(ctx, "INSERT INTO own VALUES (?)", id)
		require.NoError(t, err)
	}
	for _, id := range hostile {
		require.Equal(
			t, id, scan[string](t, pools.QueryRowContext(as(t, id), "SELECT id FROM own")))
	}
	files, err := filepath.Glob(filepath.Join(data, "*.db"))
	require.NoError(t, err)
	require.Len(t, files, len(hostile))
	for _, file := range files {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), file)
	}
	around, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, around, 1, "nothing is made elsewhere")
	info, err := os.Stat(data)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
}

func TestIDs_that_can_be_nobody_s(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pools := newPools(t, databases.SQLite(dir, databases.CreateFiles()))
	for _, attack := range []struct {
		name string
		id   any
		want error
	}{
		{"nul", "a\x00b", gormtenant.ErrInvalidID},
		{"utf8", "a\xff", gormtenant.ErrInvalidID},
		{"long", strings.Repeat("x", 300), gormtenant.ErrInvalidID},
		{"empty", "", gormtenant.ErrNoTenant},
		{"nil", nil, gormtenant.ErrNoTenant},
		{"zero", 0, gormtenant.ErrNoTenant},
		{"kind", struct{ X int }{1}, gormtenant.ErrInvalidID},
	} {
		_, err := pools.ExecContext(gormtenant.WithTenant(t.Context(), attack.id), "SELECT 1")
		require.ErrorIs(t, err, attack.want, attack.name)
	}
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, files)
}

// An ID is one tenant's however it is spelled in Go.
func TestID_of_another_type_is_the_same_tenant(t *testing.T) {
	t.Parallel()
	pools := newPools(t, databases.SQLite(t.TempDir(), databases.CreateFiles()))
	for _, id := range []any{42, "42", uint8(42), int64(42)} {
		_, err := pools.ExecContext(
			gormtenant.WithTenant(t.Context(), id), "CREATE TABLE IF NOT EXISTS own (x int)")
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, pools.Stats().Opened)
}

func placed(t *testing.T, id string, p tenants.Placement) context.Context {
	t.Helper()
	return tenants.NewContext(
		t.Context(), &tenants.Tenant{ID: id, Status: tenants.Active, Placement: p})
}

func TestPlacement_says_which_database(t *testing.T) {
	t.Parallel()
	first, second := t.TempDir(), t.TempDir()
	pools := newPools(t, databases.Servers(map[string]databases.Opener{
		"":       databases.SQLite(first, databases.CreateFiles()),
		"second": databases.SQLite(second, databases.CreateFiles()),
	}))
	for _, at := range []struct {
		file string
		ctx  context.Context
	}{
		{first + "/tenant_acme.db", as(t, "acme")},
		{first + "/tenant_acme.db", placed(t, "acme", tenants.Placement{Level: tenants.Database})},
		{first + "/tenant_acme.db", placed(
			t, "acme", tenants.Placement{Level: tenants.Database, Name: "tenant_acme"})},
		{first + "/tenant_acme.db", placed(
			t, "acme", tenants.Placement{Level: tenants.Schema, Name: "a_schema"})},
		{first + "/Big One.db", placed(
			t, "acme", tenants.Placement{Level: tenants.Database, Name: "Big One"})},
		{second + "/big.db", placed(
			t, "acme", tenants.Placement{Level: tenants.Database, Name: "big", Server: "second"})},
	} {
		var file string
		require.NoError(
			t, pools.QueryRowContext(at.ctx, "SELECT file FROM pragma_database_list").Scan(&file))
		want, err := filepath.EvalSymlinks(at.file)
		require.NoError(t, err)
		require.Equal(t, want, file)
	}
	require.Equal(t, 3, pools.Stats().Pools, "what is one database is one pool")

	nowhere := tenants.Placement{Level: tenants.Database, Server: "third"}
	_, err := pools.ExecContext(placed(t, "acme", nowhere), "SELECT 1")
	require.ErrorContains(t, err, `"third"`)
	single := newPools(t, databases.SQLite(first))
	_, err = single.ExecContext(placed(t, "acme", nowhere), "SELECT 1")
	require.ErrorContains(t, err, `"third"`, "not the database of that name on the only server")
	for _, name := range []string{
		"../up", "pg_x", "postgres", "a/b", `a\b`, "a.",
		strings.Repeat("x", 64), "a\x00",
	} {
		_, err = pools.ExecContext(
			placed(t, "acme", tenants.Placement{Level: tenants.Database, Name: name}), "SELECT 1")
		require.ErrorContains(t, err, "placement", name)
	}
}

// A transaction belongs to a database: a placement that changes meanwhile is another.
func TestPlacement_that_changes_in_a_transaction(t *testing.T) {
	t.Parallel()
	pools := newPools(t, databases.SQLite(t.TempDir(), databases.CreateFiles()))
	old, moved := as(t, "acme"), placed(
		t, "acme", tenants.Placement{Level: tenants.Database, Name: "elsewhere"})
	tx, err := pools.BeginTx(old, nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(moved, "SELECT 1")
	require.ErrorIs(t, err, gormtenant.ErrOtherTenant)
	_, err = tx.ExecContext(
		placed(t, "acme", tenants.Placement{Level: tenants.Database}), "SELECT 1")
	require.NoError(t, err)
	require.NoError(t, tx.Commit())
	require.EqualValues(t, 1, pools.Stats().Opened, "to refuse a statement no database is opened")
}

// Two placements that name one database are a mistake of the directory, and found while both are
// used.
func TestDatabase_of_two_tenants(t *testing.T) {
	t.Parallel()
	pools := newPools(t, databases.SQLite(t.TempDir(), databases.CreateFiles()))
	touch(t, pools, "acme")
	for _, name := range []string{"tenant_acme", "Tenant_ACME"} {
		_, err := pools.ExecContext(
			placed(t, "zeta", tenants.Placement{Level: tenants.Database, Name: name}), "SELECT 1")
		require.ErrorIs(t, err, databases.ErrShared)
		require.NotContains(t, fmt.Sprint(err), "acme", "whose it is, is not said")
	}
	require.NoError(t, pools.CloseTenant(t.Context(), "acme"))
	touch(t, pools, "zeta")
}

func TestLink_is_no_database(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside.db")
	require.NoError(t, os.WriteFile(outside, nil, 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "tenant_acme.db")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "tenant_zeta.db"), 0o700))
	pools := newPools(t, databases.SQLite(dir))
	for _, tenant := range []string{"acme", "zeta"} {
		_, err := pools.ExecContext(as(t, tenant), "CREATE TABLE x (x int)")
		require.ErrorContains(t, err, "no plain file")
	}
}

func TestFile_has_its_pragmas(t *testing.T) {
	t.Parallel()
	pools := newPools(
		t, databases.SQLite(
			t.TempDir(), databases.CreateFiles(), databases.Pragma("busy_timeout", "1234")))
	for _, c := range []struct {
		pragma string
		want   string
	}{
		{"journal_mode", "wal"},
		{"busy_timeout", "1234"},
		{"foreign_keys", "1"},
		{"synchronous", "1"},
	} {
		require.Equal(
			t, c.want, scan[string](t, pools.QueryRowContext(as(t, "acme"), "PRAGMA "+c.pragma)),
			c.pragma)
	}
}
