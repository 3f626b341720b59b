package callbacks_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// widget is migrated from its first form to its second.
type (
	widget struct {
		ID uint
		models.TenantModel
		Name string `gorm:"size:20"`
		Old  string
	}
	widget2 struct {
		ID uint
		models.TenantModel
		Name  string `gorm:"size:200;not null;default:x"`
		Price int    `gorm:"index"`
	}
)

func (widget) TableName() string  { return "widgets" }
func (widget2) TableName() string { return "widgets" }

// TestMigrator uses the whole migrator without a tenant, before and after other statements.
func TestMigrator(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := open(&gorm.Config{})
		require.NoError(t, db.Use(tenantplugin.New()))
		ofA := db.WithContext(gormtenant.WithTenant(t.Context(), A))

		require.NoError(t, db.AutoMigrate(&widget{}), "first run")
		require.NoError(t, db.AutoMigrate(&widget{}), "again")
		require.NoError(t, ofA.Create(&widget{Name: "one", Old: "o"}).Error)
		require.NoError(t, db.AutoMigrate(&widget{}), "after a statement")
		require.NoError(t, db.AutoMigrate(&widget2{}), "with changes")
		require.NoError(t, ofA.AutoMigrate(&widget2{}), "with a tenant")

		m := db.Migrator()
		require.True(t, m.HasTable(&widget2{}))
		require.True(t, m.HasColumn(&widget2{}, "Price"))
		require.True(t, m.HasIndex(&widget2{}, "Price"))
		require.NoError(t, m.DropIndex(&widget2{}, "Price"))
		require.NoError(t, m.CreateIndex(&widget2{}, "Price"))
		require.NoError(t, m.DropColumn(&widget2{}, "old"))
		require.NoError(t, m.RenameColumn(&widget2{}, "name", "label"))
		require.NoError(t, m.RenameColumn(&widget2{}, "label", "name"))
		require.NoError(t, m.AlterColumn(&widget2{}, "Name"))
		types, err := m.ColumnTypes(&widget2{})
		require.NoError(t, err)
		require.Len(t, types, 4)
		tables, err := m.GetTables()
		require.NoError(t, err)
		require.Contains(t, tables, "widgets")
		_, err = m.GetIndexes(&widget2{})
		require.NoError(t, err)

		var rows []widget2
		require.NoError(t, ofA.Find(&rows).Error)
		require.Len(t, rows, 1)
		require.Equal(t, "one", rows[0].Name)

		query := db.Model(&widget2{})
		err = m.CreateView("all_widgets", gorm.ViewOption{Query: query})
		require.Error(t, err, "a view of every tenant's rows needs a reason")
		query = query.WithContext(gormtenant.Unscoped(t.Context(), "reporting view"))
		require.NoError(t, m.CreateView("all_widgets", gorm.ViewOption{Query: query}))
		require.NoError(t, m.DropView("all_widgets"))
		require.NoError(t, m.RenameTable("widgets", "gadgets"))
		require.NoError(t, m.DropTable("gadgets"))
		require.False(t, m.HasTable(&widget2{}))
	})
}

// TestMigrator_lets_nothing_else_through: what the migrator may do, an application may not.
func TestMigrator_lets_nothing_else_through(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		require.ErrorIs(t, rowsOf(e.DB.Table("projects").Limit(1)), gormtenant.ErrNoTenant)
		require.ErrorIs(t,
			e.DB.Exec("INSERT INTO `projects__temp`(`id`) SELECT `id` FROM `projects`").Error,
			gormtenant.ErrNoTenant)
	})
}

// Migrator is a type of an application that only has the name of GORM's.
type Migrator struct{ db *gorm.DB }

func (m Migrator) ColumnTypes() error { return rowsOf(m.db.Table("projects").Limit(1)) }

func (m *Migrator) Copy() error {
	return m.db.Exec("INSERT INTO `projects__temp`(`id`) SELECT `id` FROM `projects`").Error
}

func TestMigrator_of_an_application_is_none_of_GORMs(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		require.ErrorIs(t, Migrator{e.DB}.ColumnTypes(), gormtenant.ErrNoTenant)
		require.ErrorIs(t, (&Migrator{e.DB}).Copy(), gormtenant.ErrNoTenant)
	})
}

// ownDialect is a dialect of an application, with a migrator that uses the methods of another.
type (
	ownDialect  struct{ gorm.Dialector }
	ownMigrator struct{ gorm.Migrator }
)

func (d ownDialect) Migrator(db *gorm.DB) gorm.Migrator {
	return ownMigrator{d.Dialector.Migrator(db)}
}

func TestMigrator_of_a_dialect_of_an_application(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := open(&gorm.Config{})
		db.Dialector = ownDialect{db.Dialector}
		require.NoError(t, db.Use(tenantplugin.New()))
		require.NoError(t, db.AutoMigrate(&widget{}))
		require.NoError(t, db.AutoMigrate(&widget{}))
		require.NoError(t, db.AutoMigrate(&widget2{}))
	})
}
