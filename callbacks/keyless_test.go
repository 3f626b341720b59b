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

// Guest is joined to events by a join table of the application's own, which has no key.
type Guest struct {
	ID uint
	models.TenantModel
	Events []Event `gorm:"many2many:attendances"`
}

// Event is what guests come to.
type Event struct {
	ID uint
	models.TenantModel
}

// Attendance is a row of the join table.
type Attendance struct {
	models.TenantModel
	GuestID uint
	EventID uint
}

// TestKeyless_upsert: of a model without a key nothing can be looked up, which must not panic.
func TestKeyless_upsert(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := open(&gorm.Config{})
		require.NoError(t, db.Use(tenantplugin.New()))
		require.NoError(t, db.SetupJoinTable(&Guest{}, "Events", &Attendance{}))
		require.NoError(t, db.AutoMigrate(&Guest{}, &Event{}, &Attendance{}))
		db = db.WithContext(gormtenant.WithTenant(t.Context(), A))

		guest := Guest{Events: []Event{{}, {}}}
		require.NoError(t, db.Create(&guest).Error)
		require.EqualValues(t, 2, db.Model(&guest).Association("Events").Count())

		row := []Attendance{{GuestID: guest.ID, EventID: guest.Events[0].ID}}
		require.NoError(t, db.Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error)
		require.Equal(t, A, row[0].TenantID)
	})
}
