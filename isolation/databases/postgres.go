package databases

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/gormtenant/gormtenant/internal/pgsession"
	"github.com/gormtenant/gormtenant/internal/placemark"
)

// Postgres opens databases on one server, all with the role and the parameters of config, whose
// database does not matter. config is copied. That role can reach the databases of all tenants, so
// only the application keeps them apart. See [PostgresWith] for a role each.
func Postgres(config *pgx.ConnConfig) Opener {
	if config == nil {
		return PostgresWith(nil)
	}
	config = config.Copy()
	return oneServer{PostgresWith(
		func(_ context.Context, database Database) (*pgx.ConnConfig, error) {
			of := config.Copy()
			of.Database = database.Name
			return of, nil
		})}
}

// PostgresWith opens databases with the configuration that find returns for each: server, role,
// password, and the name of the database. find is called for each connection, by several goroutines
// at once, and its result may be changed. credentials.Connect makes such a function from servers
// and secrets.
//
// Each connection begins with one round trip that reads whose the database is: from its comment, or
// that of the role that owns it, which package provision writes. If it is not the tenant's,
// whatever the tenant's placement says, the error is [ErrNotOurs].
func PostgresWith(
	find func(ctx context.Context, database Database) (*pgx.ConnConfig, error),
) Opener {
	return postgresOpener{find}
}

type postgresOpener struct {
	find func(ctx context.Context, database Database) (*pgx.ConnConfig, error)
}

func (o postgresOpener) check() error {
	if o.find == nil {
		return errors.New(
			"gormtenant: databases.Postgres needs a configuration, as pgx.ParseConfig returns it")
	}
	return nil
}

// Open returns the connector of a database.
func (o postgresOpener) Open(_ context.Context, database Database) (driver.Connector, error) {
	return postgresConnector{o, database}, nil
}

type postgresConnector struct {
	postgresOpener
	database Database
}

// Connect opens a connection.
func (c postgresConnector) Connect(ctx context.Context) (driver.Conn, error) {
	config, err := c.find(ctx, c.database)
	if err != nil {
		return nil, err
	}
	conn, err := stdlib.GetConnector(*config, pgsession.PingStale()).Connect(ctx)
	// https://www.postgresql.org/docs/current/errcodes-appendix.html
	const invalidCatalogName = "3D000"
	if refused := (*pgconn.PgError)(nil); errors.As(err, &refused) &&
		refused.Code == invalidCatalogName {
		return nil, fmt.Errorf("%w: %w", ErrNoDatabase, err)
	}
	if err != nil {
		return nil, err
	}
	if err := c.verify(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// markQuery reads the comments of the database and of its owner, past every search path.
const markQuery = "SELECT coalesce(pg_catalog.shobj_description(oid, 'pg_database'), ''), " +
	"coalesce(pg_catalog.shobj_description(datdba, 'pg_authid'), '') " +
	"FROM pg_catalog.pg_database WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database()"

// verify returns ErrNotOurs unless the database, or its owner, has the mark of the tenant. It takes
// one round trip for each connection: another tenant can be given a database of that name.
func (c postgresConnector) verify(ctx context.Context, conn driver.Conn) error {
	plain, ok := conn.(*stdlib.Conn)
	if !ok {
		return fmt.Errorf("gormtenant: pgx opened a %T, which cannot be asked", conn)
	}
	results, err := plain.Conn().PgConn().Exec(ctx, markQuery).ReadAll()
	if err != nil {
		return fmt.Errorf("gormtenant: reading whose the tenant's database is: %w", err)
	}
	if len(results) != 1 || len(results[0].Rows) != 1 {
		return ErrNotOurs
	}
	for _, comment := range results[0].Rows[0] {
		if found := placemark.Read(string(comment)); found != (placemark.Database{}) {
			if found.Tenant == c.database.Tenant {
				return nil
			}
			return ErrNotOurs
		}
	}
	return ErrNotOurs
}

// Driver returns pgx's driver.
func (postgresConnector) Driver() driver.Driver { return stdlib.GetDefaultDriver() }
