package provision

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/gormtenant/gormtenant/isolation/databases"
)

// ErrNotOurs is returned if a database, a role or a file with the tenant's name exists that is not
// marked as the tenant's. It is not touched. Give the tenant a placement with another name, or find
// out whose it is.
var ErrNotOurs = errors.New(
	"gormtenant: a database, role or file of this name exists and is not marked as the tenant's")

// mark records the tenant of a role and its database. It is kept in the comment on the role: a role
// can be made and marked in one transaction, which a database cannot.
type mark struct {
	Tenant      string `json:"tenant"`
	Application string `json:"application,omitempty"`
	// Attempt is the last call of Provision that worked on the role.
	Attempt string `json:"attempt,omitempty"`
}

const markPrefix = "gormtenant: "

func (m mark) String() string {
	text, _ := json.Marshal(m) // strings only
	return markPrefix + string(text)
}

// readMark returns the mark in a comment. The zero value belongs to nobody.
func readMark(comment string) (m mark) {
	text, ok := strings.CutPrefix(comment, markPrefix)
	if !ok || json.Unmarshal([]byte(text), &m) != nil {
		return mark{}
	}
	return m
}

// owns reports whether m marks the database's tenant.
func (c *config) owns(m mark, d databases.Database) bool {
	return m.Tenant != "" && m.Tenant == d.Tenant && m.Application == c.application
}
