package provision

import (
	"github.com/gormtenant/gormtenant/internal/placemark"
	"github.com/gormtenant/gormtenant/isolation/databases"
)

// ErrNotOurs is returned if a database, a role or a file with the tenant's name exists that is not
// marked as the tenant's. It is not touched. Give the tenant a placement with another name, or find
// out whose it is. It is databases.ErrNotOurs.
var ErrNotOurs = databases.ErrNotOurs

// mark records the tenant of a role and its database.
type mark = placemark.Database

// owns reports whether m marks the database's tenant.
func (c *config) owns(m mark, d databases.Database) bool {
	return m.Tenant != "" && m.Tenant == d.Tenant && m.Application == c.application
}
