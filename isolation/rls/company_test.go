package rls_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/plugin/dbresolver"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/example/saas"
	"github.com/gormtenant/gormtenant/isolation/rls"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// labels returns the labels of the tags that a raw query finds.
func labels(t *testing.T, db *gorm.DB) (found []string) {
	t.Helper()
	require.NoError(t, db.Raw("SELECT label FROM tags ORDER BY label").Scan(&found).Error)
	return found
}

// The server holds what the plugin cannot see: raw SQL, and a *gorm.DB on which it was forgotten.
func TestGORM_with_and_without_the_plugin(t *testing.T) {
	t.Parallel()
	s, _ := deployment(t)
	acme := gormtenant.WithTenant(t.Context(), "acme")
	forgotten, err := gorm.Open(rls.Open(dsn(s.app, ""), rls.Admin(s.admin)),
		&gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	closeAfter(t, forgotten)
	for name, db := range map[string]*gorm.DB{
		"with":     opened(t, dsn(s.app, "")),
		"prepared": opened(t, dsn(s.app, "")).Session(&gorm.Session{PrepareStmt: true}),
		"without":  forgotten,
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				require.Equal(t, []string{"acme"}, labels(t, db.WithContext(acme)))
				require.Empty(t, labels(t, db.WithContext(t.Context())))
				update := db.WithContext(acme).Exec("UPDATE tags SET label = 'stolen' " +
					"WHERE tenant_id = 'zeta'")
				require.NoError(t, update.Error)
				require.Zero(t, update.RowsAffected)
				require.ErrorContains(t, db.WithContext(acme).Exec("INSERT INTO tags (tenant_id, "+
					"label) VALUES ('zeta', 'planted')").Error, "row-level security")
				require.ErrorContains(t, db.WithContext(acme).Exec("UPDATE tags "+
					"SET tenant_id = 'zeta'").Error, "row-level security")
			}
			require.NoError(t, db.WithContext(acme).Transaction(func(tx *gorm.DB) error {
				require.Equal(t, []string{"acme"}, labels(t, tx))
				_ = tx.Transaction(func(tx *gorm.DB) error { // a savepoint that is rolled back
					require.Equal(t, []string{"zeta"}, labels(t,
						tx.WithContext(gormtenant.WithTenant(t.Context(), "zeta"))))
					return gorm.ErrInvalidTransaction
				})
				require.Equal(t, []string{"acme"}, labels(t, tx))
				return nil
			}))
		})
	}
	across := forgotten.WithContext(gormtenant.Unscoped(t.Context(), "report"))
	require.Equal(t, []string{"acme", "zeta"}, labels(t, across))
	require.ErrorIs(t, opened(t, dsn(s.app, "")).WithContext(gormtenant.Unscoped(t.Context(),
		"report")).Exec("DELETE FROM tags").Error,
		gormtenant.ErrUnscopedDenied)
}

func closeAfter(t *testing.T, db *gorm.DB) {
	t.Helper()
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
}

// Without the plugin a many2many join table is held through the rows that it joins.
func TestJoinTable_is_held_by_its_owners(t *testing.T) {
	t.Parallel()
	s, owner := deployment(t)
	db := sql.OpenDB(rls.NewConnector(s.app))
	t.Cleanup(func() { _ = db.Close() })
	acme := gormtenant.WithTenant(t.Context(), "acme")
	key := func(table, tenant string) (id int) {
		require.NoError(t, owner.Raw("SELECT id FROM "+table+" WHERE tenant_id = ?",
			tenant).Scan(&id).Error)
		return id
	}
	mine, theirs, tag, secret := key("projects", "acme"), key("projects", "zeta"), key("tags",
		"acme"), key("tags", "zeta")

	const count = "SELECT count(*)::int FROM project_tags"
	require.Equal(t, "1", ids(t, acme, db, count))
	require.Equal(t, "0", ids(t, t.Context(), db, count))
	for what, pair := range map[string][2]int{
		"their_tag":     {mine, secret},
		"their_project": {theirs, tag}, "both": {theirs, secret},
	} {
		_, err := db.ExecContext(acme, "INSERT INTO project_tags (project_id, tag_id) "+
			"VALUES ($1, $2)", pair[0], pair[1])
		require.ErrorContains(t, err, "row-level security", what)
	}
	exec(t, acme, db, "DELETE FROM project_tags")
	require.Equal(t, "0", ids(t, acme, db, count))
	require.Equal(t, "1", ids(t, gormtenant.WithTenant(t.Context(), "zeta"), db, count))
}

func TestResolver_with_a_replica(t *testing.T) {
	t.Parallel()
	primary, _ := deployment(t)
	replica, _ := deployment(t)
	replicated := rls.Open(dsn(replica.app, ""))
	db := opened(t, dsn(primary.app, ""))
	replicas := dbresolver.Config{Replicas: []gorm.Dialector{replicated}}
	require.NoError(t, db.Use(dbresolver.Register(replicas)))
	_, err := replica.owner.Exec("UPDATE tags SET label = 'replica of ' || label")
	require.NoError(t, err)

	acme := db.WithContext(gormtenant.WithTenant(t.Context(), "acme"))
	require.Equal(t, []string{"replica of acme"}, labels(t, acme))
	require.Equal(t, []string{"acme"}, labels(t, acme.Clauses(dbresolver.Write)))
	var tags []saas.Tag
	require.NoError(t, acme.Find(&tags).Error)
	require.Len(t, tags, 1)
	require.Empty(t, labels(t, db.WithContext(t.Context())))
	require.Empty(t, labels(t, db.WithContext(t.Context()).Clauses(dbresolver.Write)))
}

