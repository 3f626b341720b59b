package tenants

import "fmt"

// Level is how far a tenant is isolated from others.
type Level string

// The levels of isolation.
const (
	Rows     Level = "rows"     // rows in tables that it shares with others
	Schema   Level = "schema"   // a schema of its own on Postgres
	Database Level = "database" // a database of its own: on Postgres, or a file of SQLite
)

// Placement is where the rows of a tenant are. The zero value is in the shared tables.
type Placement struct {
	// Level is [Rows], [Schema] or [Database]; "" is Rows.
	Level Level `json:"level,omitempty"`
	// Name is that of the schema, the database or the file. "" is the name that is made of the
	// tenant's ID.
	Name string `json:"name,omitempty"`
	// Server is which of the application's servers the database is on, by the name that the
	// application gives it. "" is the first. Only the level [Database] has servers.
	Server string `json:"server,omitempty"`
}

// Normal returns the placement with its level written out.
func (p Placement) Normal() Placement {
	if p.Level == "" {
		p.Level = Rows
	}
	return p
}

// String says where that is, for people.
func (p Placement) String() string {
	text := string(p.Normal().Level)
	if p.Name != "" {
		text += " " + p.Name
	}
	if p.Server != "" {
		text += " on " + p.Server
	}
	return text
}

// Validate returns an error if the level is none of the three, or does not take the name or the
// server that is given.
func (p Placement) Validate() error {
	switch p.Normal().Level {
	case Database:
		return nil
	case Schema:
		if p.Server != "" {
			return fmt.Errorf("gormtenant: a placement of the level %s has no server: it is on "+
				"that of the shared tables", Schema)
		}
		return nil
	case Rows:
		if p.Name != "" || p.Server != "" {
			return fmt.Errorf("gormtenant: a placement of the level %s has neither name nor "+
				"server: the tables are shared", Rows)
		}
		return nil
	}
	return fmt.Errorf("gormtenant: a placement of the level %q: it must be %s, %s or %s", p.Level,
		Rows, Schema, Database)
}
