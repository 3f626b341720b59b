package databases

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// connectTimeout is how long to wait for a server where its configuration does not say.
const connectTimeout = 5 * time.Second

// Server is a server of Postgres on which tenants have databases.
type Server struct {
	// Name is what placements call it. Names are unique; that of the only server may be empty.
	Name string
	// Config says how tenants reach it: its address, TLS, the parameters of their sessions. User, password
	// and database are not looked at: each tenant has its own. Defaults to Admin.
	Config *pgx.ConnConfig
	// Admin is for [NewProvisioner] and nothing else: a role with CREATEDB and CREATEROLE that is no
	// superuser, and a database from which to work, such as "postgres". It has to reach the server itself:
	// the locks that it takes do not hold behind a pooler in transaction mode.
	//
	//	CREATE ROLE provisioner LOGIN PASSWORD '...' CREATEDB CREATEROLE
	Admin *pgx.ConnConfig
}

// Connect returns what [PostgresWith] takes: for each database the configuration of its server, with the user
// and the password that secrets has for it. Where secrets has none the error is [ErrNoDatabase] too.
//
//	connect, err := databases.Connect(secrets, servers...)
//	pools, err := databases.New(databases.PostgresWith(connect))
func Connect(secrets Secrets, servers ...Server) (func(ctx context.Context, d Database) (*pgx.ConnConfig, error), error) {
	known, err := newServers(servers)
	if err != nil {
		return nil, err
	}
	if secrets == nil {
		return nil, errors.New("gormtenant: databases.Connect needs the secrets")
	}
	return func(ctx context.Context, d Database) (*pgx.ConnConfig, error) {
		server, err := known.of(d)
		if err != nil {
			return nil, err
		}
		secret, err := credentials(ctx, secrets, d)
		if err != nil {
			return nil, err
		}
		return server.config(d, secret), nil
	}, nil
}

// credentials are those for a database that has been provisioned.
func credentials(ctx context.Context, secrets Secrets, d Database) (Secret, error) {
	secret, err := secrets.Get(ctx, d)
	switch {
	case errors.Is(err, ErrNoSecret):
		return secret, fmt.Errorf("%w: %w", ErrNoDatabase, err)
	case err != nil:
		return secret, fmt.Errorf("gormtenant: the credentials for the database %q: %w", d.Name, err)
	}
	return secret, nil
}

// config is how the tenant of a database connects to it.
func (s Server) config(d Database, secret Secret) *pgx.ConnConfig {
	config := withTimeout(s.Config)
	config.Database, config.User, config.Password = d.Name, secret.User, secret.Password
	return config
}

func withTimeout(config *pgx.ConnConfig) *pgx.ConnConfig {
	config = config.Copy()
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	return config
}

// servers are those that an application has, in its order.
type servers []Server

func newServers(list []Server) (servers, error) {
	if len(list) == 0 {
		return nil, errors.New("gormtenant: tenants' databases need a server")
	}
	var known servers
	names := map[string]bool{}
	for _, s := range list {
		if s.Config == nil {
			s.Config = s.Admin
		}
		switch {
		case s.Config == nil:
			return nil, fmt.Errorf("gormtenant: the server %q needs a configuration, as pgx.ParseConfig returns it", s.Name)
		case names[s.Name]:
			return nil, fmt.Errorf("gormtenant: two servers have the name %q", s.Name)
		case s.Name == "" && len(list) > 1:
			return nil, errors.New("gormtenant: of several servers each needs a name")
		}
		names[s.Name] = true
		known = append(known, s)
	}
	return known, nil
}

// of returns the server that a database is on.
func (s servers) of(d Database) (Server, error) {
	for i, server := range s {
		if server.Name == d.Server || i == 0 && d.Server == "" {
			return server, nil
		}
	}
	return Server{}, fmt.Errorf("gormtenant: the database %q is on a server %q, which is not among those that were given",
		d.Name, d.Server)
}

// has says whether a server of that name is among them.
func (s servers) has(name string) bool {
	_, err := s.of(Database{Server: name})
	return err == nil
}
