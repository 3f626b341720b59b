package levels

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/glebarez/sqlite"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/rls"
	"github.com/gormtenant/gormtenant/tenants"
)

func (p *Places) shared(s Setup, db *gorm.DB) *Places {
	p.Plain = map[string]*gorm.DB{}
	for _, id := range s.Tenants {
		p.Plain[id] = db
	}
	return p
}

func rowsSQLite(t *testing.T, s Setup) *Places {
	pool := openFile(t, filepath.Join(t.TempDir(), "shared.db"))
	db := plain(t, &sqlite.Dialector{Conn: pool})
	require.NoError(t, s.Migrate(db))
	p := (&Places{dialect: onSQLite}).shared(s, db)
	return p.route(t, s, tenants.Rows, pool)
}

func rowsPostgres(t *testing.T, s Setup) *Places {
	config, err := pgx.ParseConfig(pgtest.New(t))
	require.NoError(t, err)
	pool := openConfig(t, config)
	db := plain(t, postgres.New(postgres.Config{Conn: pool}))
	require.NoError(t, s.Migrate(db))
	p := (&Places{dialect: onPostgres}).shared(s, db)
	return p.route(t, s, tenants.Rows, pool)
}

func rowsRLS(t *testing.T, s Setup) *Places {
	owner, app := roles(t, "NOINHERIT")
	db := plain(t, postgres.New(postgres.Config{Conn: openConfig(t, owner)}))
	require.NoError(t, s.Migrate(db))
	models := make([]any, len(s.Models))
	copy(models, s.Models)
	require.NoError(t, rls.Enable(db, models...))
	for _, statement := range []string{
		"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO " + app.User,
		"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO " + app.User,
	} {
		require.NoError(t, db.Exec(statement).Error)
	}
	pool := sql.OpenDB(rls.NewConnector(app))
	t.Cleanup(func() { _ = pool.Close() })
	p := (&Places{dialect: onPostgres, RawSQL: true}).shared(s, db)
	return p.route(t, s, tenants.Rows, pool)
}

// roles makes a database, and a role for the application.
func roles(t *testing.T, attributes string) (owner, app *pgx.ConnConfig) {
	t.Helper()
	owner, err := pgx.ParseConfig(pgtest.New(t))
	require.NoError(t, err)
	pool := openConfig(t, owner)
	app = owner.Copy()
	app.User, app.Password = "app_"+owner.Database, "app"
	_, err = pool.Exec("CREATE ROLE " + app.User +
		" LOGIN PASSWORD 'app' NOSUPERUSER NOBYPASSRLS " + attributes)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := pool.Exec("DROP OWNED BY " + app.User + "; DROP ROLE " + app.User)
		require.NoError(t, err)
	})
	return owner, app
}