// The owner migrates on a connection of its own while the application works.
func TestOwner_migrates_while_the_application_works(t *testing.T) {
	t.Parallel()
	s, owner := deployment(t)
	db := opened(t, dsn(s.app, ""))
	acme := db.WithContext(gormtenant.WithTenant(t.Context(), "acme"))
	require.Equal(t, []string{"acme"}, labels(t, acme))

	require.NoError(t, owner.Exec("ALTER TABLE tags ADD colour text").Error)
	require.NoError(t, owner.AutoMigrate(saas.Models()...))
	require.NoError(t, rls.Enable(owner))
	require.NoError(t, acme.Exec("UPDATE tags SET colour = 'red'").Error)
	var colours []string
	require.NoError(t, owner.Raw("SELECT coalesce(colour, '') FROM tags "+
		"ORDER BY tenant_id").Scan(&colours).Error)
	require.Equal(t, []string{"red", ""}, colours)

	require.ErrorContains(t, acme.Exec("ALTER TABLE tags DISABLE ROW LEVEL SECURITY").Error,
		"must be owner")
	require.ErrorContains(t, acme.Exec("DROP POLICY gormtenant ON tags").Error, "must be owner")
	require.ErrorContains(t, rls.Disable(db), "must be owner")
}

// queries is what sqlc generates: it knows database/sql and nothing else.
type queries struct{ db queryer }

func (q queries) listTags(ctx context.Context) (labels []string, err error) {
	rows, err := q.db.QueryContext(ctx, "SELECT label FROM tags ORDER BY label")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var label string
		if err := rows.Scan(&label); err != nil {
			return nil, err
		}
		labels = append(labels, label)
	}
	return labels, rows.Err()
}

func TestPool_is_shared_with_code_that_knows_no_GORM(t *testing.T) {
	t.Parallel()
	s, _ := deployment(t)
	db := opened(t, dsn(s.app, ""))
	pool, err := db.DB()
	require.NoError(t, err)
	for tenant, want := range map[string][]string{"acme": {"acme"}, "zeta": {"zeta"}, "": nil} {
		ctx := gormtenant.WithTenant(t.Context(), tenant)
		got, err := queries{pool}.listTags(ctx)
		require.NoError(t, err)
		require.Equal(t, want, got)
		tx, err := pool.BeginTx(ctx, nil)
		require.NoError(t, err)
		got, err = queries{tx}.listTags(ctx)
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.NoError(t, tx.Rollback())
	}
}

// sql.Conn.Raw gives pgx's connection, where statements run without a tenant: the policies let
// nothing through.
func TestRaw_gives_the_connection_of_pgx(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	acme := gormtenant.WithTenant(t.Context(), "acme")
	for name, mode := range modes {
		t.Run(name, func(t *testing.T) {
			db := s.open(t, mode)
			conn, err := db.Conn(t.Context())
			require.NoError(t, err)
			defer func() { require.NoError(t, conn.Close()) }()
			require.Equal(t, "1 2 3", ids(t, acme, conn, all))
			require.NoError(t, conn.Raw(func(raw any) error {
				pgxConn := raw.(interface{ Conn() *pgx.Conn }).Conn()
				var n int
				require.NoError(t, pgxConn.QueryRow(acme, "SELECT count(*) FROM notes").Scan(&n))
				require.Zero(t, n)
				_, err := pgxConn.CopyFrom(acme, pgx.Identifier{"notes"},
					[]string{"id", "tenant_id"}, pgx.CopyFromRows([][]any{{50, "acme"}}))
				require.ErrorContains(t, err, "row-level security")
				_, err = pgxConn.Exec(acme, "LISTEN changes; NOTIFY changes, 'hello'")
				require.NoError(t, err)
				heard, err := pgxConn.WaitForNotification(acme)
				require.NoError(t, err)
				require.Equal(t, "hello", heard.Payload)
				return nil
			}))
			require.Equal(t, "1 2 3", ids(t, acme, conn, all))
		})
	}
}

// With the owner as the application's role the policies hold as well: they are forced.
func TestOwner_is_held(t *testing.T) {
	t.Parallel()
	s, owner := deployment(t)
	for _, statement := range []string{
		"ALTER TABLE tags OWNER TO " + s.app.User,
		"GRANT CREATE ON SCHEMA public TO " + s.app.User,
	} {
		require.NoError(t, owner.Exec(statement).Error)
	}
	db, err := gorm.Open(postgres.New(postgres.Config{Conn: sql.OpenDB(rls.NewConnector(s.app))}),
		&gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	closeAfter(t, db)
	require.NoError(t, db.Use(tenantplugin.New(tenantplugin.AllowRawSQL())))
	require.Equal(t, []string{"acme"}, labels(t, db.WithContext(gormtenant.WithTenant(t.Context(),
		"acme"))))
	require.Empty(t, labels(t, db.WithContext(t.Context())))
}
