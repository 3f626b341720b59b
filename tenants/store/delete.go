package store

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/tenants"
)

// Delete deletes the entry of the tenant of that ID, and lets others take its names at once. It
// deletes no rows of the application: isolation.Tenants.Erase does that first, and calls it then.
// To end a tenant without that, use [Store.Close], which keeps its names taken, so that old links
// never lead to another tenant.
//
// allow is called with the tenant, while nobody else can change it: its error is returned, and
// nothing is deleted. nil allows. Where there is no such tenant the error is tenants.ErrNotFound.
// The role needs the right DELETE on gormtenant_tenants.
func (s *Store) Delete(
	ctx context.Context, id string, allow func(t *tenants.Tenant) error,
) error {
	if problemOfID(id) != "" {
		return tenants.ErrNotFound
	}
	var refused error
	err := s.session(ctx).Transaction(func(tx *gorm.DB) error {
		stored, err := locked(tx, id)
		if err != nil {
			return err
		}
		if allow != nil {
			if refused = allow(stored); refused != nil {
				return refused
			}
		}
		names := namesOf(stored)
		for _, of := range []any{&nameRow{}, &domainRow{}} {
			if err := tx.Where("tenant_id = ?", id).Delete(of).Error; err != nil {
				return err
			}
		}
		if err := tx.Where("id = ?", id).Delete(&tenantRow{}).Error; err != nil {
			return err
		}
		return notify(tx, id, names)
	})
	switch {
	case refused != nil && errors.Is(err, refused):
		return refused
	case err != nil:
		return wrap("deleting a tenant", err)
	}
	return nil
}
