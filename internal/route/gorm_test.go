package route_test

import (
	"database/sql"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
)

// configs are the settings of GORM that change which calls of the pool it makes.
var configs = []struct {
	name   string
	config gorm.Config
}{
	{"plain", gorm.Config{}},
	{"prepared", gorm.Config{PrepareStmt: true}},
	{"no_transaction", gorm.Config{SkipDefaultTransaction: true}},
}

func TestGORM(t *testing.T) {
	t.Parallel()
	for _, setting := range configs {
		t.Run(setting.name, func(t *testing.T) {
			t.Parallel()
			run(t, func(t *testing.T, e *env) {
				db := e.gorm(t, setting.config)
				for _, c := range []struct {
					name string
					test func(t *testing.T, e *env, db *gorm.DB)
				}{
					{"statements", statements},
					{"transaction", transaction},
					{"nested_transaction", nestedTransaction},
					{"savepoint", savepoint},
					{"other_tenant_inside", otherTenantInside},
					{"begun_without", begunWithout},
					{"connection", connection},
					{"migrator", migrates},
					{"rows", openRows},
					{"generics", generics},
				} {
					t.Run(c.name, func(t *testing.T) {
						e.reset(t)
						c.test(t, e, db)
					})
				}
			})
		})
	}
}

func statements(t *testing.T, e *env, db *gorm.DB) {
	a, b := db.WithContext(e.a), db.WithContext(e.b)
	for range 2 { // a statement that was prepared for one runs for the other
		require.Equal(t, []string{"acme 1", "acme 2"}, texts(t, a))
		require.Equal(t, []string{"zeta 1", "zeta 2"}, texts(t, b))
	}
	note := Note{Text: "new"}
	require.NoError(t, a.Create(&note).Error)
	require.NotZero(t, note.ID)
	require.NoError(t, a.Model(&note).Update("text", "changed").Error)
	require.NoError(t, b.Where("text = ?", "zeta 1").Delete(&Note{}).Error)
	require.Equal(t, []string{"acme 1", "acme 2", "changed"}, texts(t, a))
	require.Equal(t, []string{"zeta 2"}, texts(t, b))

	var n int64
	require.ErrorIs(t, db.Model(&Note{}).Count(&n).Error, gormtenant.ErrNoTenant)
	require.ErrorIs(t, db.Create(&Note{}).Error, gormtenant.ErrNoTenant)
	require.ErrorIs(t, db.Exec("DELETE FROM notes").Error, gormtenant.ErrNoTenant)
	require.ErrorIs(t, db.Raw("SELECT 1").Row().Scan(&n), gormtenant.ErrNoTenant)
	require.Equal(t, []string{"zeta 2"}, texts(t, b))
}

var errUndo = errors.New("undo")

func transaction(t *testing.T, e *env, db *gorm.DB) {
	a, b := db.WithContext(e.a), db.WithContext(e.b)
	require.NoError(t, a.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Create(&Note{Text: "in"}).Error)
		require.Equal(t, []string{"acme 1", "acme 2", "in"}, texts(t, tx))
		require.Equal(t, []string{"zeta 1", "zeta 2"}, texts(t, b), "another tenant meanwhile")
		return nil
	}))
	require.ErrorIs(t, b.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Create(&Note{Text: "out"}).Error)
		return errUndo
	}), errUndo)
	require.Equal(t, []string{"acme 1", "acme 2", "in"}, texts(t, a))
	require.Equal(t, []string{"zeta 1", "zeta 2"}, texts(t, b))

	tx := a.Begin(&sql.TxOptions{Isolation: sql.LevelDefault})
	require.NoError(t, tx.Error)
	require.NoError(t, tx.Create(&Note{Text: "by hand"}).Error)
	require.NoError(t, tx.Rollback().Error)
	require.Equal(t, []string{"acme 1", "acme 2", "in"}, texts(t, a))
}

func nestedTransaction(t *testing.T, e *env, db *gorm.DB) {
	a := db.WithContext(e.a)
	require.NoError(t, a.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Create(&Note{Text: "outer"}).Error)
		require.ErrorIs(t, tx.Transaction(func(inner *gorm.DB) error {
			require.NoError(t, inner.Create(&Note{Text: "undone"}).Error)
			return errUndo
		}), errUndo)
		return tx.Transaction(func(inner *gorm.DB) error {
			return inner.Create(&Note{Text: "inner"}).Error
		})
	}))
	require.Equal(t, []string{"acme 1", "acme 2", "outer", "inner"}, texts(t, a))
}

func savepoint(t *testing.T, e *env, db *gorm.DB) {
	tx := db.WithContext(e.b).Begin()
	require.NoError(t, tx.Create(&Note{Text: "kept"}).Error)
	require.NoError(t, tx.SavePoint("here").Error)
	require.NoError(t, tx.Create(&Note{Text: "undone"}).Error)
	require.NoError(t, tx.RollbackTo("here").Error)
	require.NoError(t, tx.Commit().Error)
	require.Equal(t, []string{"zeta 1", "zeta 2", "kept"}, texts(t, db.WithContext(e.b)))
}

