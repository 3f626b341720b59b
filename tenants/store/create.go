package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant/internal/prefix"
	"github.com/gormtenant/gormtenant/tenants"
)

// Create stores a new tenant, and completes *t: without an ID it gets a UUID of version 7 (so that
// List has the tenants in the order in which they came), without a status it is tenants.Active,
// without a plan its plan is "free". Domains are put into lower case and ASCII, times into UTC and
// microseconds; CreatedAt and UpdatedAt are now. t must not be in use by others.
//
// The slug is a DNS label of lower-case letters, digits and hyphens. The error is a [*FieldError]:
// [ErrInvalid], or [ErrTaken] if the ID, the slug or a domain is already what another tenant is
// found by, or was until recently (see [Rest]), or if the placement names a schema, database or
// file of another tenant, or one that another would have by its ID. On an error nothing is stored,
// and *t is what it was.
func (s *Store) Create(ctx context.Context, t *tenants.Tenant) error {
	if t == nil {
		return errNil
	}
	created, err := s.complete(*t)
	if err != nil {
		return err
	}
	err = s.session(ctx).Transaction(func(tx *gorm.DB) error {
		// ON CONFLICT rather than an error: an error would be the end of a transaction of the
		// caller's.
		inserted := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(newRow(&created))
		if inserted.Error != nil {
			return inserted.Error
		}
		if inserted.RowsAffected == 0 {
			return taken("ID", created.ID)
		}
		names := namesOf(&created)
		if err := s.takeNames(tx, &created, names); err != nil {
			return err
		}
		if err := s.takePlaces(tx, &created, placesOf(&created)); err != nil {
			return err
		}
		return notify(tx, created.ID, names)
	})
	if err != nil {
		return wrap("creating a tenant", err)
	}
	*t = created
	s.hooks.afterCreate(ctx, t)
	return nil
}

var errNil = fmt.Errorf("%w: it is nil", ErrInvalid)

// complete returns the new tenant as it is to be stored. t is the caller's: what it points at is
// not changed.
func (s *Store) complete(t tenants.Tenant) (tenants.Tenant, error) {
	if t.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return t, prefix.Errorf("making an ID for a tenant: %w", err)
		}
		t.ID = id.String()
	}
	if t.Status == "" {
		t.Status = tenants.Active
	}
	if t.Plan == "" {
		t.Plan = "free"
	}
	t.CreatedAt = kept(s.clock())
	t.UpdatedAt = t.CreatedAt
	if problem := problemOfID(t.ID); problem != "" {
		return t, invalid("ID", "%s: %s", quoted(t.ID), problem)
	}
	t, err := s.validated(t)
	if err != nil {
		return t, err
	}
	if err := validatePlacements(&t); err != nil {
		return t, err
	}
	if err := s.refuseForms(&t, nil); err != nil {
		return t, err
	}
	if err := s.refuseUnverified(&t, nil); err != nil {
		return t, err
	}
	return t, s.refuseReserved(&t, nil)
}

// wrap says what failed, unless the error says it.
func wrap(doing string, err error) error {
	for _, own := range []error{
		ErrTaken, ErrInvalid, ErrConflict, ErrNotVerified, tenants.ErrNotFound, tenants.ErrClosed,
	} {
		if errors.Is(err, own) {
			return err
		}
	}
	return prefix.Errorf("%s: %w", doing, err)
}
