package tenanttest_test

import (
	"context"
	"testing"

	"github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// team, member and badge have nothing that the kit would complain of.
type team struct {
	ID uint
	models.TenantModel
	Name    string
	Members []member `gorm:"foreignKey:TeamID"`
}

type member struct {
	ID uint
	models.TenantModel
	Name   string
	TeamID uint
	Team   *team
	BossID *uint
	Boss   *member
	Badges []badge `gorm:"many2many:member_badges"`
}

type badge struct {
	ID uint
	models.TenantModel
	TenantID string `gorm:"not null;uniqueIndex:idx_badges_label,priority:1"`
	Label    string `gorm:"uniqueIndex:idx_badges_label,priority:2"`
	Colour   string
}

func goodModels() []any { return []any{&team{}, &member{}, &badge{}} }

// kinds are those of databases, in the order of the tests.
var kinds = []string{"sqlite", "postgres"}

// databases opens an empty database of each kind.
var databases = map[string]func(t *testing.T) gorm.Dialector{
	"sqlite": func(t *testing.T) gorm.Dialector {
		return sqlite.Open("file:" + t.TempDir() +
			"/test.db?_pragma=foreign_keys(1)&_pragma=busy_timeout(10000)")
	},
	"postgres": func(t *testing.T) gorm.Dialector { return postgres.Open(pgtest.New(t)) },
}

// openEmpty opens an empty database without the plugin.
func openEmpty(t *testing.T, kind string) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(databases[kind](t), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	return db
}

// opened returns what Run takes: an empty database with the plugin.
func opened(kind string, options ...tenantplugin.Option) func(t *testing.T) *gorm.DB {
	return func(t *testing.T) *gorm.DB {
		db := openEmpty(t, kind)
		require.NoError(t, db.Use(tenantplugin.New(options...)))
		return db
	}
}

// as returns a *gorm.DB whose statements run as a tenant.
func as(db *gorm.DB, id any) *gorm.DB {
	return db.WithContext(gormtenant.WithTenant(context.Background(), id))
}