func otherTenantInside(t *testing.T, e *env, db *gorm.DB) {
	a := db.WithContext(e.a)
	require.NoError(t, a.Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Create(&Note{Text: "mine"}).Error)
		other := tx.WithContext(e.b)
		var found []Note
		require.ErrorIs(t, other.Find(&found).Error, gormtenant.ErrOtherTenant)
		require.ErrorIs(t, other.Exec("DELETE FROM notes").Error, gormtenant.ErrOtherTenant)
		require.ErrorIs(t, other.Create(&Note{Text: "theirs"}).Error, gormtenant.ErrOtherTenant)
		require.ErrorIs(t, other.Raw("SELECT 1").Row().Scan(new(int)), gormtenant.ErrOtherTenant)
		find := func(inner *gorm.DB) error { return inner.Find(&found).Error }
		require.ErrorIs(t, other.Transaction(find),
			gormtenant.ErrOtherTenant) // GORM drops the error of SAVEPOINT itself
		require.ErrorIs(t, tx.WithContext(e.none).Find(&found).Error, gormtenant.ErrNoTenant)
		return tx.WithContext(gormtenant.WithTenant(e.none, A)).Create(&Note{Text: "mine " +
			"too"}).Error
	}))
	require.Equal(t, []string{"acme 1", "acme 2", "mine", "mine too"}, texts(t, a))
	require.Equal(t, []string{"zeta 1", "zeta 2"}, texts(t, db.WithContext(e.b)))
}

func begunWithout(t *testing.T, _ *env, db *gorm.DB) {
	require.ErrorIs(t, db.Begin().Error, gormtenant.ErrNoTenant)
	require.ErrorIs(t, db.Transaction(func(*gorm.DB) error { return nil }), gormtenant.ErrNoTenant)
}

func connection(t *testing.T, e *env, db *gorm.DB) {
	require.NoError(t, db.WithContext(e.a).Connection(func(tx *gorm.DB) error {
		require.NoError(t, tx.Exec("CREATE TEMPORARY TABLE session_only (x int)").Error)
		require.NoError(t, tx.Exec("INSERT INTO session_only VALUES (1)").Error)
		var n int64
		require.NoError(t, tx.Table("session_only").Count(&n).Error)
		require.EqualValues(t, 1, n)
		require.ErrorIs(t, tx.WithContext(e.b).Table("session_only").Count(&n).Error,
			gormtenant.ErrOtherTenant)
		return tx.Exec("DROP TABLE session_only").Error
	}))
}

func migrates(t *testing.T, e *env, db *gorm.DB) {
	type Added struct {
		ID   uint
		Name string `gorm:"index"`
	}
	a, b := db.WithContext(e.a), db.WithContext(e.b)
	require.False(t, a.Migrator().HasTable(&Added{}))
	require.NoError(t, a.AutoMigrate(&Added{}))
	require.NoError(t, a.AutoMigrate(&Added{}))
	require.True(t, a.Migrator().HasTable(&Added{}))
	require.False(t, b.Migrator().HasTable(&Added{}))
	columns, err := a.Migrator().ColumnTypes(&Added{})
	require.NoError(t, err)
	require.Len(t, columns, 2)
	require.NoError(t, a.Migrator().AlterColumn(&Added{}, "Name"))
	require.NoError(t, a.Migrator().DropTable(&Added{}))
}

func openRows(t *testing.T, e *env, db *gorm.DB) {
	rows, err := db.WithContext(e.a).Model(&Note{}).Order("id").Rows()
	require.NoError(t, err)
	if !db.PrepareStmt {
		require.Zero(t, e.held.Load(), "the call is over")
	}
	require.Equal(t, 1, e.pools[A].Stats().InUse, "the rows are not")
	require.True(t, rows.Next())
	var note Note
	require.NoError(t, db.ScanRows(rows, &note))
	require.Equal(t, "acme 1", note.Text)
	require.Equal(t, []string{"zeta 1", "zeta 2"}, texts(t, db.WithContext(e.b)))
	require.NoError(t, rows.Close())
}

func generics(t *testing.T, e *env, db *gorm.DB) {
	require.NoError(t, gorm.G[Note](db).Create(e.a, &Note{Text: "generic"}))
	found, err := gorm.G[Note](db).Where("text = ?", "generic").Find(e.a)
	require.NoError(t, err)
	require.Len(t, found, 1)
	found, err = gorm.G[Note](db).Where("text = ?", "generic").Find(e.b)
	require.NoError(t, err)
	require.Empty(t, found)
	_, err = gorm.G[Note](db).Find(e.none)
	require.ErrorIs(t, err, gormtenant.ErrNoTenant)
}
