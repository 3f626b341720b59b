package oracle

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/example/saas"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// Setting says in what kind of database and with which options a program runs.
type Setting struct {
	// ForeignKeys says that the tables have foreign-key constraints. Without them there are links
	// across tenants in the first rows.
	ForeignKeys bool
	// CheckReferences is the plugin's option.
	CheckReferences bool
}

// database is one database and what runs programs on it.
type database struct {
	pool    *sql.DB
	plain   *gorm.DB // migrates, restores and looks
	run     *gorm.DB // runs programs; of the shared database with the plugin
	check   *gorm.DB // the same under CheckReferences
	restore string
	look    string
	dialect string
	first   *snapshot // the rows that it is restored to
	dirty   bool
}

// now is the time of every program: soft deletes write it.
func now() time.Time { return time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC) }

func config(foreignKeys bool) *gorm.Config {
	return &gorm.Config{
		Logger: logger.Discard, NowFunc: now, TranslateError: true,
		DisableForeignKeyConstraintWhenMigrating: !foreignKeys,
	}
}

// openShared opens a database with the rows of three tenants. guard may take pieces out of the
// plugin.
func openShared(t testing.TB, dialect string, foreignKeys bool, guard func(*gorm.DB)) *database {
	t.Helper()
	d := openDatabase(t, dialect, foreignKeys)
	require.NoError(t, d.plain.Use(tenantplugin.New())) // AutoMigrate needs no tenant.
	require.NoError(t, d.plain.AutoMigrate(saas.Models()...))
	d.run = d.open(t, foreignKeys)
	require.NoError(t, d.run.Use(tenantplugin.New(tenantplugin.Models(saas.Models()...))))
	d.check = d.open(t, foreignKeys)
	require.NoError(t, d.check.Use(tenantplugin.New(tenantplugin.Models(saas.Models()...),
		tenantplugin.CheckReferences())))
	if guard != nil {
		guard(d.run)
		guard(d.check)
	}
	d.begin(t, true, foreignKeys)
	return d
}

// openSolo opens a database with the rows of A.
func openSolo(t testing.TB, dialect string, foreignKeys bool) *database {
	t.Helper()
	d := openDatabase(t, dialect, foreignKeys)
	require.NoError(t, d.plain.Use(stub{}))
	require.NoError(t, d.plain.AutoMigrate(saas.Models()...))
	require.NoError(t, keepTenant(d.plain))
	d.run = d.open(t, foreignKeys)
	require.NoError(t, d.run.Use(stub{}))
	d.check = d.run
	d.begin(t, false, foreignKeys)
	return d
}

func openDatabase(t testing.TB, dialect string, foreignKeys bool) *database {
	t.Helper()
	d := &database{dialect: dialect, look: snapshotQuery(dialect)}
	var err error
	if dialect == "postgres" {
		db, openErr := gorm.Open(postgres.Open(pgtest.New(t)), &gorm.Config{Logger: logger.Discard})
		require.NoError(t, openErr)
		d.pool, err = db.DB()
	} else {
		pragmas := "?_pragma=foreign_keys(0)"
		if foreignKeys {
			pragmas = "?_pragma=foreign_keys(1)"
		}
		d.pool, err = sql.Open(sqlite.DriverName, ":memory:"+pragmas)
	}
	require.NoError(t, err)
	d.pool.SetMaxOpenConns(1) // Every connection to :memory: has a database of its own.
	t.Cleanup(func() { _ = d.pool.Close() })
	d.plain = d.open(t, foreignKeys)
	return d
}

// open opens a *gorm.DB on the database, with callbacks of its own.
func (d *database) open(t testing.TB, foreignKeys bool) *gorm.DB {
	t.Helper()
	var dialector gorm.Dialector = &sqlite.Dialector{Conn: d.pool}
	if d.dialect == "postgres" {
		dialector = postgres.New(postgres.Config{Conn: d.pool})
	}
	db, err := gorm.Open(dialector, config(foreignKeys))
	require.NoError(t, err)
	return db
}

