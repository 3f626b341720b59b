package rls_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/example/saas"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/rls"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

func migrated(t *testing.T, list ...any) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(postgres.Open(pgtest.New(t)), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	require.NoError(t, db.Use(tenantplugin.New(tenantplugin.Models(list...),
		tenantplugin.AllowRawSQL())))
	require.NoError(t, db.AutoMigrate(list...))
	return db
}

func TestEnable_covers_every_table_once(t *testing.T) {
	t.Parallel()
	db := migrated(t, saas.Models()...)
	require.NoError(t, rls.Enable(db))
	require.NoError(t, rls.Enable(db, &saas.Project{}))

	var tables []string
	require.NoError(t, db.Raw("SELECT relname FROM pg_class WHERE relrowsecurity "+
		"AND relforcerowsecurity ORDER BY 1").Scan(&tables).Error)
	require.Equal(t, []string{
		"comments", "profiles", "project_tags", "projects", "tags", "tasks",
		"users",
	}, tables)
	var policies int
	require.NoError(t, db.Raw("SELECT count(*) FROM pg_policy").Scan(&policies).Error)
	require.Equal(t, 7, policies)
	var versions []string
	version := "SELECT string_agg(xmin::text, ' ' ORDER BY polrelid) FROM pg_policy"
	require.NoError(t, db.Raw(version).Scan(&versions).Error)
	require.NoError(t, rls.Enable(db))
	var again []string
	require.NoError(t, db.Raw(version).Scan(&again).Error)
	require.Equal(t, versions, again, "what is in place is written anew")

	require.NoError(t, rls.Disable(db))
	require.NoError(t, db.Raw("SELECT count(*) FROM pg_policy").Scan(&policies).Error)
	require.Zero(t, policies)
}

// Given no models, those that were migrated on this *gorm.DB count as well as those that were
// named.
func TestEnable_takes_what_was_migrated(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	require.NoError(t, db.AutoMigrate(append(saas.Models(), &byVarchar{})...))
	require.NoError(t, rls.Enable(db))
	var tables []string
	require.NoError(t, db.Raw("SELECT relname FROM pg_class WHERE relrowsecurity "+
		"ORDER BY 1").Scan(&tables).Error)
	require.Subset(t, tables, []string{"by_varchars", "project_tags", "projects", "tags"})
}

func TestEnable_by_two_processes_at_once(t *testing.T) {
	t.Parallel()
	db := migrated(t, saas.Models()...)
	var all sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		all.Go(func() { errs[i] = rls.Enable(db) })
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
}

type (
	byVarchar struct {
		ID       uint
		TenantID string `gorm:"tenant;type:varchar(3);not null;index"`
	}
	byChar struct {
		ID       uint
		TenantID string `gorm:"tenant;type:char(3);not null;index"`
	}
	byUUID struct {
		ID       uint
		TenantID string `gorm:"tenant;type:uuid;not null;index"`
	}
	byInteger struct {
		ID uint
		models.TenantModelOf[int64]
	}
)

func TestStatements_cast_to_the_type_of_the_column(t *testing.T) {
	t.Parallel()
	list := []any{&byVarchar{}, &byChar{}, &byUUID{}, &byInteger{}}
	db := migrated(t, list...)
	statements, err := rls.Statements(db, append(list, rls.Setting("my.tenant"))...)
	require.NoError(t, err)
	text := strings.Join(statements, "\n")
	for _, want := range []string{
		`"tenant_id" = nullif(current_setting('my.tenant', true), '')::character varying)`,
		`"tenant_id" = nullif(current_setting('my.tenant', true), '')::bpchar)`,
		`"tenant_id" = nullif(current_setting('my.tenant', true), '')::uuid)`,
		`"tenant_id" = nullif(current_setting('my.tenant', true), '')::bigint)`,
	} {
		require.Contains(t, text, want)
	}
	for _, statement := range statements {
		require.NoError(t, db.Exec(statement).Error, statement)
	}
	again := "SELECT string_agg(xmin::text, ' ' ORDER BY polrelid) FROM pg_policy"
	var before, after string
	require.NoError(t, db.Raw(again).Scan(&before).Error)
	require.NoError(t, rls.Enable(db, append(list, rls.Setting("my.tenant"))...))
	require.NoError(t, db.Raw(again).Scan(&after).Error)
	require.Equal(t, before, after, "what is in place is written anew")
	empty, err := rls.Statements(db.Session(&gorm.Session{}), &byVarchar{})
	require.NoError(t, err)
	require.Len(t, empty, 3)
}

// The name of a type keeps its capitals where it is quoted.
func TestEnable_with_a_type_of_its_own(t *testing.T) {
	t.Parallel()
	type byEnum struct {
		ID       uint
		TenantID string `gorm:"tenant;type:\"Shop\";not null;index"`
	}
	db := migrated(t)
	require.NoError(t, db.Exec(`CREATE TYPE "Shop" AS ENUM ('acme', 'zeta')`).Error)
	require.NoError(t, db.AutoMigrate(&byEnum{}))
	statements, err := rls.Statements(db, &byEnum{})
	require.NoError(t, err)
	require.Contains(t, statements[len(statements)-1], `, '')::"Shop")`)
	var before, after string
	for _, version := range []*string{&before, &after} {
		require.NoError(t, rls.Enable(db, &byEnum{}))
		require.NoError(t, db.Raw("SELECT xmin::text FROM pg_policy").Scan(version).Error)
	}
	require.Equal(t, before, after, "what is in place is written anew")
}

func TestEnable_refuses_what_makes_no_sense(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	require.ErrorContains(t, rls.Enable(db), "knows no models")
	require.ErrorContains(t, rls.Enable(db, &saas.Tag{}), "there is no table")
	require.ErrorIs(t, rls.Enable(db, 7), gormtenant.ErrInvalidModel)
	require.ErrorContains(t, rls.Enable(db, &saas.Tag{}, rls.Setting("tenant")), "two parts")
	require.ErrorContains(t, rls.Enable(nil, &saas.Tag{}), "Postgres")
}
