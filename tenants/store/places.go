package store

import (
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/tenantname"
	"github.com/gormtenant/gormtenant/tenants"
)

// A place is what only one tenant may have: a schema, a database or a file. Places are in the table
// of names, whose primary key keeps them apart, and begin with a slash: nothing that a tenant is
// found by does.

// defaultName begins the names that are made of IDs.
const defaultName = "tenant_"

// defaultPlace is the place that the tenant of an ID has wherever its placement gives no name: it
// is kept for the tenant from the start.
func defaultPlace(id string) string {
	name, err := tenantname.Name(id)
	if err != nil { // such an ID is refused elsewhere
		name = id
	}
	return "/" + name
}

// placesOf returns the places of a tenant, in order. Case does not tell them apart, as it does not
// tell files apart everywhere.
func placesOf(t *tenants.Tenant) []string {
	places := []string{defaultPlace(t.ID)}
	for _, p := range namedPlacements(t) {
		name := strings.ToLower(p.Name)
		places = append(places, "/"+string(p.Level)+"/"+p.Server+"/"+name)
		if strings.HasPrefix(name, defaultName) {
			places = append(places, "/"+name)
		}
	}
	slices.Sort(places)
	return slices.Compact(places)
}

// namedPlacements returns where the tenant is, is to be, and was, if the name is given.
func namedPlacements(t *tenants.Tenant) []tenants.Placement {
	all := append([]tenants.Placement{t.Placement}, t.Left...)
	if t.Moving != nil {
		all = append(all, *t.Moving)
	}
	return slices.DeleteFunc(all, func(p tenants.Placement) bool { return p.Name == "" })
}

// takePlaces makes the places those of t, or returns an ErrTaken.
func (s *Store) takePlaces(tx *gorm.DB, t *tenants.Tenant, places []string) error {
	if err := s.takeNames(tx, t, places); err != nil {
		return err
	}
	var ids []string // whose entries are older than this rule
	for _, place := range places {
		id, made := strings.CutPrefix(place, "/"+defaultName)
		if made && place != defaultPlace(t.ID) && defaultPlace(id) == place {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	var count int64
	err := tx.Model(&tenantRow{}).Where("id IN ?", ids).Count(&count).Error
	if err == nil && count > 0 {
		return takenPlace(t, "")
	}
	return err
}

// releasePlaces lets others take the places of a tenant. Its default place stays.
func releasePlaces(tx *gorm.DB, t *tenants.Tenant, places []string) error {
	if len(places) == 0 {
		return nil
	}
	return tx.Where("tenant_id = ? AND name IN ?", t.ID, places).Delete(&nameRow{}).Error
}

// takenPlace is the error for a place that another tenant has.
func takenPlace(t *tenants.Tenant, place string) error {
	if place == defaultPlace(t.ID) {
		return &FieldError{
			Field: "ID", Err: ErrTaken,
			Problem: "another tenant's schema, database or file has the name that would be made " +
				"of this ID: choose another ID",
		}
	}
	return &FieldError{
		Field: "Placement", Err: ErrTaken,
		Problem: "another tenant's schema, database or file has this name, or would have it by " +
			"its ID: choose another name",
	}
}
