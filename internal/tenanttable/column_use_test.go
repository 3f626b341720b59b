package tenanttable_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/testing/dbtest"
)

type (
	parcel struct {
		ID       uint
		TenantID string `gorm:"type:char(8);not null"`
		Weight   int
	}
	padded string
	letter struct {
		ID       uint
		TenantID padded `gorm:"type:char(8);not null"`
	}
	caseless struct {
		ID       uint
		TenantID string `gorm:"type:text COLLATE NOCASE"`
	}
)

// TestTenant_column_that_pads reads IDs back with spaces that the tenant does not have.
func TestTenant_column_that_pads(t *testing.T) {
	onEach(t, func(f *fixture) {
		db, a := f.start()
		require.NoError(f.t, db.AutoMigrate(&parcel{}, &letter{}))
		require.NoError(f.t, a.Create(&parcel{ID: 1}).Error)
		require.NoError(f.t, a.Create(&letter{ID: 1}).Error)
		var found parcel
		require.NoError(f.t, a.First(&found).Error)
		found.Weight = 7
		require.NoError(f.t, a.Save(&found).Error, "as it was read")
		require.NoError(f.t, a.Delete(&found).Error)

		spaced := db.WithContext(gormtenant.WithTenant(f.t.Context(), dbtest.A+" "))
		var n int64
		for _, model := range []any{&parcel{}, &letter{}} {
			if err := spaced.Model(model).Count(&n).Error; db.Name() == "postgres" {
				require.ErrorIs(f.t, err, gormtenant.ErrInvalidID)
			} else {
				require.NoError(f.t, err)
				require.Zero(f.t, n)
			}
		}
	})
}

func TestTenant_column_that_ignores_case(t *testing.T) {
	onEach(t, func(f *fixture) {
		_, a := f.start()
		require.ErrorIs(f.t, a.Find(&[]caseless{}).Error, gormtenant.ErrInvalidModel)
		require.ErrorIs(f.t, a.Create(&caseless{}).Error, gormtenant.ErrInvalidModel)
	})
}
