package provision

import (
	"cmp"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/databases/internal/server"
)

// Server is a server of Postgres on which tenants have databases, as the operator sees it.
type Server struct {
	// Name is what placements call it. Names are unique; the only server may have none. A placement
	// that names no server is on the first.
	Name string
	// Admin connects as a role with CREATEDB and CREATEROLE that is no superuser, to a database
	// from which to work, such as "postgres". It must reach the server itself: its locks do not
	// hold behind a pooler in transaction mode. It must not be nil.
	//
	//	CREATE ROLE provisioner LOGIN PASSWORD '...' CREATEDB CREATEROLE
	Admin *pgx.ConnConfig
	// Config is how tenants' own roles connect, for migrations. Its user, password and database are
	// not used. Defaults to Admin.
	Config *pgx.ConnConfig
}

// servers are those of the operator. The server at each position of the list has the admin at the
// same.
type servers struct {
	server.List
	admins []*pgx.ConnConfig
}

func newServers(list []Server) (all servers, err error) {
	for _, s := range list {
		config := cmp.Or(s.Config, s.Admin)
		all.List = append(all.List, server.Server{Name: s.Name, Config: config})
		all.admins = append(all.admins, s.Admin)
	}
	if err := all.Check(); err != nil {
		return all, err
	}
	for _, s := range list {
		if s.Admin == nil {
			return all, fmt.Errorf(
				"gormtenant: provision.NewPostgres: the server %q needs an Admin", s.Name)
		}
	}
	return all, nil
}

// admin returns how the admin of a database's server connects.
func (s servers) admin(d databases.Database) (*pgx.ConnConfig, error) {
	i, err := s.Index(d)
	if err != nil {
		return nil, err
	}
	return server.WithTimeout(s.admins[i]), nil
}
