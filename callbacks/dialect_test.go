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

// limited reports whether a DELETE by that name of a table is limited to the tenant. db is in
// DryRun.
func limited(t *testing.T, db *gorm.DB, table string) bool {
	t.Helper()
	tx := db.Exec("DELETE FROM " + table)
	require.NoError(t, tx.Error, table)
	require.Equal(t, "DELETE FROM "+table,
		tx.Statement.SQL.String()[:len("DELETE FROM ")+len(table)])
	return len(tx.Statement.Vars) == 1 && tx.Statement.Vars[0] == any(A)
}

// TestDialects looks at text as the database will read it.
func TestDialects(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T, name string) *gorm.DB {
		t.Helper()
		db := Open(t, named{sqlite.Open(filepath.Join(t.TempDir(), "test.db")), name},
			&gorm.Config{DryRun: true})
		require.NoError(t, db.Use(tenantplugin.New(tenantplugin.Models(&longDoc{}, &Project{}))))
		return db.WithContext(gormtenant.WithTenant(t.Context(), A))
	}
	t.Run("escaped_quote", func(t *testing.T) {
		text := `name = 'x\'` // For MySQL the string goes on, over the tenant's condition.
		require.ErrorIs(t, open(t, "mysql").Where(text).Find(&[]Project{}).Error,
			gormtenant.ErrRawSQL)
		require.NoError(t, open(t, "sqlite").Where(text).Find(&[]Project{}).Error)
	})
	t.Run("names_that_are_cut", func(t *testing.T) {
		for _, c := range []struct {
			text string
			cut  bool
		}{{longName, false}, {longName[:63], true}, {longName + "_and_more", true}} {
			require.True(t, limited(t, open(t, "postgres"), c.text), c.text)
			require.Equal(t, !c.cut, limited(t, open(t, "sqlite"), c.text), c.text)
		}
		require.False(t, limited(t, open(t, "postgres"), longName[:62]))
	})
	t.Run("none", func(t *testing.T) {
		db, err := gorm.Open(nil, &gorm.Config{})
		require.NoError(t, err)
		require.NotPanics(t, func() { require.NoError(t, db.Use(tenantplugin.New())) })
	})
	t.Run("kind_of_join_that_only_some_have", func(t *testing.T) {
		join := clause.From{Joins: []clause.Join{{
			Type:  "ASOF",
			Table: clause.Table{Name: "countries"},
		}}}
		err := open(t, "clickhouse").Clauses(join).Find(&[]Project{}).Error
		require.ErrorIs(t, err, gormtenant.ErrRawSQL, "nobody can read it here")
	})
	t.Run("clauses_without_values", func(t *testing.T) {
		tx := open(t, "sqlite").Clauses(clause.Select{})
		tx.Statement.BuildClauses = []string{"INSERT"}
		require.ErrorIs(t, tx.Create(&Project{}).Error, gormtenant.ErrRawSQL)
	})
}
