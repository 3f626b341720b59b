// Package placemark is how a place records the tenant to which it belongs: what makes places writes
// it, and what serves them reads it.
package placemark

import (
	"encoding/json"
	"errors"
	"strings"
)

// ErrNotOurs is the cause of the errors of all levels: a place is not marked as the tenant's.
var ErrNotOurs = errors.New("gormtenant: the place is not marked as the tenant's")

// Schema begins the comment of a tenant's schema. The tenant's ID follows.
const Schema = "gormtenant:"

// Database is the tenant of a role of Postgres and its database. It is kept in the comments of
// both: a role can be made and marked in one transaction, which a database cannot.
type Database struct {
	Tenant      string `json:"tenant"`
	Application string `json:"application,omitempty"`
	// Attempt is the last call of Provision that worked on the role.
	Attempt string `json:"attempt,omitempty"`
}

const database = "gormtenant: "

// String returns the comment.
func (d Database) String() string {
	text, _ := json.Marshal(d) // strings only
	return database + string(text)
}

// Read returns the mark in a comment. The zero value belongs to nobody.
func Read(comment string) (d Database) {
	text, ok := strings.CutPrefix(comment, database)
	if !ok || json.Unmarshal([]byte(text), &d) != nil {
		return Database{}
	}
	return d
}

const (
	// Table records whose a file of SQLite is, in one row.
	Table = "gormtenant_owner"
	// MakeTable makes it.
	MakeTable = "CREATE TABLE " + Table + " (tenant text NOT NULL, application text NOT NULL)"
	// InsertOwner inserts the row: the tenant, and the application.
	InsertOwner = "INSERT INTO " + Table + " (tenant, application) VALUES (?, ?)"
)
