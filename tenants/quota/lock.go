package quota

import (
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/prefix"
)

// Lock is a row of the table tenant_quota_locks. It is what two creates of a tenant wait for; it
// counts nothing of interest. There is one for each tenant and limit, made by the first create.
// Those of a tenant whose data is deleted can be deleted too.
type Lock struct {
	// TenantID is the tenant's ID as text, whatever its type.
	TenantID string `gorm:"primaryKey;tenant"`
	// Name is that of the limit.
	Name string `gorm:"primaryKey"`
	// Version is how often the lock was taken. With it a statement that waited for the lock finds
	// out that it counted too early.
	Version int64 `gorm:"not null"`
}

// TableName returns the table of the locks, for GORM.
func (Lock) TableName() string { return "tenant_quota_locks" }

// Migrate makes the table of the locks, as db.AutoMigrate(&quota.Lock{}) does. It can be called
// again.
//
//	CREATE TABLE "tenant_quota_locks" (
//		"tenant_id" text, "name" text, "version" bigint NOT NULL,
//		PRIMARY KEY ("tenant_id", "name"))
//
// It needs the right to make tables. Where each tenant has a schema or a database of its own, each
// needs the table.
func Migrate(db *gorm.DB) error {
	if err := db.AutoMigrate(&Lock{}); err != nil {
		return prefix.Errorf("making the table of the quotas' locks: %w", err)
	}
	return nil
}
