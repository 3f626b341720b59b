package store

import (
	"context"
	"errors"
	"reflect"
	"strings"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/tenantname"
	"github.com/gormtenant/gormtenant/tenants"
)

// placements is where a tenant's rows are, as it is stored.
type placements struct {
	tenants.Placement
	Moving *tenants.Placement  `json:"moving,omitempty"`
	Left   []tenants.Placement `json:"left,omitempty"`
}

func placementsOf(t *tenants.Tenant) placements {
	return placements{t.Placement, t.Moving, t.Left}
}

func (w placements) put(t *tenants.Tenant) {
	t.Placement, t.Moving = w.Placement, w.Moving
	if len(w.Left) > 0 {
		t.Left = w.Left
	}
}

// same reports whether both are the same, as they are stored.
func (w placements) same(other placements) bool {
	return w.Placement == other.Placement && reflect.DeepEqual(w.Moving, other.Moving) &&
		(len(w.Left) == 0 && len(other.Left) == 0 || reflect.DeepEqual(w.Left, other.Left))
}

// Place changes where the tenant of that ID is, and nothing else of it: edit sets the Placement,
// Moving and Left of the tenant that it is given, which nobody else can change meanwhile. Place
// returns what is stored then. It moves no rows: for a tenant that has any, use package isolation,
// which calls it. Other processes hear of it as of every change.
//
// The error is that of edit, a tenants.ErrNotFound, an [ErrInvalid] for a placement that cannot be,
// or an [ErrTaken] for one that names what is another tenant's: no two have one schema, nor one
// database of a server, and none has what another would have by its ID. On an error nothing is
// changed.
func (s *Store) Place(
	ctx context.Context, id string, edit func(t *tenants.Tenant) error,
) (*tenants.Tenant, error) {
	if edit == nil {
		return nil, errors.New("gormtenant: Store.Place needs a function that sets the placement")
	}
	changed, err := s.change(ctx, id, func(
		_ *gorm.DB, stored *tenants.Tenant,
	) (*tenants.Tenant, error) {
		edited := *stored
		if err := edit(&edited); err != nil {
			return nil, err
		}
		moved := *stored
		placementsOf(&edited).put(&moved)
		moved.Left = edited.Left
		return &moved, validatePlacements(&moved)
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}

// validatePlacements says what is wrong with where a tenant is, or is to be.
func validatePlacements(t *tenants.Tenant) error {
	places := append([]tenants.Placement{t.Placement}, t.Left...)
	if t.Moving != nil {
		places = append(places, *t.Moving)
	}
	for _, p := range places {
		if err := p.Validate(); err != nil {
			return invalid("Placement", "%s", strings.TrimPrefix(err.Error(), "gormtenant: "))
		}
		if p.Name == "" {
			continue
		}
		if err := tenantname.CheckName(p.Name); err != nil {
			return invalid("Placement", "%v", err)
		}
	}
	return nil
}

// refuseMove refuses an update that would leave a tenant's rows behind.
func refuseMove(stored, changed *tenants.Tenant) error {
	if placementsOf(stored).same(placementsOf(changed)) {
		return nil
	}
	return invalid("Placement", "an update cannot change where a tenant is: its rows would stay "+
		"behind: move it with package isolation, or, while it has none, use Store.Place")
}
