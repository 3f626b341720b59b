package isolation_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant/isolation"
	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/databases/provision"
	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/isolation/schemas"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/store"
)

// Folder has documents, and folders of its own. Its key is the application's.
type Folder struct {
	ID string `gorm:"primaryKey"`
	models.TenantModel
	Name     string
	ParentID *string
	Parent   *Folder
	Docs     []Doc
}

// Doc has a key of the database's.
type Doc struct {
	ID uint
	models.TenantModel
	FolderID  string
	Body      string
	Size      *float64
	CreatedAt time.Time
	DeletedAt gorm.DeletedAt
	Labels    []Label `gorm:"many2many:doc_labels"`
}

// Label is on documents.
type Label struct {
	ID string `gorm:"primaryKey"`
	models.TenantModel
	Text string
}

func all() []any { return []any{&Folder{}, &Doc{}, &Label{}} }

// fixture is an application with tenants on all levels that its database has.
type fixture struct {
	t      *testing.T
	levels []tenants.Level
	store  *store.Store
	db     *gorm.DB // the application's, over router
	router *isolation.Router
	cache  *tenants.Cache
	mover  *isolation.Mover
	shared *gorm.DB // the owner of the shared tables
	suffix string   // of IDs: names of roles and databases are the server's

	// remake makes what another process has: a router with a cache of its own.
	remake func(t *testing.T) *fixture
	// plain opens the place of a tenant past everything.
	plain func(t *testing.T, at *tenants.Tenant) *gorm.DB
	life  *schemas.Provisioner
	// list are the migrations of places that remake knows.
	list []migrations.Migration
	// files reports whether a tenant has its file, on SQLite.
	files func(t *testing.T, at *tenants.Tenant) bool
	// crossing is a pool of the shared tables that lets Unscoped through, and routes are the
	// options of router.
	crossing *sql.DB
	routes   []isolation.Option
	// moverLevels are the options of mover.
	moverLevels []isolation.MoverOption
	app         string // the role of the application, on Postgres
	// migrateAll brings the databases of tenants to the newest version.
	migrateAll func(t *testing.T)
	// address is what another process enters it by: its kind, its DSN and its directory.
	address []string
}

// kinds are the databases of fixtures.
var kinds = map[string]func(t *testing.T) *fixture{"sqlite": onSQLite, "postgres": onPostgres}

// each runs test in a fixture of each kind.
func each(t *testing.T, test func(t *testing.T, h *fixture)) {
	t.Helper()
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, kind(t))
		})
	}
}

var migrate = migrations.Models("1", all()...)

func onSQLite(t *testing.T) *fixture {
	dir := t.TempDir()
	return sqliteIn(t, dir, true)
}

const pragmas = "?_pragma=busy_timeout(20000)&_pragma=journal_mode(WAL)" +
	"&_pragma=foreign_keys(1)&_pragma=synchronous(0)&_txlock=immediate"

