package transfer_test

import (
	"cmp"
	"encoding/json"
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

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// fixture is a place, and an application that works in it.
type fixture struct {
	transfer.Location
	kind string
	app  *gorm.DB
	dsn  string
}

// The kinds of places.
const (
	pgRows     = "pg_rows"
	pgSchema   = "pg_schema"
	pgDatabase = "pg_database"
	liteRows   = "sqlite_rows"
	liteFile   = "sqlite_file"
)

// newFixture makes a migrated place. A schema is made in the database of dsn, if there is one.
func newFixture(t *testing.T, kind, dsn string) *fixture {
	t.Helper()
	h := &fixture{kind: kind, dsn: dsn}
	switch kind {
	case pgRows, pgDatabase, pgSchema:
		if h.dsn == "" {
			h.dsn = pgtest.New(t)
		}
		h.DB = open(t, postgres.Open(h.dsn))
		path := h.dsn
		if kind == pgSchema {
			h.Schema = `tenant_a "b`
			require.NoError(t, h.DB.Exec(`CREATE SCHEMA "tenant_a ""b"`).Error)
			path += `&search_path=%22tenant_a%20%22%22b%22,public`
		}
		h.app = open(t, postgres.Open(path))
	default:
		h.dsn = "file:" + filepath.ToSlash(filepath.Join(t.TempDir(), "test.db")) +
			"?_pragma=busy_timeout(20000)&_pragma=foreign_keys(1)&_pragma=synchronous(0)" +
			"&_pragma=journal_mode(WAL)&_txlock=immediate"
		h.DB, h.app = open(t, sqlite.Open(h.dsn)), open(t, sqlite.Open(h.dsn))
	}
	h.Shared = kind == pgRows || kind == liteRows
	require.NoError(t, h.app.Use(tenantplugin.New(tenantplugin.Models(all()...))))
	require.NoError(t, h.app.AutoMigrate(all()...))
	require.NoError(t, h.app.Save(&Country{ID: "PT", Name: "Portugal"}).Error)
	return h
}

func open(t testing.TB, dialector gorm.Dialector) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	pool.SetMaxOpenConns(16)
	t.Cleanup(func() { _ = pool.Close() })
	return db
}

// as is the application's work for a tenant.
func (h *fixture) as(t testing.TB, tenant string) *gorm.DB {
	return h.app.WithContext(gormtenant.WithTenant(t.Context(), tenant))
}

func plan(t testing.TB, h *fixture, tenant string) *transfer.Plan {
	t.Helper()
	p, err := transfer.Read(h.DB, tenant, all()...)
	require.NoError(t, err)
	return p
}

// at is the name of a table.
func (h *fixture) at(table string) string {
	if h.Schema != "" {
		return `"` + strings.ReplaceAll(h.Schema, `"`, `""`) + `".` + table
	}
	return table
}

// bytes returns all rows of a place as the database prints them.
func (h *fixture) bytes(t testing.TB, where string) string {
	t.Helper()
	var text strings.Builder
	for _, table := range tables {
		condition := where
		if table == "author_friends" {
			condition = "author_id IN (SELECT id FROM " + h.at("authors") + " WHERE " + where + ")"
		}
		if table == "book_tags" {
			condition = "book_id IN (SELECT id FROM " + h.at("books") + " WHERE " + where + ")"
		}
		query := "SELECT x::text FROM " + h.at(table) + " AS x WHERE " + condition + " ORDER BY 1"
		if h.DB.Name() == "sqlite" {
			var names []string
			require.NoError(t, h.DB.Raw("SELECT 'quote(' || name || ')' FROM pragma_table_info(?)",
				table).Scan(&names).Error)
			query = "SELECT " + strings.Join(names, "||','||") + " FROM " + table + " WHERE " +
				condition + " ORDER BY 1"
		}
		var rows []string
		require.NoError(t, h.DB.Raw(query).Scan(&rows).Error)
		fmt.Fprintln(&text, table, len(rows), strings.Join(rows, "\n"))
	}
	return text.String()
}

// others are the rows of everyone but acme.
func (h *fixture) others(t testing.TB) string { return h.bytes(t, "tenant_id <> 'acme'") }

// seen is what the application sees of a tenant, with times as instants.
func (h *fixture) seen(t testing.TB, tenant string) string {
	t.Helper()
	var authors []Author
	var books []Book
	var tags []Tag
	var samples []Sample
	db := h.as(t, tenant).Unscoped().Session(&gorm.Session{})
	require.NoError(t, db.Preload("Friends").Order("id").Find(&authors).Error)
	require.NoError(t, db.Preload("Tags").Order("id").Find(&books).Error)
	require.NoError(t, db.Preload("Books").Order("id").Find(&tags).Error)
	require.NoError(t, db.Order("id").Find(&samples).Error)
	for i := range books {
		slices.SortFunc(books[i].Tags, func(a, b Tag) int { return cmp.Compare(a.ID, b.ID) })
		books[i].CreatedAt = books[i].CreatedAt.UTC()
		books[i].DeletedAt.Time = books[i].DeletedAt.Time.UTC()
	}
	for i := range tags {
		slices.SortFunc(tags[i].Books, func(a, b Book) int { return cmp.Compare(a.ID, b.ID) })
		for j := range tags[i].Books {
			tags[i].Books[j].CreatedAt = tags[i].Books[j].CreatedAt.UTC()
		}
	}
	for i := range samples {
		s := &samples[i]
		s.At, s.Plain, s.Day = s.At.UTC(), s.Plain.UTC(), s.Day.UTC()
		var amount float64
		_, err := fmt.Sscan(s.Amount, &amount)
		require.NoError(t, err)
		s.Raw = append([]byte{}, s.Raw...) // what SQLite's driver makes of no bytes is nil
		s.Amount = fmt.Sprintf("%.6f", amount)
		var doc any
		require.NoError(t, json.Unmarshal([]byte(s.Doc), &doc))
		s.Doc = fmt.Sprint(doc)
	}
	text, err := json.MarshalIndent([]any{authors, books, tags, samples}, "", " ")
	require.NoError(t, err)
	return string(text)
}

// soon waits for what must become true.
func soon(t testing.TB, what func() bool) {
	t.Helper()
	require.Eventually(t, what, 2*time.Minute, 5*time.Millisecond)
}

func replace(text, old, with string) string { return strings.ReplaceAll(text, old, with) }
