package isolation_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation"
	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/databases/credentials"
	"github.com/gormtenant/gormtenant/isolation/databases/provision"
	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/isolation/rls"
	"github.com/gormtenant/gormtenant/isolation/schemas"
	"github.com/gormtenant/gormtenant/tenants"
)

func onPostgres(t *testing.T) *fixture {
	return postgresAt(t, pgtest.New(t), t.TempDir(), true)
}

// postgresAt makes a fixture in a new database, or enters the one that is there. The credentials of
// databases are in dir.
func postgresAt(
	t *testing.T, dsn, dir string, fresh bool, more ...migrations.Migration,
) *fixture {
	t.Helper()
	list := append([]migrations.Migration{migrate}, more...)
	owner, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	ownerPool := stdlib.OpenDB(*owner)
	t.Cleanup(func() { _ = ownerPool.Close() })
	shared, err := gorm.Open(postgres.New(postgres.Config{Conn: ownerPool}),
		&gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	h := &fixture{
		t: t, levels: []tenants.Level{
			tenants.Rows, tenants.Schema,
			tenants.Database,
		}, shared: shared,
		suffix: "-" + owner.Database[len(owner.Database)-10:],
	}
	app := owner.Copy()
	app.User, app.Password = "app_"+owner.Database, "app"
	admin := owner.Copy()
	admin.User, admin.Password = "admin_"+owner.Database, "admin"
	admin.ConnectTimeout = time.Minute // a busy machine may take its time
	if fresh {
		h.makeRoles(ownerPool, app.User, admin.User)
	}
	h.init(fresh)
	life, err := schemas.NewProvisioner(shared, schemas.Roles(), schemas.Login(app.User),
		schemas.Migrations(list...))
	require.NoError(t, err)
	h.life = life
	secrets, err := credentials.InFiles(filepath.Join(dir, "secrets"))
	require.NoError(t, err)
	provisioner, err := provision.NewPostgres(secrets, []provision.Server{{Admin: admin}},
		provision.Migrations(list...))
	require.NoError(t, err)
	connect, err := credentials.Connect(secrets, credentials.Server{Config: admin})
	require.NoError(t, err)
	pools, err := databases.NewPools(databases.PostgresWith(connect),
		databases.ConnectTimeout(time.Minute))
	require.NoError(t, err)
	t.Cleanup(func() { _ = pools.Close() })
	own := sql.OpenDB(schemas.NewConnector(app, schemas.Roles()))
	t.Cleanup(func() { _ = own.Close() })
	own.SetMaxOpenConns(8)
	rows := sql.OpenDB(rls.NewConnector(app))
	t.Cleanup(func() { _ = rows.Close() })
	rows.SetMaxOpenConns(8)
	h.crossing = sql.OpenDB(rls.NewConnector(app, rls.Admin(owner)))
	t.Cleanup(func() { _ = h.crossing.Close() })
	h.open(rows, []isolation.Option{isolation.Schemas(own), isolation.Databases(pools)},
		isolation.OwnSchemas(life), isolation.OwnDatabases(provisioner))
	h.plain = func(t *testing.T, at *tenants.Tenant) *gorm.DB {
		return plainPostgres(t, shared,
			owner, life, at)
	}
	h.app = app.User
	h.migrateAll = func(t *testing.T) {
		quiet := migrations.Progress(nil)
		require.NoError(t, life.MigrateAll(t.Context(), quiet))
		require.NoError(t, provisioner.MigrateAll(t.Context(), h.store, quiet))
	}
	h.remake = func(t *testing.T) *fixture { return postgresAt(t, dsn, dir, false, h.list...) }
	h.address = []string{"postgres", dsn, dir}
	if fresh {
		t.Cleanup(func() { h.clear(provisioner) })
	}
	return h
}

func plainPostgres(
	t *testing.T, shared *gorm.DB, owner *pgx.ConnConfig, life *schemas.Provisioner,
	at *tenants.Tenant,
) *gorm.DB {
	t.Helper()
	config := owner.Copy()
	switch at.Placement.Normal().Level {
	case tenants.Rows:
		return shared
	case tenants.Schema:
		name := at.Placement.Name
		if name == "" {
			var err error
			name, err = life.Name(t.Context(), at.ID)
			require.NoError(t, err)
		}
		config.RuntimeParams["search_path"] = pgx.Identifier{name}.Sanitize()
	case tenants.Database:
		config.Database = at.Placement.Name
	}
	db, err := gorm.Open(postgres.New(postgres.Config{Conn: stdlib.OpenDB(*config)}),
		&gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	closeAfter(t, db)
	return db
}

// makeRoles makes the roles and the shared tables.
func (h *fixture) makeRoles(pool *sql.DB, app, admin string) {
	h.t.Helper()
	for _, statement := range []string{
		"CREATE ROLE " + app + " LOGIN PASSWORD 'app' NOSUPERUSER NOBYPASSRLS NOINHERIT",
		"CREATE ROLE " + admin + " LOGIN PASSWORD 'admin' NOSUPERUSER CREATEDB CREATEROLE",
	} {
		_, err := pool.Exec(statement)
		require.NoError(h.t, err)
	}
	h.t.Cleanup(func() {
		_, err := pool.Exec("DROP OWNED BY " + app + ", " + admin + "; DROP ROLE " + app + ", " +
			admin)
		require.NoError(h.t, err)
	})
	require.NoError(h.t, h.shared.AutoMigrate(all()...))
	require.NoError(h.t, rls.Enable(h.shared, all()...))
	for _, statement := range []string{
		"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO " + app,
		"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO " + app,
	} {
		_, err := pool.Exec(statement)
		require.NoError(h.t, err)
	}
}

// clear removes what is the server's.
func (h *fixture) clear(provisioner *provision.Postgres) {
	ctx := context.Background()
	for tenant, err := range h.store.List(ctx, "") {
		require.NoError(h.t, err)
		for _, at := range append(tenant.Left, tenant.Placement, moving(tenant)) {
			there := *tenant
			there.Placement = at
			switch at.Normal().Level {
			case tenants.Schema:
				name := at.Name
				require.NoError(h.t, h.life.Deprovision(ctx, tenant.ID, schemas.Confirmation(name)))
			case tenants.Database:
				require.NoError(h.t, provisioner.Deprovision(ctx, &there,
					"DELETE_DATABASE_"+at.Name))
			}
		}
	}
}

func moving(t *tenants.Tenant) tenants.Placement {
	if t.Moving == nil {
		return tenants.Placement{}
	}
	return *t.Moving
}

// openAs opens the shared tables as another role.
func (h *fixture) openAs(t *testing.T, role string) *gorm.DB {
	t.Helper()
	config, err := pgx.ParseConfig(h.address[1])
	require.NoError(t, err)
	config.RuntimeParams["role"] = role
	db, err := gorm.Open(postgres.New(postgres.Config{Conn: stdlib.OpenDB(*config)}),
		&gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	closeAfter(t, db)
	return db
}
