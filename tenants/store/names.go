package store

import (
	"slices"
	"strings"

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
func (s *Store) takeNames(tx *gorm.DB, t *tenants.Tenant, names []string) error {
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
	err := tx.Model(&nameRow{}).
		Where("tenant_id = ? AND name IN ? AND released_at IS NULL", t.ID, names).
		Pluck("name", &own).Error
	if err != nil {
		return err
	}
	for _, name := range without(names, own) { // in order, as they are inserted
		if err := s.takeReleased(tx, t, name); err != nil {
			return err
		}
	}
	return nil
}

// takeReleased makes a name that is there those of t, if it was released and has rested, or was t's
// own. The row is there all the time, so that of two who take it one waits for the other.
func (s *Store) takeReleased(tx *gorm.DB, t *tenants.Tenant, name string) error {
	had := tx.Model(&nameRow{}).Where("name = ? AND released_at IS NOT NULL", name).
		Where("tenant_id = ? OR released_at <= ?", t.ID, kept(s.clock().Add(-s.rest))).
		Updates(map[string]any{"tenant_id": t.ID, "released_at": nil})
	if had.Error != nil || had.RowsAffected > 0 {
		return had.Error
	}
	if strings.HasPrefix(name, "/") {
		return takenPlace(t, name)
	}
	var rests int64
	err := tx.Model(&nameRow{}).Where("name = ? AND released_at IS NOT NULL", name).Count(&rests).
		Error
	switch {
	case err != nil:
		return err
	case rests > 0:
		return resting(fieldOf(t, name), name)
	}
	return taken(fieldOf(t, name), name)
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

// releaseNames takes the names from a tenant. Others may have them when they have rested.
func (s *Store) releaseNames(tx *gorm.DB, id string, names []string) error {
	if len(names) == 0 {
		return nil
	}
	had := tx.Model(&nameRow{}).Where("tenant_id = ? AND name IN ?", id, names)
	if s.rest == 0 {
		return had.Delete(&nameRow{}).Error
	}
	return had.Update("released_at", kept(s.clock())).Error
}
