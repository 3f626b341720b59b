package databases_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/plugin/dbresolver"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/isolation/databases"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

func texts(t *testing.T, db *gorm.DB) []string {
	t.Helper()
	var found []string
	require.NoError(t, db.Model(&Note{}).Order("id").Pluck("text", &found).Error)
	return found
}

func TestGORM(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *engine) {
		e.createFor(t, "acme", "zeta")
		pools := newPools(t, e.opener)
		for _, c := range []struct {
			name   string
			config gorm.Config
		}{
			{"plain", gorm.Config{}},
			{"prepared", gorm.Config{PrepareStmt: true}},
			{"no_transaction", gorm.Config{SkipDefaultTransaction: true}},
		} {
			t.Run(c.name, func(t *testing.T) { useGORM(t, openGORM(t, e, pools, c.config)) })
		}
	})
}

func useGORM(t *testing.T, db *gorm.DB) {
	a, b := db.WithContext(as(t, "acme")), db.WithContext(as(t, "zeta"))
	require.NoError(t, a.AutoMigrate(&Note{}))
	require.True(t, a.Migrator().HasTable(&Note{}))
	require.NoError(t, b.AutoMigrate(&Note{}))
	require.NoError(t, b.Migrator().DropTable(&Note{}))
	require.False(t, b.Migrator().HasTable(&Note{}))
	require.True(t, a.Migrator().HasTable(&Note{}))
	require.NoError(t, b.AutoMigrate(&Note{}))
	require.NoError(t, a.Where("1 = 1").Delete(&Note{}).Error)

	undo := errors.New("undo")
	for _, tx := range []*gorm.DB{a, b} {
		require.NoError(t, tx.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.Create(&Note{Text: "outer"}).Error)
			require.ErrorIs(t, tx.Transaction(func(inner *gorm.DB) error {
				require.NoError(t, inner.Create(&Note{Text: "undone"}).Error)
				return undo
			}), undo)
			return tx.SavePoint("here").Create(&Note{Text: "undone too"}).RollbackTo("here").Error
		}))
		require.Equal(t, []string{"outer"}, texts(t, tx))
	}
	require.NoError(t, a.Create(&[]Note{{Text: "two"}, {Text: "three"}}).Error)
	require.Equal(t, []string{"outer", "two", "three"}, texts(t, a))
	require.Equal(t, []string{"outer"}, texts(t, b))
	require.ErrorIs(t, a.Transaction(func(tx *gorm.DB) error {
		return tx.WithContext(as(t, "zeta")).Create(&Note{Text: "foreign"}).Error
	}), gormtenant.ErrOtherTenant)
	require.NoError(t, a.Connection(func(tx *gorm.DB) error {
		require.NoError(t, tx.Exec("CREATE TEMPORARY TABLE own (x int)").Error)
		return tx.Exec("DROP TABLE own").Error
	}))
	found, err := gorm.G[Note](db).Where("text = ?", "two").First(as(t, "acme"))
	require.NoError(t, err)
	require.Equal(t, "two", found.Text)
	require.ErrorIs(t, db.Find(&[]Note{}).Error, gormtenant.ErrNoTenant)
	unscoped := db.WithContext(gormtenant.Unscoped(t.Context(), "report"))
	require.ErrorIs(t, unscoped.Find(&[]Note{}).Error, gormtenant.ErrUnscopedDenied)
	require.ErrorContains(t, unscoped.Find(&[]Note{}).Error, "tenants.Each")
	require.ErrorIs(
		t, db.WithContext(gormtenant.Unscoped(t.Context(), "")).Find(&[]Note{}).Error,
		gormtenant.ErrNoReason)
	require.Equal(t, []string{"outer"}, texts(t, b))
}

// The plugin's rows and a database each are two walls.
func TestGORM_with_the_plugin(t *testing.T) {
	t.Parallel()
	e := onSQLite(t)
	db := openGORM(t, e, newPools(t, e.opener), gorm.Config{})
	require.NoError(t, db.Use(tenantplugin.New()))
	type Task struct {
		ID       uint
		TenantID string `gorm:"tenant"`
	}
	a := db.WithContext(as(t, "acme"))
	require.NoError(t, a.AutoMigrate(&Task{}))
	require.NoError(t, a.Create(&Task{}).Error)
	var found Task
	require.NoError(t, a.First(&found).Error)
	require.Equal(t, "acme", found.TenantID)
	require.ErrorIs(t, db.First(&found).Error, gormtenant.ErrNoTenant)
}

// dbresolver takes the pools as a source and as a replica.
func TestGORM_with_dbresolver(t *testing.T) {
	t.Parallel()
	e := onSQLite(t)
	writes, reads := newPools(t, e.opener), newPools(t, e.opener)
	db := openGORM(t, e, writes, gorm.Config{})
	require.NoError(
		t, db.Use(
			dbresolver.Register(dbresolver.Config{Replicas: []gorm.Dialector{e.wrap(reads)}})))
	db.Logger = logger.Discard
	a := db.WithContext(as(t, "acme"))
	require.NoError(t, a.AutoMigrate(&Note{}))
	require.NoError(t, a.Create(&Note{Text: "written"}).Error)
	require.EqualValues(t, 1, writes.Stats().Opened)
	require.Equal(t, []string{"written"}, texts(t, a))
	require.EqualValues(t, 1, reads.Stats().Opened)
	require.ErrorIs(t, db.Find(&[]Note{}).Error, gormtenant.ErrNoTenant)
}

// A question that has no tenant is answered for gorm.Open only.
func TestVersion_is_that_of_nobody(t *testing.T) {
	t.Parallel()
	pools := newPools(t, databases.SQLite(t.TempDir()))
	const query = "select sqlite_version()"
	require.NotEmpty(t, scan[string](t, pools.QueryRowContext(context.Background(), query)))
	require.ErrorIs(
		t, pools.QueryRowContext(t.Context(), query+" ").Scan(new(string)), gormtenant.ErrNoTenant)
	require.ErrorIs(
		t, pools.QueryRowContext(as(t, "acme"), query).Scan(new(string)), databases.ErrNoDatabase)
	require.Zero(t, pools.Stats().Opened)
}
