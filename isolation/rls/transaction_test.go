package rls_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/isolation/rls"
)

const (
	all = "SELECT id FROM notes ORDER BY id"

	// For what happens in its own time.
	patience = time.Minute
	tick     = 5 * time.Millisecond
)

func TestCommit_runs_as_the_tenant_of_the_transaction(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, statement := range []string{
		"CREATE TABLE seen (tenant text)",
		"GRANT ALL ON seen TO " + s.app.User,
		"CREATE FUNCTION note_tenant() RETURNS trigger LANGUAGE plpgsql AS " +
			"$$ BEGIN INSERT INTO seen VALUES (current_setting('app.tenant_id', true)); " +
			"RETURN NULL; END $$",
		"CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON notes DEFERRABLE INITIALLY DEFERRED " +
			"FOR EACH ROW EXECUTE FUNCTION note_tenant()",
	} {
		_, err := s.owner.Exec(statement)
		require.NoError(t, err)
	}
	acme := gormtenant.WithTenant(t.Context(), "acme")
	db := s.open(t, modes["cache_statement"])
	tx, err := db.BeginTx(acme, nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(acme, "UPDATE notes SET body = 'x' WHERE id = 1")
	require.NoError(t, err)
	require.Equal(t, "11 12 13", ids(t, gormtenant.WithTenant(t.Context(), "zeta"), tx, all))
	require.NoError(t, tx.Commit())
	var tenant string
	require.NoError(t, s.owner.QueryRow("SELECT tenant FROM seen").Scan(&tenant))
	require.Equal(t, "acme", tenant)
}

func TestUnscoped_needs_a_role_of_its_own(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	acme := gormtenant.WithTenant(t.Context(), "acme")
	across := gormtenant.Unscoped(acme, "report")
	db := s.open(t, modes["cache_statement"])
	_, err := db.ExecContext(across, "DELETE FROM notes")
	require.ErrorIs(t, err, gormtenant.ErrUnscopedDenied)
	_, err = db.BeginTx(across, nil)
	require.ErrorIs(t, err, gormtenant.ErrUnscopedDenied)
	_, err = db.ExecContext(gormtenant.Unscoped(acme, ""), "DELETE FROM notes")
	require.ErrorIs(t, err, gormtenant.ErrNoReason)
	require.Equal(t, "1 2 3", ids(t, acme, db, all))
}

func TestTransaction_stays_scoped_or_unscoped(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	acme := gormtenant.WithTenant(t.Context(), "acme")
	across := gormtenant.Unscoped(acme, "report")
	db := s.open(t, modes["cache_statement"], rls.Admin(s.admin))
	db.SetMaxOpenConns(1)

	tx, err := db.BeginTx(acme, nil)
	require.NoError(t, err)
	_, err = tx.QueryContext(across, all)
	require.ErrorIs(t, err, gormtenant.ErrUnscopedDenied)
	require.Equal(t, "1 2 3", ids(t, acme, tx, all))
	require.NoError(t, tx.Rollback())

	tx, err = db.BeginTx(across, nil)
	require.NoError(t, err)
	require.Equal(t, "1 2 3 11 12 13", ids(t, across, tx, all))
	for _, ctx := range []context.Context{acme, t.Context()} {
		_, err = tx.QueryContext(ctx, all)
		require.ErrorIs(t, err, gormtenant.ErrUnscopedDenied)
	}
	_, err = tx.ExecContext(across, "DELETE FROM notes WHERE id IN (1, 11)")
	require.NoError(t, err)
	prepared, err := tx.PrepareContext(across, "SELECT id FROM notes WHERE id < $1 ORDER BY id")
	require.NoError(t, err)
	rows, err := prepared.QueryContext(across, 13)
	require.NoError(t, err)
	require.NoError(t, rows.Close())
	require.NoError(t, prepared.Close())
	require.NoError(t, tx.Rollback())
	require.Equal(t, "1 2 3", ids(t, acme, db, all))
	require.Equal(t, "1 2 3 11 12 13", ids(t, across, db, all))
}
