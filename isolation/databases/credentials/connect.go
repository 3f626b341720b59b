package credentials

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/databases/internal/server"
)

// Server is a server of Postgres on which tenants have databases, as the application sees it.
type Server struct {
	// Name is what placements call it. Names are unique; the only server may have none. A placement
	// that names no server is on the first.
	Name string
	// Config holds the address, TLS and the parameters of sessions. Its user, password and database
	// are not used: each tenant has its own. It must not be nil.
	Config *pgx.ConnConfig
}

// Connect returns what databases.PostgresWith takes: for each database the configuration of its
// server, with the user and the password that secrets has for it. A database for which secrets has
// none is databases.ErrNoDatabase as well as [ErrNoSecret].
//
//	connect, err := credentials.Connect(secrets, credentials.Server{Config: config})
//	pools, err := databases.NewPools(databases.PostgresWith(connect))
func Connect(
	secrets Secrets, servers ...Server,
) (func(ctx context.Context, d databases.Database) (*pgx.ConnConfig, error), error) {
	known := make(server.List, len(servers))
	for i, s := range servers {
		known[i] = server.Server(s)
	}
	if err := known.Check(); err != nil {
		return nil, err
	}
	if secrets == nil {
		return nil, errors.New("gormtenant: credentials.Connect needs the secrets")
	}
	return func(ctx context.Context, d databases.Database) (*pgx.ConnConfig, error) {
		if _, err := known.Index(d); err != nil {
			return nil, err
		}
		secret, err := secretOf(ctx, secrets, d)
		if err != nil {
			return nil, err
		}
		return known.Config(d, secret.User, secret.Password)
	}, nil
}

// secretOf returns the secret of a database that has been provisioned. Where there is none the
// error is databases.ErrNoDatabase as well as [ErrNoSecret].
func secretOf(ctx context.Context, secrets Secrets, d databases.Database) (Secret, error) {
	secret, err := secrets.Get(ctx, d)
	switch {
	case errors.Is(err, ErrNoSecret):
		return secret, fmt.Errorf("%w: %w", databases.ErrNoDatabase, err)
	case err != nil:
		return secret, fmt.Errorf(
			"gormtenant: the credentials for the database %q: %w", d.Name, err)
	}
	return secret, nil
}
