package store

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/tenants"
)

// Update stores t in place of the tenant that has its ID, and sets *t to what is stored. The ID of
// a tenant cannot change, and CreatedAt is the store's. Do not pass a tenant that others use, such
// as one returned by a cache: change a copy, with a slice and a map of its own.
//
// UpdatedAt must be as it was read: if the tenant was changed since, Update returns [ErrConflict].
// It also returns the errors of [Store.Create] and tenants.ErrNotFound. On an error nothing is
// changed, not even *t.
func (s *Store) Update(ctx context.Context, t *tenants.Tenant) error {
	if t == nil {
		return errNil
	}
	changed, err := s.validated(*t)
	if err != nil {
		return err
	}
	stored, err := s.change(ctx, t.ID, func(
		_ *gorm.DB, stored *tenants.Tenant,
	) (*tenants.Tenant, error) {
		if !stored.UpdatedAt.Equal(kept(t.UpdatedAt)) {
			return nil, ErrConflict
		}
		if err := s.refuseReserved(&changed, namesOf(stored)); err != nil {
			return nil, err
		}
		if err := s.refuseForms(&changed, namesOf(stored)); err != nil {
			return nil, err
		}
		if err := s.refuseUnverified(&changed, stored.Domains); err != nil {
			return nil, err
		}
		if err := refuseMove(stored, &changed); err != nil {
			return nil, err
		}
		changed.CreatedAt = stored.CreatedAt
		return &changed, nil
	})
	if err != nil {
		return wrap("updating a tenant", err)
	}
	*t = *stored
	return nil
}

// Suspend makes the tenant tenants.Suspended: it is not served until [Store.Resume]. It does
// nothing if the tenant is suspended already. It returns tenants.ErrClosed for a closed tenant, and
// tenants.ErrNotFound if no tenant has that ID; a slug or a domain is not accepted.
func (s *Store) Suspend(ctx context.Context, id string) error {
	return s.setStatus(ctx, id, tenants.Suspended)
}

// Resume makes a suspended tenant tenants.Active again. It does nothing if the tenant is active
// already. It returns tenants.ErrClosed for a closed tenant, which stays closed; use [Store.Update]
// to open it again. It returns tenants.ErrNotFound if no tenant has that ID.
func (s *Store) Resume(ctx context.Context, id string) error {
	return s.setStatus(ctx, id, tenants.Active)
}

// Close makes the tenant tenants.Closed, permanently. Its names remain taken, so that old links
// never lead to another tenant. It does nothing if the tenant is closed already, and returns
// tenants.ErrNotFound if no tenant has that ID.
func (s *Store) Close(ctx context.Context, id string) error {
	return s.setStatus(ctx, id, tenants.Closed)
}

func (s *Store) setStatus(ctx context.Context, id string, status tenants.Status) error {
	_, err := s.change(ctx, id, func(
		_ *gorm.DB, stored *tenants.Tenant,
	) (*tenants.Tenant, error) {
		switch stored.Status {
		case status:
			return nil, nil
		case tenants.Closed:
			return nil, tenants.ErrClosed
		}
		changed := *stored
		changed.Status = status
		return &changed, nil
	})
	if err != nil {
		return wrap(fmt.Sprintf("making a tenant %s", status), err)
	}
	return nil
}

// change stores what edit makes of the tenant, which nobody else can change meanwhile. nil is no
// change.
func (s *Store) change(
	ctx context.Context, id string,
	edit func(tx *gorm.DB, stored *tenants.Tenant) (*tenants.Tenant, error),
) (changed *tenants.Tenant, err error) {
	if problemOfID(id) != "" {
		return nil, tenants.ErrNotFound
	}
	var stored *tenants.Tenant
	err = s.session(ctx).Transaction(func(tx *gorm.DB) (err error) {
		if stored, err = locked(tx, id); err != nil {
			return err
		}
		if changed, err = edit(tx, stored); changed == nil || err != nil {
			return err
		}
		changed.UpdatedAt = s.stamp(stored.UpdatedAt)
		return s.replace(tx, stored, changed)
	})
	if err == nil && changed != nil {
		s.hooks.afterChange(ctx, stored, changed)
	}
	return changed, err
}

// locked reads a tenant that stays as it is until the end of the transaction. The lock is taken by
// a write, as SQLite has no SELECT FOR UPDATE, and lets no transaction write that has read what was
// changed since.
func locked(tx *gorm.DB, id string) (*tenants.Tenant, error) {
	taken := tx.Model(&tenantRow{}).Where("id = ?", id).UpdateColumn("status", gorm.Expr("status"))
	if taken.Error != nil {
		return nil, taken.Error
	}
	if taken.RowsAffected == 0 {
		return nil, tenants.ErrNotFound
	}
	var row tenantRow
	if err := tx.Where("id = ?", id).Limit(1).Find(&row).Error; err != nil {
		return nil, err
	}
	return row.tenant(), nil
}

// replace writes a tenant in place of what is stored, and tells the other processes. New names are
// taken before old ones are released: of two tenants that swap names neither waits for the other.
func (s *Store) replace(tx *gorm.DB, stored, changed *tenants.Tenant) error {
	if err := tx.Select("*").Omit("ID", "CreatedAt").Updates(newRow(changed)).Error; err != nil {
		return err
	}
	before, now := namesOf(stored), namesOf(changed)
	added, removed := without(now, before), without(before, now)
	if err := s.takeNames(tx, changed, added); err != nil {
		return err
	}
	if err := s.releaseNames(tx, changed.ID, removed); err != nil {
		return err
	}
	hadPlaces, places := placesOf(stored), placesOf(changed)
	if err := s.takePlaces(tx, changed, without(places, hadPlaces)); err != nil {
		return err
	}
	if err := releasePlaces(tx, changed, without(hadPlaces, places)); err != nil {
		return err
	}
	return notify(tx, changed.ID, slices.Concat(added, removed))
}