func sqliteIn(
	t *testing.T, dir string, fresh bool, more ...migrations.Migration,
) *fixture {
	t.Helper()
	list := append([]migrations.Migration{migrate}, more...)
	pool, err := sql.Open(sqlite.DriverName, "file:"+filepath.ToSlash(filepath.Join(dir,
		"shared.db"))+pragmas)
	require.NoError(t, err)
	pool.SetMaxOpenConns(4)
	t.Cleanup(func() { _ = pool.Close() })
	shared, err := gorm.Open(&sqlite.Dialector{Conn: pool}, &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	h := &fixture{t: t, levels: []tenants.Level{tenants.Rows, tenants.Database}, shared: shared}
	h.init(fresh)
	if fresh {
		require.NoError(t, shared.AutoMigrate(all()...))
	}
	files, err := provision.NewFiles(filepath.Join(dir, "tenants"),
		func(path string) gorm.Dialector {
			return sqlite.Open("file:" + filepath.ToSlash(path) + pragmas)
		}, provision.Migrations(list...))
	require.NoError(t, err)
	pools, err := databases.NewPools(databases.SQLite(filepath.Join(dir, "tenants")),
		databases.ConnectTimeout(time.Minute))
	require.NoError(t, err)
	t.Cleanup(func() { _ = pools.Close() })
	h.open(pool, []isolation.Option{isolation.Databases(pools)}, isolation.OwnDatabases(files))
	h.plain = func(t *testing.T, at *tenants.Tenant) *gorm.DB {
		if at.Placement.Normal().Level == tenants.Rows {
			return shared
		}
		db, err := files.Open(t.Context(), at)
		require.NoError(t, err)
		closeAfter(t, db)
		return db
	}
	h.migrateAll = func(t *testing.T) {
		require.NoError(t, files.MigrateAll(t.Context(), h.store, migrations.Progress(nil)))
	}
	h.files = func(t *testing.T, at *tenants.Tenant) bool {
		found, err := filepath.Glob(filepath.Join(dir, "tenants", "tenant_"+at.ID+"*"))
		require.NoError(t, err)
		return len(found) > 0
	}
	h.remake = func(t *testing.T) *fixture { return sqliteIn(t, dir, false, h.list...) }
	h.address = []string{"sqlite", "", dir}
	return h
}

// init makes the directory.
func (h *fixture) init(fresh bool) {
	h.t.Helper()
	var err error
	h.store, err = store.New(h.shared)
	require.NoError(h.t, err)
	if fresh {
		require.NoError(h.t, h.store.Migrate(context.Background()))
	}
	h.cache = tenants.Cached(h.store, tenants.TTL(time.Hour))
}

// open makes the router, the application and the mover.
func (h *fixture) open(rows *sql.DB, options []isolation.Option, levels ...isolation.MoverOption) {
	h.t.Helper()
	var err error
	h.routes = options
	if h.crossing == nil {
		h.crossing = rows
	}
	h.router, err = isolation.NewRouter(h.cache, rows, options...)
	require.NoError(h.t, err)
	h.t.Cleanup(func() { _ = h.router.Close() })
	h.db = h.openOn(h.t, h.router)
	require.NoError(h.t, h.db.Use(tenantplugin.New(tenantplugin.Models(all()...))))
	h.moverLevels = append(slices.Clip(levels),
		isolation.SharedTables(h.shared), isolation.Forget(h.cache))
	h.mover = h.moverWith(h.t, h.store)
}

// openOn opens the application on a router.
func (h *fixture) openOn(t *testing.T, router *isolation.Router) *gorm.DB {
	t.Helper()
	var dialector gorm.Dialector = &sqlite.Dialector{Conn: router}
	if h.shared.Name() == "postgres" {
		dialector = postgres.New(postgres.Config{Conn: router})
	}
	db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	return db
}

// moverWith makes a mover with another directory.
func (h *fixture) moverWith(t *testing.T, directory isolation.Directory) *isolation.Mover {
	t.Helper()
	mover, err := isolation.NewMover(directory, all(), h.moverLevels...)
	require.NoError(t, err)
	return mover
}

// tenant makes a tenant of that name in the shared tables.
func (h *fixture) tenant(slug string) *tenants.Tenant {
	h.t.Helper()
	made := &tenants.Tenant{ID: slug + h.suffix, Slug: slug}
	require.NoError(h.t, h.store.Create(context.Background(), made))
	return made
}

// now is the tenant as the directory has it.
func (h *fixture) now(id string) *tenants.Tenant {
	h.t.Helper()
	found, err := h.store.Lookup(context.Background(), id)
	require.NoError(h.t, err)
	return found
}

// as is the application's *gorm.DB for a tenant.
func (h *fixture) as(t *tenants.Tenant) *gorm.DB {
	return h.db.WithContext(tenants.NewContext(context.Background(), t))
}

// move moves a tenant to a level, and removes what it leaves.
func (h *fixture) move(id string, to tenants.Level) isolation.Report {
	h.t.Helper()
	from := h.now(id).Placement
	report, err := h.mover.Move(context.Background(), id, tenants.Placement{Level: to})
	require.NoError(h.t, err, "%s to %s", from, to)
	require.Equal(h.t, to, h.now(id).Placement.Level)
	h.remove(id)
	return report
}

// remove removes all that a tenant has left.
func (h *fixture) remove(id string) {
	h.t.Helper()
	for _, left := range h.now(id).Left {
		err := h.mover.Remove(context.Background(), id, left, "")
		require.ErrorIs(h.t, err, isolation.ErrNotConfirmed)
		_, confirmation, found := strings.Cut(err.Error(), `it takes "`)
		require.True(h.t, found, err)
		confirmation = strings.TrimSuffix(confirmation, `"`)
		require.NoError(h.t, h.mover.Remove(context.Background(), id, left, confirmation))
	}
	require.Empty(h.t, h.now(id).Left)
}

// rows are all rows at a place, as text.
func rows(t *testing.T, db *gorm.DB, where string) string {
	t.Helper()
	var text strings.Builder
	for _, table := range []string{"folders", "docs", "labels", "doc_labels"} {
		var found []map[string]any
		condition := where
		if table == "doc_labels" && where != "1 = 1" {
			condition = "doc_id IN (SELECT id FROM docs WHERE " + where + ")"
		}
		require.NoError(t, db.Raw("SELECT * FROM "+table+" WHERE "+condition+
			" ORDER BY 1, 2").Scan(&found).Error)
		for _, row := range found {
			fmt.Fprintf(&text, "%s %v\n", table, row)
		}
	}
	return text.String()
}

// of is the rows of a tenant where it is, past everything.
func (h *fixture) of(t *testing.T, id string) (text string) {
	t.Helper()
	at := h.now(id)
	where := "1 = 1"
	if at.Placement.Normal().Level == tenants.Rows {
		where = "tenant_id = '" + id + "'"
	}
	h.with(t, at, func(db *gorm.DB) { text = rows(t, db, where) })
	return text
}

// with calls fn with the place of a tenant, past everything, and closes it again: a session of a
// superuser cannot be ended by Deprovision.
func (h *fixture) with(t *testing.T, at *tenants.Tenant, fn func(db *gorm.DB)) {
	t.Helper()
	db := h.plain(t, at)
	defer func() {
		if pool, err := db.DB(); db != h.shared && err == nil {
			_ = pool.Close()
		}
	}()
	fn(db)
}

// fill gives a tenant rows of every kind.
func (h *fixture) fill(at *tenants.Tenant, n int) {
	h.t.Helper()
	root := Folder{ID: at.ID + "-root", Name: "root"}
	require.NoError(h.t, h.as(at).Create(&root).Error)
	for i := range n {
		size := float64(i) / 3
		folder := Folder{
			ID: fmt.Sprintf("%s-%d", at.ID, i), Name: "it's\ta \\ name\n",
			ParentID: &root.ID, Docs: []Doc{
				{
					Body: "ünïcode, NULL and 'quotes'", Size: &size,
					Labels: []Label{{ID: fmt.Sprintf("%s-l%d", at.ID, i), Text: "red"}},
				},
				{Body: "", CreatedAt: time.Date(2026, 2, 3, 4, 5, 6, 789_123_000, time.UTC)},
			},
		}
		require.NoError(h.t, h.as(at).Create(&folder).Error)
	}
	require.NoError(h.t, h.as(at).Where("size IS NULL").Delete(&Doc{}).Error) // softly
}

func closeAfter(t *testing.T, db *gorm.DB) {
	t.Helper()
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
}
