package callbacks_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

type (
	// setting has the tenant for its whole key.
	setting struct {
		TenantID string `gorm:"primaryKey;tenant"`
		Theme    string
	}
	// order has the tenant in its key, and lines that refer to it by both columns, as the
	// documentation recommends.
	order struct {
		TenantID string `gorm:"primaryKey;tenant"`
		ID       uint   `gorm:"primaryKey;autoIncrement:false"`
		Title    string
		Lines    []line `gorm:"foreignKey:TenantID,OrderID;references:TenantID,ID"`
	}
	line struct {
		ID       uint
		TenantID string `gorm:"tenant;not null"`
		OrderID  *uint
		Order    *order `gorm:"foreignKey:TenantID,OrderID;references:TenantID,ID"`
		Text     string
	}
	// account has a key of two columns that the tenant is not in.
	account struct {
		Region string `gorm:"primaryKey"`
		Code   string `gorm:"primaryKey"`
		models.TenantModel
		Name   string
		Items  []item  `gorm:"foreignKey:AccountRegion,AccountCode;references:Region,Code"`
		Labels []label `gorm:"many2many:account_labels"`
	}
	item struct {
		ID uint
		models.TenantModel
		AccountRegion *string
		AccountCode   *string
		Text          string
	}
	label struct {
		ID uint
		models.TenantModel
		Text string
	}
)

// keyed opens a database with the models above, and a row of B in each.
func keyed(t *testing.T, open func(*gorm.Config) *gorm.DB, options ...tenantplugin.Option) (a,
	b *gorm.DB,
) {
	t.Helper()
	db := open(&gorm.Config{})
	all := []any{&setting{}, &order{}, &line{}, &account{}, &item{}, &label{}}
	require.NoError(t, db.Use(tenantplugin.New(append(options, tenantplugin.Models(all...))...)))
	require.NoError(t, db.AutoMigrate(all...))
	a = db.WithContext(gormtenant.WithTenant(t.Context(), A))
	b = db.WithContext(gormtenant.WithTenant(t.Context(), B))
	require.NoError(t, b.Create(&setting{Theme: "dark"}).Error)
	require.NoError(t, b.Create(&order{ID: 1, Title: "theirs", Lines: []line{{Text: "theirs"}}}).
		Error)
	require.NoError(t, b.Create(&account{
		Region: "eu", Code: "1", Name: "theirs", Items: []item{{Text: "theirs"}},
		Labels: []label{{Text: "theirs"}},
	}).Error)
	return a, b
}

func TestKeys_that_are_the_tenant(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		a, b := keyed(t, open)
		require.NoError(t, a.Create(&setting{Theme: "light"}).Error)
		require.NoError(t, a.Save(&setting{TenantID: A, Theme: "blue"}).Error)
		require.ErrorIs(t, a.Save(&setting{TenantID: B, Theme: "blue"}).Error,
			gormtenant.ErrOtherTenant)
		require.NoError(t, a.Clauses(clause.OnConflict{UpdateAll: true}).
			Create(&setting{Theme: "red"}).Error)
		require.ErrorIs(t, a.Model(&setting{TenantID: A}).Clauses(clause.Set{{
			Column: clause.Column{Name: clause.PrimaryKey}, Value: B,
		}}).Updates(map[string]any{}).Error, gormtenant.ErrTenantChange)
		var s setting
		require.NoError(t, a.First(&s).Error)
		require.Equal(t, setting{A, "red"}, s)
		require.NoError(t, a.Delete(&s).Error)
		s = setting{}
		require.NoError(t, b.First(&s).Error)
		require.Equal(t, setting{B, "dark"}, s)
	})
}

