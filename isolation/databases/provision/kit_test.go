package provision_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/tenantname"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/internal/testing/race"
	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/databases/credentials"
	"github.com/gormtenant/gormtenant/isolation/databases/provision"
	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/tenants"
)

// site is a server with an admin, and what a test makes there: all of its names end in the same.
type site struct {
	root    *pgx.ConnConfig // a superuser
	admin   *pgx.ConnConfig
	secrets credentials.Secrets
	suffix  string
}

func newSite(t *testing.T) *site {
	t.Helper()
	root, err := pgx.ParseConfig(pgtest.New(t))
	require.NoError(t, err)
	s := &site{root: root, secrets: credentials.InMemory(), suffix: "-" +
		strings.ToLower(rand.Text()[:10])}
	s.admin = root.Copy()
	s.admin.User, s.admin.Password = "provisioner"+s.suffix, "admin"
	s.admin.ConnectTimeout = time.Minute // a busy machine may take its time
	s.exec(t, `CREATE ROLE "`+s.admin.User+`" LOGIN PASSWORD 'admin' CREATEDB CREATEROLE`)
	t.Cleanup(func() {
		for _, name := range s.left(t) {
			t.Errorf("%s is left", name)
		}
		s.exec(t, `DROP ROLE "`+s.admin.User+`"`)
	})
	return s
}

func connect(t *testing.T, config *pgx.ConnConfig) *pgx.Conn {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.ConnectConfig(ctx, config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(ctx) })
	return conn
}

// exec runs statements as superuser, in the clean-up of a test too.
func (s *site) exec(t *testing.T, statements ...string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.ConnectConfig(ctx, s.root)
	require.NoError(t, err)
	defer func() { _ = conn.Close(ctx) }()
	for _, statement := range statements {
		_, err := conn.Exec(ctx, statement)
		require.NoError(t, err, statement)
	}
}

// ask returns the only value of a query, as superuser.
func ask[T any](t *testing.T, s *site, query string, args ...any) (value T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.ConnectConfig(ctx, s.root)
	require.NoError(t, err)
	defer func() { _ = conn.Close(ctx) }()
	require.NoError(t, conn.QueryRow(ctx, query, args...).Scan(&value))
	return value
}

// left returns the databases and the roles that there are of the test's tenants.
func (s *site) left(t *testing.T) []string {
	t.Helper()
	return ask[[]string](t, s, `SELECT coalesce(array_agg(name), '{}') FROM (
		SELECT 'database ' || datname AS name FROM pg_database WHERE datname LIKE '%' || $1
		UNION SELECT 'role ' || rolname FROM pg_roles
		WHERE rolname LIKE '%' || $1 AND rolname <> $2) AS names`,
		s.suffix, s.admin.User)
}

// tenant returns one that has a database, whose ID ends in the suffix.
func (s *site) tenant(id string) *tenants.Tenant {
	return &tenants.Tenant{
		ID: id + s.suffix, Status: tenants.Active,
		Placement: tenants.Placement{Level: tenants.Database},
	}
}

func itsName(t *tenants.Tenant) string {
	if t.Placement.Name != "" {
		return t.Placement.Name
	}
	name, _ := tenantname.Name(t.ID)
	return name
}

func itsRole(t *tenants.Tenant) string { return tenantname.Role(itsName(t)) }

func databaseOf(t *tenants.Tenant) databases.Database {
	return databases.Database{Tenant: t.ID, Name: itsName(t), Server: t.Placement.Server}
}

// note is what tenants have in their databases.
type note struct {
	ID   uint
	Text string
}

var notes = migrations.Models("001_notes", &note{})

// plain does the same in one word, for tests that look at each.
var plain = migrations.Migration{
	Version: "001_notes",
	Up: func(_ context.Context, db *gorm.DB) error {
		return db.Exec("CREATE TABLE notes (id serial PRIMARY KEY, text text)").Error
	},
}

// provisioner is that of the server, with the notes and what else is given.
func (s *site) provisioner(t *testing.T, options ...provision.PostgresOption) *provision.Postgres {
	t.Helper()
	return s.through(t, s.admin, options...)
}

func (s *site) through(
	t *testing.T, admin *pgx.ConnConfig, options ...provision.PostgresOption,
) *provision.Postgres {
	t.Helper()
	if len(options) == 0 {
		options = append(options, provision.Migrations(plain))
	}
	p, err := provision.NewPostgres(s.secrets, []provision.Server{{Admin: admin}}, options...)
	require.NoError(t, err)
	return p
}

// as returns how a tenant connects to its database.
func (s *site) as(t *testing.T, tenant *tenants.Tenant) *pgx.ConnConfig {
	t.Helper()
	config, err := credentials.Connect(s.secrets, credentials.Server{Config: s.root})
	require.NoError(t, err)
	c, err := config(t.Context(), databaseOf(tenant))
	require.NoError(t, err)
	return c
}

// deprovision takes a tenant's database away after the test.
func deprovision(t *testing.T, p provisioner, tenant *tenants.Tenant) {
	t.Helper()
	require.NoError(
		t, p.Deprovision(
			context.WithoutCancel(t.Context()), tenant, "DELETE_DATABASE_"+itsName(tenant)))
}

// provisioner is what both of them are.
type provisioner interface {
	Provision(ctx context.Context, t *tenants.Tenant) error
	Deprovision(ctx context.Context, t *tenants.Tenant, confirmation string) error
	MigrateAll(ctx context.Context, lister tenants.Lister, options ...migrations.Option) error
}

// list lists tenants in the order of their IDs.
type list []*tenants.Tenant

func (l list) List(_ context.Context, after string) iter.Seq2[*tenants.Tenant, error] {
	return func(yield func(*tenants.Tenant, error) bool) {
		for _, t := range slices.SortedFunc(
			slices.Values(l), func(
				a, b *tenants.Tenant,
			) int {
				return strings.Compare(a.ID, b.ID)
			}) {
			if t.ID > after && !yield(t, nil) {
				return
			}
		}
	}
}

// failing is a migration that fails for as long as broken says so.
func failing(err *error) migrations.Migration {
	return migrations.Migration{
		Version: "002_failing",
		Up: func(_ context.Context, db *gorm.DB) error {
			if *err != nil {
				return *err
			}
			return db.Exec("CREATE TABLE second (id int)").Error
		},
	}
}

// stride is at how many of the places to cut at one is tried: each is, without the race detector.
func stride() int {
	if race.Enabled {
		return 7
	}
	return 1
}

// newPools makes pools that are closed with the test.
func newPools(t *testing.T, opener databases.Opener) *databases.Pools {
	t.Helper()
	// a busy machine may take its time
	pools, err := databases.NewPools(opener, databases.ConnectTimeout(time.Minute))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pools.Close()) })
	return pools
}

func as(t *testing.T, tenant string) context.Context {
	t.Helper()
	return gormtenant.WithTenant(t.Context(), tenant)
}

func scan[T any](t *testing.T, row *sql.Row) (value T) {
	t.Helper()
	require.NoError(t, row.Scan(&value))
	return value
}
