package transfer_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"

	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
	"github.com/gormtenant/gormtenant/isolation/rls"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// policed is a place with shared tables whose policies hold their owner, who moves.
func policed(t *testing.T) *fixture {
	t.Helper()
	h := newFixture(t, pgRows, "")
	u, err := url.Parse(h.dsn)
	require.NoError(t, err)
	role := "owner_" + u.Path[len(u.Path)-10:]
	for _, statement := range []string{
		"CREATE ROLE " + role + " LOGIN PASSWORD 'secret' NOSUPERUSER NOBYPASSRLS",
		"GRANT CREATE ON DATABASE " + u.Path[1:] + " TO " + role,
		"GRANT CREATE ON SCHEMA public TO " + role,
		"ALTER TABLE countries OWNER TO " + role,
		"ALTER TABLE authors OWNER TO " + role, "ALTER TABLE books OWNER TO " + role,
		"ALTER TABLE tags OWNER TO " + role,
		"ALTER TABLE samples OWNER TO " + role, "ALTER TABLE author_friends OWNER TO " + role,
		"ALTER TABLE book_tags OWNER TO " + role,
	} {
		require.NoError(t, h.DB.Exec(statement).Error)
	}
	super := h.DB
	t.Cleanup(func() {
		super.Exec("DROP OWNED BY " + role + " CASCADE")
		super.Exec("DROP ROLE " +
			role)
	})
	u.User = url.UserPassword(role, "secret")
	h.dsn = u.String()
	h.DB = open(t, postgres.Open(h.dsn))
	h.app = open(t, rls.Open(h.dsn))
	require.NoError(t, h.app.Use(tenantplugin.New(tenantplugin.Models(all()...))))
	require.NoError(t, rls.Enable(h.DB, all()...))
	return h
}

func TestMove_where_policies_hold_the_role(t *testing.T) {
	t.Parallel()
	rows := policed(t)
	own := newFixture(t, pgSchema, rows.dsn)
	seed(t, rows.app, acme, 10, 7)
	seed(t, rows.app, zeta, 100, 7)
	p := plan(t, rows, acme)
	want := rows.seen(t, acme)

	frozen := freeze(t, p, rows)
	for _, statement := range []string{
		"UPDATE books SET title = 'x' WHERE id = 10", "INSERT INTO book_tags (book_id, tag_id) " +
			"VALUES (10, 11)",
	} {
		err := rows.as(t, acme).Statement.ConnPool
		_, failed := err.ExecContext(rows.as(t, acme).Statement.Context, statement)
		require.True(t, transfer.IsFrozen(failed), failed)
	}
	require.NoError(t, rows.as(t, zeta).Create(&Tag{Label: "free", Books: []Book{{ID: 100}}}).Error)
	theirs := rows.seen(t, zeta)
	require.NoError(t, p.Copy(t.Context(), rows.Location, own.Location, nil))
	require.NoError(t, p.Compare(t.Context(), rows.Location, own.Location))
	require.NoError(t, frozen.Keep(t.Context()))
	require.NoError(t, p.Remove(t.Context(), rows.Location))
	require.Equal(t, want, own.seen(t, acme))
	require.Equal(t, theirs, rows.seen(t, zeta))

	// And back, where COPY is not for tables with policies.
	found, err := p.Collisions(t.Context(), own.Location, rows.Location)
	require.NoError(t, err)
	require.Empty(t, found)
	require.NoError(t, p.Copy(t.Context(), own.Location, rows.Location, nil))
	require.NoError(t, p.Compare(t.Context(), own.Location, rows.Location))
	require.Equal(t, want, rows.seen(t, acme))
	require.Equal(t, theirs, rows.seen(t, zeta))

	// Another policy could hide rows, and nobody would notice.
	require.NoError(t, rows.DB.Exec("CREATE POLICY recent ON books AS RESTRICTIVE "+
		"USING (id > 12)").Error)
	lite := newFixture(t, liteFile, "")
	for _, to := range []*fixture{own, lite} {
		require.ErrorContains(t, p.Copy(t.Context(), rows.Location, to.Location, nil),
			"may hide rows of books")
	}
	require.ErrorContains(t, p.Remove(t.Context(), rows.Location), "may hide rows of books")
}
