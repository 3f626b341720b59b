package quota

import (
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/prefix"
)

// Lock is a row of the table tenant_quota_locks. Each tenant has one with an empty name, which its
// creates of all limited models wait for, and one for each of its limits, which counts. They are
// made by the first create. Those of a tenant whose data is deleted can be deleted too: the next
// create makes them again, and counts anew. What a [Meter] counted is gone with its row.
type Lock struct {
	// TenantID is the tenant's ID as text, whatever its type.
	TenantID string `gorm:"primaryKey;tenant"`
	// Name is that of the limit, or "". That of a meter by month ends in @ and the month, as in
	// api_calls@2026-01.
	Name string `gorm:"primaryKey"`
	// Version is how often the lock was taken. With it a statement that waited for the lock finds
	// out that it counted too early.
	Version int64 `gorm:"not null"`
	// Used is how many rows the tenant has, as far as creates tell: rows that were deleted since
	// CountedAt are counted still, and those that no create of GORM made are not counted yet. It
	// decides only where there are more than a thousand. It is NULL where that is not known. For a
	// meter it is what was added.
	Used *int64
	// CountedAt is when Used was last what there was, in microseconds since 1970.
	CountedAt int64 `gorm:"not null;default:0"`
}

// TableName returns the table of the locks, for GORM.
func (Lock) TableName() string { return "tenant_quota_locks" }

// Models returns the models of all tables that this package has: for rls.Enable, and for a mover,
// with which they go where the tenant goes.
func Models() []any { return []any{&Lock{}} }

// Migrate makes the tables of [Models], as db.AutoMigrate(quota.Models()...) does, and adds columns
// that an earlier version had not. It can be called again.
//
//	CREATE TABLE "tenant_quota_locks" (
//		"tenant_id" text, "name" text, "version" bigint NOT NULL,
//		"used" bigint, "counted_at" bigint NOT NULL DEFAULT 0,
//		PRIMARY KEY ("tenant_id", "name"))
//
// It needs the right to make tables. Schemas and databases of tenants' own have the table already:
// package migrations makes it in each of them.
func Migrate(db *gorm.DB) error {
	if err := db.AutoMigrate(Models()...); err != nil {
		return prefix.Errorf("making the table of the quotas' locks: %w", err)
	}
	return nil
}
