package store

import (
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gormtenant/gormtenant/tenants"
)

// IDForm is how an ID looks.
type IDForm int

// The forms of IDs.
const (
	UUIDs   IDForm = iota + 1 // 32 hexadecimal digits, hyphens or not, as Create makes them
	Numbers                   // digits only
	Words                     // all else
)

// IDs tells which forms the IDs of tenants have. An ID of another form is refused; and a slug that
// has one of these forms is refused, UUIDs and Numbers: a tenant that called itself 42 would be
// found wherever the tenant with the ID 42 is meant, before that is there or when it is gone.
//
//	store.IDs(store.UUIDs) // a slug may be digits only
//
// Without this option an ID may have any form, and slugs are refused that are digits only or look
// like a UUID. A slug that is the tenant's own ID is taken in any case, and so is one that the
// tenant has already.
func IDs(forms ...IDForm) Option {
	return optionFunc(func(s *Store) error {
		if len(forms) == 0 || slices.Min(forms) < UUIDs || slices.Max(forms) > Words {
			return errors.New("gormtenant: store.IDs needs the forms that IDs have, as in " +
				"store.IDs(store.UUIDs)")
		}
		s.ids = slices.Clone(forms)
		return nil
	})
}

// formOf returns the form of an ID, or of a slug that could be taken for one.
func formOf(id string) IDForm {
	if !strings.ContainsFunc(id, func(r rune) bool { return r < '0' || r > '9' }) {
		return Numbers
	}
	if _, err := uuid.Parse(id); err == nil {
		return UUIDs
	}
	return Words
}

// refuseForms refuses an ID of a form that IDs do not have, and a slug that looks like one, unless
// it is among the tenant's own names.
func (s *Store) refuseForms(t *tenants.Tenant, own []string) error {
	if form := formOf(t.ID); s.ids != nil && !slices.Contains(s.ids, form) &&
		!slices.Contains(own, t.ID) {
		return invalid("ID", "%s is not of a form that IDs have here: see store.IDs", quoted(t.ID))
	}
	form := formOf(t.Slug)
	if t.Slug == t.ID || form == Words || slices.Contains(own, t.Slug) ||
		s.ids != nil && !slices.Contains(s.ids, form) {
		return nil
	}
	return invalid("Slug", "%q could be taken for the ID of another tenant: use a letter beyond "+
		"those of a number or a UUID", t.Slug)
}
