package callbacks_test

import (
	"path/filepath"
	"testing"

	"github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// named is SQLite under the name of another database, whose rules for text and names then hold.
type named struct {
	gorm.Dialector
	name string
}

func (n named) Name() string { return n.name }

// TestDialects looks at text as the database will read it.
func TestDialects(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T, name string) *gorm.DB {
		t.Helper()
		db := Open(t, named{sqlite.Open(filepath.Join(t.TempDir(), "test.db")), name}, &gorm.Config{DryRun: true})
		require.NoError(t, db.Use(tenantplugin.New(tenantplugin.Models(&longDoc{}, &Project{}))))
		return db.WithContext(gormtenant.WithTenant(t.Context(), A))
	}
	t.Run("escaped_quote", func(t *testing.T) {
		text := `name = 'x\'` // For MySQL the string goes on, over the tenant's condition.
		require.ErrorIs(t, open(t, "mysql").Where(text).Find(&[]Project{}).Error, gormtenant.ErrRawSQL)
		require.NoError(t, open(t, "sqlite").Where(text).Find(&[]Project{}).Error)
	})
	t.Run("names_that_are_cut", func(t *testing.T) {
		for _, c := range []struct {
			text string
			cut  bool
		}{{longName, false}, {longName[:63], true}, {longName + "_and_more", true}} {
			require.ErrorIs(t, open(t, "postgres").Exec("DELETE FROM "+c.text).Error, gormtenant.ErrRawSQL, c.text)
			err := open(t, "sqlite").Exec("DELETE FROM " + c.text).Error
			if c.cut {
				require.NoError(t, err, c.text)
			} else {
				require.ErrorIs(t, err, gormtenant.ErrRawSQL, c.text)
			}
		}
		require.NoError(t, open(t, "postgres").Exec("DELETE FROM "+longName[:62]).Error)
	})
	t.Run("none", func(t *testing.T) {
		db, err := gorm.Open(nil, &gorm.Config{})
		require.NoError(t, err)
		require.NotPanics(t, func() { require.NoError(t, db.Use(tenantplugin.New())) })
	})
	t.Run("kind_of_join_that_only_some_have", func(t *testing.T) {
		join := clause.From{Joins: []clause.Join{{Type: "ASOF", Table: clause.Table{Name: "countries"}}}}
		require.NoError(t, open(t, "clickhouse").Clauses(join).Find(&[]Project{}).Error)
	})
	t.Run("clauses_without_values", func(t *testing.T) {
		tx := open(t, "sqlite").Clauses(clause.Select{})
		tx.Statement.BuildClauses = []string{"INSERT"}
		require.ErrorIs(t, tx.Create(&Project{}).Error, gormtenant.ErrUnsupported)
	})
}