func TestKeys_that_hold_the_tenant(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		a, b := keyed(t, open, tenantplugin.CheckReferences())
		one := uint(1)
		mine := order{ID: 1, Title: "mine", Lines: []line{{Text: "x"}, {Text: "y"}}}
		require.NoError(t, a.Create(&mine).Error, "the same number as another tenant's")
		mine.Title = "changed"
		require.NoError(t, a.Save(&mine).Error)
		require.NoError(t, a.Clauses(clause.OnConflict{UpdateAll: true}).
			Create(&order{ID: 1, Title: "again"}).Error)
		require.NoError(t, a.Create(&line{OrderID: &one, Text: "z"}).Error)

		var read order
		require.NoError(t, a.Preload("Lines").First(&read, "id = ?", 1).Error)
		require.Equal(t, "again", read.Title)
		require.Len(t, read.Lines, 3)
		require.NoError(t, a.Model(&read).Association("Lines").Append(&line{Text: "w"}))
		require.Equal(t, int64(4), a.Model(&read).Association("Lines").Count())
		require.NoError(t, a.Model(&read).Association("Lines").Delete(&read.Lines[0]))
		require.NoError(t, a.Model(&read).Association("Lines").Clear())
		require.Zero(t, a.Model(&read).Association("Lines").Count())

		var lines []line
		require.NoError(t, a.Joins("Order").Find(&lines).Error)
		require.Len(t, lines, 4, "taken apart, and still A's")
		read = order{}
		require.NoError(t, b.Preload("Lines").First(&read, "id = ?", 1).Error)
		require.Equal(t, "theirs", read.Title)
		require.Len(t, read.Lines, 1)
	})
}

func TestKeys_of_several_columns(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		a, b := keyed(t, open, tenantplugin.CheckReferences())
		theirs := func() *account { return &account{Region: "eu", Code: "1", Name: "x"} }
		eu, one, two := "eu", "1", "2"
		for _, c := range []struct {
			name string
			err  error
		}{
			{"save", a.Save(theirs()).Error},
			{"upsert", a.Clauses(clause.OnConflict{UpdateAll: true}).Create(theirs()).Error},
			{"append_items", a.Model(theirs()).Association("Items").Append(&item{Text: "x"})},
			{"labels", a.Model(theirs()).Association("Labels").Append(&label{Text: "x"})},
			{"key", a.Create(&item{AccountRegion: &eu, AccountCode: &one}).Error},
			{"one_of_two_keys", a.Create(&[]item{
				{AccountRegion: &eu, AccountCode: &two}, {AccountRegion: &eu, AccountCode: &one},
			}).Error},
		} {
			require.ErrorIs(t, c.err, gormtenant.ErrOtherTenant, c.name)
		}
		mine := account{
			Region: "eu", Code: "2", Items: []item{{Text: "x"}, {Text: "y"}},
			Labels: []label{{Text: "l"}, {Text: "m"}},
		}
		require.NoError(t, a.Create(&mine).Error)
		require.NoError(t, a.Create(&[]item{
			{AccountRegion: &eu, AccountCode: &two}, {AccountRegion: &eu, AccountCode: &two},
		}).Error)
		require.ErrorIs(t, a.Model(&mine.Items[0]).
			Updates(map[string]any{"account_region": "eu", "account_code": "1"}).Error,
			gormtenant.ErrOtherTenant)
		require.ErrorIs(t, a.Model(&mine.Items[0]).Update("account_code", "1").Error,
			gormtenant.ErrUnsupported,
			"half a key cannot be checked")
		require.NoError(t, a.Model(&mine.Items[0]).
			Updates(map[string]any{"account_region": "eu", "account_code": "2"}).Error)

		var read account
		require.NoError(t, a.Preload("Items").Preload("Labels").First(&read).Error)
		require.Len(t, read.Items, 4)
		require.Len(t, read.Labels, 2)
		read = account{}
		require.NoError(t, b.Preload("Items").Preload("Labels").First(&read).Error)
		require.Equal(t, "theirs", read.Name)
		require.Len(t, read.Items, 1)
		require.Len(t, read.Labels, 1)
	})
}

// TestManyKeys are more than one query takes.
func TestManyKeys(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		a, b := keyed(t, open)
		require.NoError(t, b.Create(&label{ID: 2500, Text: "theirs"}).Error)
		labels := make([]label, 2600)
		for i := range labels {
			labels[i].ID = uint(i + 10)
		}
		require.ErrorIs(t, a.Save(&labels).Error, gormtenant.ErrOtherTenant)
		var n int64
		require.NoError(t, a.Model(&label{}).Count(&n).Error)
		require.Zero(t, n, "nothing is left of it")
		require.NoError(t, a.Save(labels[:2000]).Error)
	})
}
