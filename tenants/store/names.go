package store

import (
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant/tenants"
)

// namesOf returns all that a tenant is found by, each once, in order: two transactions that take
// the same names in one order cannot wait for each other.
func namesOf(t *tenants.Tenant) []string {
	names := append([]string{t.ID, t.Slug}, t.Domains...)
	slices.Sort(names)
	return slices.Compact(names)
}

// without returns the names that are not among others.
func without(names, others []string) []string {
	return slices.DeleteFunc(slices.Clone(names),
		func(name string) bool { return slices.Contains(others, name) })
}

// takeNames makes the names those of t, or returns an ErrTaken. Where another transaction is about
// to take one of them, the database waits for its end.
func takeNames(tx *gorm.DB, t *tenants.Tenant, names []string) error {
	if len(names) == 0 {
		return nil
	}
	rows := make([]nameRow, len(names))
	for i, name := range names {
		rows[i] = nameRow{Name: name, TenantID: t.ID}
	}
	inserted := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&rows)
	if inserted.Error != nil || inserted.RowsAffected == int64(len(names)) {
		return inserted.Error
	}
	var own []string
	err := tx.Model(&nameRow{}).Where("tenant_id = ? AND name IN ?", t.ID, names).
		Pluck("name", &own).Error
	if err != nil {
		return err
	}
	if others := without(names, own); len(others) > 0 {
		return taken(fieldOf(t, others[0]), others[0])
	}
	return nil
}

// fieldOf returns the field of t that holds a name.
func fieldOf(t *tenants.Tenant, name string) string {
	switch name {
	case t.ID:
		return "ID"
	case t.Slug:
		return "Slug"
	}
	return "Domains"
}

// releaseNames lets others take the names of a tenant.
func releaseNames(tx *gorm.DB, id string, names []string) error {
	if len(names) == 0 {
		return nil
	}
	return tx.Where("tenant_id = ? AND name IN ?", id, names).Delete(&nameRow{}).Error
}
