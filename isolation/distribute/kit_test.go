package distribute_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/example/saas"
	"github.com/gormtenant/gormtenant/example/saas/sharded"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// open opens a database with the plugin, which knows models.
func open(t *testing.T, dsn string, models ...any) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(postgres.Open(dsn), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	closeAfter(t, db)
	require.NoError(t, db.Use(tenantplugin.New(tenantplugin.Models(models...))))
	return db
}

func closeAfter(t *testing.T, db *gorm.DB) {
	t.Helper()
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
}

// exec runs statements past the plugin.
func exec(t *testing.T, db *gorm.DB, statements ...string) {
	t.Helper()
	pool, err := db.DB()
	require.NoError(t, err)
	for _, statement := range statements {
		_, err := pool.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
}

// value reads one value past the plugin.
func value[T any](t *testing.T, db *gorm.DB, query string, args ...any) (v T) {
	t.Helper()
	pool, err := db.DB()
	require.NoError(t, err)
	require.NoError(t, pool.QueryRowContext(t.Context(), query, args...).Scan(&v), query)
	return v
}

var tenants = []string{"acme", "zeta", "globex"}

// asTenant is a context of a tenant.
func asTenant(t *testing.T, tenant string) context.Context {
	t.Helper()
	return gormtenant.WithTenant(t.Context(), tenant)
}

// shardedRows is a database with the tables of package sharded, and rows of three tenants.
func shardedRows(t *testing.T) *gorm.DB {
	t.Helper()
	db := open(t, pgtest.New(t), sharded.Models()...)
	require.NoError(t, db.AutoMigrate(sharded.Models()...))
	fillSharded(t, db)
	return db
}

// fillSharded makes rows of three tenants.
func fillSharded(t *testing.T, db *gorm.DB) {
	t.Helper()
	for _, tenant := range tenants {
		tx := db.WithContext(asTenant(t, tenant))
		user := sharded.User{Name: tenant, Profile: &sharded.Profile{Bio: "of " + tenant}}
		require.NoError(t, tx.Create(&user).Error)
		require.NoError(t, tx.Create(&sharded.User{Name: "staff", ManagerID: &user.ID}).Error)
		require.NoError(t, tx.Create(&sharded.Project{
			Slug: "website", OwnerID: user.ID, Tags: []sharded.Tag{{Label: "a"}, {Label: "b"}},
			Tasks:    []sharded.Task{{Title: "one"}, {Title: "two"}},
			Comments: []sharded.Comment{{Text: "fine"}},
		}).Error)
	}
}

// idRows is a database with the tables of package saas, whose keys are the id alone, and its rows;
// db knows the models of package sharded.
func idRows(t *testing.T) *gorm.DB {
	t.Helper()
	dsn := pgtest.New(t)
	old := open(t, dsn, saas.Models()...)
	require.NoError(t, old.AutoMigrate(saas.Models()...))
	require.NoError(t, saas.SeedAcme(old.WithContext(asTenant(t, "acme"))))
	require.NoError(t, saas.SeedGlobex(old.WithContext(asTenant(t, "globex"))))
	return open(t, dsn, sharded.Models()...)
}

// tableNames are those of the models of saas and of sharded.
var tableNames = []string{
	"comments", "profiles", "project_tags", "projects", "tags", "tasks", "users",
}

// contents returns all rows of all tables, whatever the order of their columns.
func contents(t *testing.T, db *gorm.DB) string {
	t.Helper()
	var text strings.Builder
	for _, table := range tableNames {
		fmt.Fprintln(&text, table, value[string](t, db, "SELECT coalesce(string_agg("+
			"(to_jsonb(r) - 'nothing')::text, E'\n' ORDER BY to_jsonb(r)::text), '') FROM "+table+
			" AS r"))
	}
	return text.String()
}

// shape returns the columns, constraints and indexes of all tables, without what partitions add.
func shape(t *testing.T, db *gorm.DB) string {
	t.Helper()
	return value[string](t, db, "SELECT string_agg(line, E'\n' ORDER BY line) FROM ("+
		"SELECT attrelid::regclass || ' ' || attname || ' ' || format_type(atttypid, atttypmod) "+
		"|| "+
		"' ' || attnotnull || coalesce(' ' || pg_get_expr(d.adbin, d.adrelid), '') AS line "+
		"FROM pg_attribute LEFT JOIN pg_attrdef AS d ON d.adrelid = attrelid AND d.adnum = attnum "+
		"WHERE attrelid IN (SELECT to_regclass(n) FROM unnest($1::text[]) AS n) AND attnum > 0 "+
		"AND NOT attisdropped UNION ALL "+
		"SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) "+
		"FROM pg_constraint WHERE conparentid = 0 AND conrelid IN "+
		"(SELECT to_regclass(n) FROM unnest($1::text[]) AS n) UNION ALL "+
		"SELECT replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') FROM pg_index "+
		"WHERE indrelid IN (SELECT to_regclass(n) FROM unnest($1::text[]) AS n)) AS lines",
		tableNames)
}
