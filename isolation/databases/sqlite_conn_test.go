package databases_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/isolation/databases"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// No text of a tenant reaches the file of another, or writes a file of its own.
func TestSQLite_stays_within_its_file(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pools := newPools(t, databases.SQLite(dir, databases.CreateFiles()))
	open := func(plugin bool) *gorm.DB {
		db, err := gorm.Open(sqlite.Dialector{Conn: pools},
			&gorm.Config{Logger: logger.Discard})
		require.NoError(t, err)
		if plugin {
			require.NoError(t, db.Use(tenantplugin.New(tenantplugin.AllowRawSQL())))
		}
		return db
	}
	zeta := open(false).WithContext(as(t, "zeta"))
	require.NoError(t, zeta.AutoMigrate(&Note{}))
	require.NoError(t, zeta.Create(&Note{Text: "secret"}).Error)
	path, copied := filepath.Join(dir, "tenant_zeta.db"), filepath.Join(dir, "copy.db")
	require.FileExists(t, path)
	attach := "ATTACH '" + path + "' AS zeta"
	for _, plugin := range []bool{false, true} {
		db := open(plugin).WithContext(as(t, "acme"))
		require.NoError(t, db.AutoMigrate(&Note{}))
		scan := func(text string, args ...any) error {
			var found []string
			return db.Raw(text, args...).Scan(&found).Error
		}
		rows := func(text string) error {
			rows, err := db.Raw(text).Rows()
			if err == nil {
				err = rows.Close()
			}
			return err
		}
		for _, attack := range []struct {
			name string
			err  error
		}{
			{"exec", db.Exec(attach).Error},
			{"raw", scan(attach)},
			{"rows", rows(attach)},
			{"prepared", db.Session(&gorm.Session{PrepareStmt: true}).Exec(attach).Error},
			{"argument", db.Exec("ATTACH ? AS zeta", path).Error},
			{"stacked", db.Exec("UPDATE notes SET text = 'x'; " + attach).Error},
			{"stacked_raw", scan("SELECT 1;" + attach + "; SELECT text FROM zeta.notes")},
			{"stacked_in_a_condition", db.Where("1 = 1; " + attach + "; --").Find(&[]Note{}).Error},
			{"vacuum_into", db.Exec("VACUUM INTO '" + copied + "'").Error},
			{"vacuum_into_stacked", rows("SELECT 1; VACUUM main INTO '" + copied + "'")},
			{"writable_schema", db.Exec("PRAGMA writable_schema = 1").Error},
		} {
			require.ErrorIs(t, attack.err, gormtenant.ErrRawSQL, attack.name)
		}
		require.Error(t, scan("SELECT text FROM zeta.notes"))
		require.NoFileExists(t, copied)
		require.NoError(t, db.Exec("VACUUM").Error)
		require.NoError(t, db.Create(&Note{Text: "attach; vacuum into"}).Error)
	}
	require.Equal(t, []string{"secret"}, texts(t, zeta))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())
}
