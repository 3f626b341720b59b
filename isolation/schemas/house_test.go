package schemas_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/isolation/schemas"
	"github.com/gormtenant/gormtenant/models"
)

// Country is shared by all tenants.
type Country struct {
	Code string `gorm:"primaryKey"`
}

// TableName puts it into the shared schema.
func (Country) TableName() string { return "shared.countries" }

// Project and Task are in the schema of each tenant.
type Project struct {
	ID uint
	models.TenantModel
	Name        string `gorm:"index"`
	CountryCode *string
	Country     *Country
	Tasks       []Task
}

type Task struct {
	ID uint
	models.TenantModel
	Title     string `gorm:"uniqueIndex"`
	ProjectID uint
}

var first = migrations.Models("0001", &Project{}, &Task{})

func sqlStep(version, statement string) migrations.Migration {
	return migrations.Migration{Version: version, Up: func(_ context.Context, db *gorm.DB) error {
		return db.Exec(statement).Error
	}}
}

// house is a database with the roles that a life cycle has. What is the server's, and not the
// database's, is named with the suffix.
type house struct {
	suffix     string
	super      *sql.DB // for looking at it
	owner, app *pgx.ConnConfig

	superUser, superPassword string
}

func newHouse(t testing.TB) *house {
	t.Helper()
	var h *house
	t.Cleanup(func() { h.dropRoles(t) }) // after the database, which keeps them
	config, err := pgx.ParseConfig(pgtest.New(t))
	require.NoError(t, err)
	h = &house{
		suffix: config.Database[len(config.Database)-12:], super: stdlib.OpenDB(*config),
		superUser: config.User, superPassword: config.Password,
	}
	h.owner, h.app = config.Copy(), config.Copy()
	h.owner.User, h.owner.Password = "owner_"+h.suffix, "secret"
	h.app.User, h.app.Password = "app_"+h.suffix, "secret"
	h.do(t,
		"CREATE ROLE "+h.owner.User+" LOGIN PASSWORD 'secret' CREATEROLE NOSUPERUSER",
		"CREATE ROLE "+h.app.User+" LOGIN PASSWORD 'secret' NOINHERIT",
		"GRANT CREATE ON DATABASE "+config.Database+" TO "+h.owner.User,
		"CREATE SCHEMA shared AUTHORIZATION "+h.owner.User,
		"CREATE TABLE shared.countries (code text PRIMARY KEY)",
		"ALTER TABLE shared.countries OWNER TO "+h.owner.User,
		"INSERT INTO shared.countries VALUES ('PT')",
		"GRANT USAGE ON SCHEMA shared TO PUBLIC",
		"GRANT SELECT ON ALL TABLES IN SCHEMA shared TO PUBLIC",
	)
	return h
}

func (h *house) dropRoles(t testing.TB) {
	if h == nil {
		return
	}
	_ = h.super.Close()
	database := h.owner.Database
	config := h.owner.Copy()
	config.User, config.Password, config.Database = h.superUser, h.superPassword, "postgres"
	h.super = stdlib.OpenDB(*config)
	defer func() { _ = h.super.Close() }()
	roles := splitLines(
		h.text(
			t, "SELECT rolname FROM pg_roles WHERE shobj_description(oid, 'pg_authid') = "+
				"'gormtenant:' || $1", database))
	for _, role := range append(roles, h.app.User, h.owner.User) {
		_, _ = h.super.Exec("DROP ROLE IF EXISTS " + quote(role))
	}
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// id is a tenant's that no other test has.
func (h *house) id(name string) string { return name + "_" + h.suffix }

func (h *house) do(t testing.TB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		_, err := h.super.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
}

// text reads the rows of a query, whose columns are one text.
func (h *house) text(t testing.TB, query string, args ...any) string {
	t.Helper()
	rows, err := h.super.QueryContext(context.WithoutCancel(t.Context()), query, args...)
	require.NoError(t, err, query)
	defer func() { require.NoError(t, rows.Close()) }()
	var all []string
	for rows.Next() {
		var line string
		require.NoError(t, rows.Scan(&line))
		all = append(all, line)
	}
	require.NoError(t, rows.Err())
	return strings.Join(all, "\n")
}

// roles are those of the tenants.
func (h *house) roles(t testing.TB) []string {
	t.Helper()
	return strings.Fields(
		h.text(
			t, "SELECT rolname FROM pg_roles WHERE shobj_description(oid, 'pg_authid') = "+
				"'gormtenant:' || current_database()"))
}

// catalog is all that there is in the database, and its roles.
func (h *house) catalog(t testing.TB) string {
	t.Helper()
	return h.text(t, `
SELECT 'schema ' || nspname || ' ' || coalesce(obj_description(oid, 'pg_namespace'), '') || ' '
	|| coalesce(nspacl::text, '')
	FROM pg_namespace WHERE nspname !~ '^pg_'
UNION ALL SELECT 'relation ' || oid::regclass || ' ' || relkind::text || ' '
	|| coalesce(relacl::text, '')
	FROM pg_class WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' '
	|| pg_get_constraintdef(oid)
	FROM pg_constraint WHERE connamespace::regnamespace::text !~ '^(pg_|information_schema)'
UNION ALL SELECT 'default ' || defaclnamespace::regnamespace || ' ' || defaclobjtype::text || ' '
	|| defaclacl::text FROM pg_default_acl
UNION ALL SELECT 'role ' || rolname || ' ' || coalesce(shobj_description(oid, 'pg_authid'), '')
	FROM pg_roles WHERE rolname LIKE '%' || $1 || '%'
UNION ALL SELECT 'member ' || member::regrole || ' of ' || roleid::regrole FROM pg_auth_members
	WHERE member::regrole::text LIKE '%' || $1 || '%' OR roleid::regrole::text LIKE '%' || $1 || '%'
ORDER BY 1`, h.suffix)
}

func openAs(t testing.TB, config *pgx.ConnConfig) *gorm.DB {
	t.Helper()
	pool := stdlib.OpenDB(*config)
	t.Cleanup(func() { _ = pool.Close() })
	pool.SetMaxOpenConns(8)
	db, err := gorm.Open(
		postgres.New(postgres.Config{Conn: pool}), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	return db
}

// schemas returns those of the house's owner.
func (h *house) schemas(t testing.TB, options ...schemas.ProvisionerOption) *schemas.Provisioner {
	t.Helper()
	s, err := schemas.NewProvisioner(
		openAs(t, h.owner), append(
			[]schemas.ProvisionerOption{schemas.Login(h.app.User)}, options...)...)
	require.NoError(t, err)
	return s
}

// as runs statements as the application does, in the schema of a tenant.
func (h *house) as(t testing.TB, tenant string, roles bool, do func(tx *gorm.DB) error) error {
	t.Helper()
	return openAs(t, h.app).Transaction(func(tx *gorm.DB) error {
		if roles {
			if err := tx.Exec("SET LOCAL ROLE " + quote("tenant_"+tenant)).Error; err != nil {
				return err
			}
		}
		if err := tx.Exec(
			"SET LOCAL search_path = " + quote("tenant_"+tenant) + ", shared").Error; err != nil {
			return err
		}
		return do(tx)
	})
}
