// Package server finds the server of Postgres that a tenant's database is on.
package server

import (
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gormtenant/gormtenant/isolation/databases"
)

// connectTimeout is how long to wait for a server whose configuration does not say.
const connectTimeout = 5 * time.Second

// Server is a server of Postgres on which tenants have databases.
type Server struct {
	// Name is what placements call it.
	Name string
	// Config is how tenants reach it.
	Config *pgx.ConnConfig
}

// List is the servers of an application, in its order. The first is that of placements without a
// server.
type List []Server

// Check returns what is wrong with the list.
func (l List) Check() error {
	if len(l) == 0 {
		return errors.New("gormtenant: tenants' databases need a server")
	}
	names := map[string]bool{}
	for _, s := range l {
		switch {
		case s.Config == nil:
			return fmt.Errorf(
				"gormtenant: the server %q needs a configuration, as pgx.ParseConfig returns it",
				s.Name)
		case names[s.Name]:
			return fmt.Errorf("gormtenant: two servers have the name %q", s.Name)
		case s.Name == "" && len(l) > 1:
			return errors.New("gormtenant: of several servers each needs a name")
		}
		names[s.Name] = true
	}
	return nil
}

// Has reports whether a server of that name is in the list.
func (l List) Has(name string) bool {
	_, err := l.Index(databases.Database{Server: name})
	return err == nil
}

// Index returns the position of the server that a database is on.
func (l List) Index(d databases.Database) (int, error) {
	for i, s := range l {
		if s.Name == d.Server || i == 0 && d.Server == "" {
			return i, nil
		}
	}
	return 0, fmt.Errorf(
		"gormtenant: the database %q is on a server %q, which is not among those that were given",
		d.Name, d.Server)
}

// Config returns how a user connects to a database.
func (l List) Config(d databases.Database, user, password string) (*pgx.ConnConfig, error) {
	i, err := l.Index(d)
	if err != nil {
		return nil, err
	}
	config := WithTimeout(l[i].Config)
	config.Database, config.User, config.Password = d.Name, user, password
	return config, nil
}

// WithTimeout returns a copy of a configuration that does not wait for a server forever.
func WithTimeout(config *pgx.ConnConfig) *pgx.ConnConfig {
	config = config.Copy()
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	return config
}