func (d *database) begin(t testing.TB, shared, foreignKeys bool) {
	t.Helper()
	if d.dialect == "sqlite" {
		for _, e := range entities { // the rows of sqlite_sequence are made by the first insert
			_, err := d.pool.Exec(fmt.Sprintf("INSERT INTO sqlite_sequence (name, seq) "+
				"VALUES ('%s', 0)", e.table))
			require.NoError(t, err)
		}
	}
	d.restore = restore(d.dialect, shared, foreignKeys)
	d.dirty = true
	require.NoError(t, d.reset())
	var err error
	d.first, err = take(context.Background(), d.pool, d.look)
	require.NoError(t, err)
}

// reset puts the rows back, where a program changed any. SQLite's sequences are put back always: an
// INSERT that a conflict makes do nothing takes a number and changes no row.
func (d *database) reset() error {
	if !d.dirty {
		if d.dialect != "sqlite" {
			return nil
		}
		_, err := d.pool.Exec("UPDATE sqlite_sequence SET seq = ?", firstNew-1)
		return err
	}
	_, err := d.pool.Exec(d.restore)
	d.dirty = err != nil
	return err
}

// db returns what a program runs on.
func (d *database) db(setting Setting) *gorm.DB {
	ctx := gormtenant.WithTenant(context.Background(), A)
	if setting.CheckReferences {
		return d.check.WithContext(ctx)
	}
	return d.run.WithContext(ctx)
}

// stub is registered under the plugin's name where there is no plugin. It fills an empty tenant
// field of what is created, and does nothing else.
type stub struct{}

func (stub) Name() string { return "gormtenant" }

func (stub) Initialize(db *gorm.DB) error {
	return errors.Join(
		db.Callback().Create().Before("*").Register("oracle:tenant", fillTenant),
		db.Callback().Create().After("*").Register("oracle:duplicates", fillDuplicates),
		db.Callback().Update().After("*").Register("oracle:duplicates", fillDuplicates))
}

// tenantColumn is how a table is declared to have the tenant column on SQLite.
var tenantColumn = regexp.MustCompile("`tenant_id` text NOT NULL")

// keepTenant makes a database know one tenant only: whatever is written, the column holds A.
func keepTenant(db *gorm.DB) error {
	for _, e := range entities {
		var statements []string
		if db.Name() == "postgres" {
			statements = []string{
				"ALTER TABLE " + e.table + " ALTER COLUMN tenant_id SET DEFAULT '" + A + "'",
				"CREATE OR REPLACE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS " +
					"$$ BEGIN NEW.tenant_id := '" + A + "'; RETURN NEW; END $$",
				"CREATE TRIGGER keep BEFORE INSERT OR UPDATE ON " + e.table +
					" FOR EACH ROW EXECUTE FUNCTION keep()",
			}
		} else {
			var text string
			const query = "SELECT sql FROM sqlite_master WHERE name = ?"
			if err := db.Raw(query, e.table).Scan(&text).Error; err != nil {
				return err
			}
			var indexes []string
			if err := db.Raw("SELECT sql FROM sqlite_master WHERE type = 'index' "+
				"AND tbl_name = ? AND sql IS NOT NULL",
				e.table).Scan(&indexes).Error; err != nil {
				return err
			}
			text = tenantColumn.ReplaceAllString(text, "$0 DEFAULT '"+A+"'")
			if !strings.Contains(text, "DEFAULT '"+A+"'") {
				return fmt.Errorf("oracle: no tenant column in %s", text)
			}
			statements = append([]string{"DROP TABLE " + e.table, text}, indexes...)
			for _, event := range []string{"INSERT", "UPDATE"} {
				statements = append(statements, fmt.Sprintf(
					"CREATE TRIGGER keep_%[1]s_%[2]s AFTER %[2]s ON %[1]s"+
						" WHEN NEW.tenant_id <> '%[3]s' BEGIN"+
						" UPDATE %[1]s SET tenant_id = '%[3]s' WHERE id = NEW.id; END",
					e.table, event, A))
			}
		}
		for _, statement := range statements {
			if err := db.Exec(statement).Error; err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
	}
	return nil
}
