package levels

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/glebarez/sqlite"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/tenantname"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation"
	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/databases/provision"
	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/isolation/schemas"
	"github.com/gormtenant/gormtenant/tenants"
)

func ownSchemas(t *testing.T, s Setup, withRoles bool) *Places {
	owner, app := roles(t, "NOINHERIT")
	db := plain(t, postgres.New(postgres.Config{Conn: openConfig(t, owner)}))
	same := schemas.Options()
	if withRoles {
		same = schemas.Roles()
	}
	first := schemas.Migrations(migrations.Migration{
		Version: "1", Up: func(_ context.Context, db *gorm.DB) error { return s.Migrate(db) },
	})
	life, err := schemas.NewProvisioner(db, same, schemas.Login(app.User), first)
	require.NoError(t, err)
	p := &Places{dialect: onPostgres, Own: true, RawSQL: true, Plain: map[string]*gorm.DB{}}
	for _, id := range s.Tenants {
		require.NoError(t, life.Provision(t.Context(), id))
		name, err := tenantname.Name(id)
		require.NoError(t, err)
		t.Cleanup(func() {
			err := life.Deprovision(context.Background(), id, schemas.Confirmation(name))
			require.NoError(t, err)
		})
		own := owner.Copy()
		own.RuntimeParams["search_path"] = pgx.Identifier{name}.Sanitize()
		p.Plain[id] = plain(t, postgres.New(postgres.Config{Conn: openConfig(t, own)}))
	}
	pool := sql.OpenDB(schemas.NewConnector(app, same))
	t.Cleanup(func() { _ = pool.Close() })
	return p.route(t, s, tenants.Schema, openConfig(t, app), isolation.Schemas(pool))
}

func ownDatabases(t *testing.T, s Setup) *Places {
	p := &Places{dialect: onPostgres, Own: true, RawSQL: true, Plain: map[string]*gorm.DB{}}
	configs := map[string]*pgx.ConnConfig{}
	for _, id := range s.Tenants {
		config, err := pgx.ParseConfig(pgtest.New(t))
		require.NoError(t, err)
		configs[id] = config
		p.Plain[id] = plain(t, postgres.New(postgres.Config{Conn: openConfig(t, config)}))
		require.NoError(t, provision.Adopt(t.Context(), p.Plain[id], id))
		require.NoError(t, s.Migrate(p.Plain[id]))
	}
	config, err := pgx.ParseConfig(pgtest.New(t))
	require.NoError(t, err)
	configOf := func(_ context.Context, d databases.Database) (*pgx.ConnConfig, error) {
		if of, ok := configs[d.Tenant]; ok {
			return of.Copy(), nil
		}
		return nil, databases.ErrNoDatabase
	}
	patient := databases.ConnectTimeout(time.Minute) // a busy machine may take its time
	pools, err := databases.NewPools(databases.PostgresWith(configOf), patient)
	require.NoError(t, err)
	t.Cleanup(func() { _ = pools.Close() })
	return p.route(t, s, tenants.Database, openConfig(t, config), isolation.Databases(pools))
}

func ownFiles(t *testing.T, s Setup) *Places {
	p := &Places{dialect: onSQLite, Own: true, RawSQL: true, Plain: map[string]*gorm.DB{}}
	dir := t.TempDir()
	files := databases.SQLite(filepath.Join(dir, "tenants"), databases.CreateFiles())
	pools, err := databases.NewPools(files, databases.ConnectTimeout(time.Minute))
	require.NoError(t, err)
	t.Cleanup(func() { _ = pools.Close() })
	shared := openFile(t, filepath.Join(dir, "shared.db"))
	p.route(t, s, tenants.Database, shared, isolation.Databases(pools))
	for _, id := range s.Tenants {
		ctx := tenants.NewContext(t.Context(), &tenants.Tenant{
			ID: id, Placement: tenants.Placement{Level: tenants.Database},
		})
		_, err := p.Router.ExecContext(ctx, "SELECT 1") // makes the file
		require.NoError(t, err)
		name, err := tenantname.Name(id)
		require.NoError(t, err)
		own := openFile(t, filepath.Join(dir, "tenants", name+".db"))
		p.Plain[id] = plain(t, &sqlite.Dialector{Conn: own})
		require.NoError(t, s.Migrate(p.Plain[id]))
	}
	return p
}
