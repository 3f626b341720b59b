package quota_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/quota"
)

// user is limited, and belongs to another, who is saved first.
type user struct {
	ID uint
	models.TenantModel
	Name     string `gorm:"uniqueIndex"`
	BossID   *uint
	Boss     *user
	Projects []project `gorm:"foreignKey:OwnerID"`
}

// project is limited and deleted softly.
type project struct {
	ID uint
	models.TenantModel
	Slug      string `gorm:"uniqueIndex"`
	OwnerID   *uint
	DeletedAt gorm.DeletedAt
}

// note is not limited.
type note struct {
	ID uint
	models.TenantModel
	Text string
}

func (user) TableName() string    { return "users" }
func (project) TableName() string { return "projects" }
func (note) TableName() string    { return "notes" }

// env is a database with the tenants acme and zeta, who have the limits of the test.
type env struct {
	db, plain  *gorm.DB // with the plugins, and without
	acme, zeta context.Context
	sent       *recorder
}

const (
	waitFor = 2 * time.Minute
	tick    = 5 * time.Millisecond
)

// as returns a DB of acme.
func (e *env) as() *gorm.DB { return e.db.WithContext(e.acme) }

// limits are those of the tenants in most tests.
var limits = tenants.Limits{"projects": 3, "users": 2}

func tenant(id string) *tenants.Tenant {
	return &tenants.Tenant{ID: id, Status: tenants.Active, Plan: "free", Limits: limits}
}

// kinds are those of databases, in the order of the tests.
var kinds = []string{"sqlite", "postgres"}

// dialectors open an empty database of each of kinds.
var dialectors = map[string]func(t testing.TB) gorm.Dialector{
	"sqlite": func(t testing.TB) gorm.Dialector {
		return sqlite.Open("file:" + filepath.ToSlash(filepath.Join(t.TempDir(), "test.db")) +
			"?_pragma=busy_timeout(20000)&_pragma=journal_mode(wal)&_pragma=synchronous(0)")
	},
	"postgres": func(t testing.TB) gorm.Dialector { return postgres.Open(pgtest.New(t)) },
}

// each runs a test on every kind of database.
func each(t *testing.T, test func(t *testing.T, e *env), options ...quota.Option) {
	t.Helper()
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, newEnv(t, dialectors[kind](t), &gorm.Config{}, options...))
		})
	}
}

func newEnv(
	t testing.TB, dialector gorm.Dialector, config *gorm.Config, options ...quota.Option,
) *env {
	t.Helper()
	e := &env{
		plain: open(t, dialector, &gorm.Config{}),
		acme:  tenants.NewContext(context.Background(), tenant("acme")),
		zeta:  tenants.NewContext(context.Background(), tenant("zeta")),
		sent:  &recorder{},
	}
	config.Logger, config.DisableForeignKeyConstraintWhenMigrating = e.sent, true
	e.db = open(t, dialector, config)
	require.NoError(t,
		e.db.Use(tenantplugin.New(tenantplugin.Models(&user{}, &project{}, &note{}))))
	require.NoError(t, e.db.AutoMigrate(&user{}, &project{}, &note{}))
	require.NoError(t, quota.Migrate(e.db))
	require.NoError(t, quota.Migrate(e.db), "twice")
	require.NoError(t, e.db.Use(quota.New(append([]quota.Option{
		quota.Limit(&project{}, "projects"), quota.Limit(&user{}, "users"),
	}, options...)...)))
	e.sent.take()
	return e
}

func open(t testing.TB, dialector gorm.Dialector, config *gorm.Config) *gorm.DB {
	t.Helper()
	if config.Logger == nil {
		config.Logger = logger.Discard
	}
	db, err := gorm.Open(dialector, config)
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	pool.SetMaxOpenConns(16)
	pool.SetMaxIdleConns(16) // opening one takes longer than what is sent on it
	t.Cleanup(func() { _ = pool.Close() })
	return db
}

// live returns how many live rows a tenant has in a table.
func (e *env) live(t *testing.T, table, tenant string) (n int64) {
	t.Helper()
	query := e.plain.Table(table).Where("tenant_id = ?", tenant)
	if table == "projects" {
		query = query.Where("deleted_at IS NULL")
	}
	require.NoError(t, query.Count(&n).Error)
	return n
}

// empty takes all rows away, those of the locks too.
func (e *env) empty(t testing.TB) {
	t.Helper()
	for _, table := range []string{"projects", "users", "notes", "tenant_quota_locks"} {
		require.NoError(t, e.plain.Exec("DELETE FROM "+table).Error)
	}
	e.sent.take()
}

// add gives a tenant n projects, past the plugins.
func (e *env) add(t testing.TB, tenant string, n int) {
	t.Helper()
	for range n {
		require.NoError(t,
			e.plain.Exec("INSERT INTO projects (tenant_id, slug) VALUES (?, ?)", tenant, slug()).
				Error)
	}
}

var (
	slugs   int
	slugsMu sync.Mutex
)

// slug returns another one each time.
func slug() string {
	slugsMu.Lock()
	defer slugsMu.Unlock()
	slugs++
	return fmt.Sprint("slug-", slugs)
}

func newProject() *project { return &project{Slug: slug()} }

func newProjects(n int) (all []project) {
	for range n {
		all = append(all, *newProject())
	}
	return all
}

// requireLimit requires the error of a limit, with its figures.
func requireLimit(t *testing.T, err error, name string, limit, count int64) {
	t.Helper()
	require.ErrorIs(t, err, tenants.ErrLimit)
	var exceeded *tenants.LimitError
	require.ErrorAs(t, err, &exceeded)
	require.Equal(t, tenants.LimitError{Name: name, Limit: limit, Count: count}, *exceeded)
}

// recorder is a logger that keeps the statements that were sent.
type recorder struct {
	mutex sync.Mutex
	texts []string
}

func (r *recorder) LogMode(logger.LogLevel) logger.Interface    { return r }
func (r *recorder) Info(context.Context, string, ...any)        {}
func (r *recorder) Warn(context.Context, string, ...any)        {}
func (r *recorder) Error(_ context.Context, _ string, _ ...any) {}
func (r *recorder) Trace(_ context.Context, _ time.Time, fc func() (string, int64), _ error) {
	text, _ := fc()
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.texts = append(r.texts, text)
}

// take returns the statements since the last call.
func (r *recorder) take() []string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	texts := r.texts
	r.texts = nil
	return texts
}

// beginnings returns the first word of each statement.
func beginnings(texts []string) string {
	words := make([]string, len(texts))
	for i, text := range texts {
		words[i], _, _ = strings.Cut(text, " ")
		if strings.Contains(text, "tenant_quota_locks") {
			words[i] = "LOCK"
		}
	}
	return strings.Join(words, " ")
}

// list is a directory of tenants by ID.
type list map[string]*tenants.Tenant

var errDirectory = errors.New("the directory is down")

func (l list) Lookup(_ context.Context, identifier string) (*tenants.Tenant, error) {
	t, ok := l[identifier]
	switch {
	case !ok:
		return nil, tenants.ErrNotFound
	case t == nil:
		return nil, errDirectory
	}
	return t, nil
}
