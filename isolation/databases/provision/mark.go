package provision

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/gormtenant/gormtenant/isolation/databases"
)

// ErrNotOurs is returned where a database, a role or a file of the tenant's name exists that is not
// marked as the tenant's. It is not touched. Give the tenant a placement with another name, or find
// out whose it is.
var ErrNotOurs = errors.New(
	"gormtenant: a database, role or file of this name exists and is not marked as the tenant's")

// mark says whose a role and its database are: in the comment on the role, since a role can be made
// and marked in one transaction and a database cannot.
type mark struct {
	Tenant      string `json:"tenant"`
	Application string `json:"application,omitempty"`
	// Attempt is the call of Provision that had the role in its hands last.
	Attempt string `json:"attempt,omitempty"`
}

const markPrefix = "gormtenant: "

func (m mark) String() string {
	text, _ := json.Marshal(m) // strings only
	return markPrefix + string(text)
}

// readMark returns the mark in a comment; the zero value is nobody's.
func readMark(comment string) (m mark) {
	text, ok := strings.CutPrefix(comment, markPrefix)
	if !ok || json.Unmarshal([]byte(text), &m) != nil {
		return mark{}
	}
	return m
}

// owns reports whether m is a mark of that database's tenant.
func (c *config) owns(m mark, d databases.Database) bool {
	return m.Tenant != "" && m.Tenant == d.Tenant && m.Application == c.application
}
