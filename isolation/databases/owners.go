package databases

import "strings"

// owners knows the tenant of each open database: a database that two placements name is opened for
// the first of them only.
type owners struct {
	folds bool // names that differ in case are one
	all   map[Database]*owner
}

type owner struct {
	tenant string
	pools  int
}

// where returns the database without its tenant.
func (o *owners) where(d Database) Database {
	d.Tenant = ""
	if o.folds {
		d.Name = strings.ToLower(d.Name)
	}
	return d
}

// take makes the tenant the owner of its database, or returns ErrShared.
func (o *owners) take(d Database) error {
	where := o.where(d)
	found, ok := o.all[where]
	switch {
	case !ok:
		o.all[where] = &owner{d.Tenant, 1}
	case found.tenant != d.Tenant:
		return ErrShared
	default:
		found.pools++
	}
	return nil
}

// give ends what take began.
func (o *owners) give(d Database) {
	where := o.where(d)
	if found := o.all[where]; found.pools > 1 {
		found.pools--
		return
	}
	delete(o.all, where)
}
