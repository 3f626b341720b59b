package databases

import (
	"context"
	"database/sql/driver"
)

// Database is the database of one tenant.
type Database struct {
	// Tenant is the tenant's ID as text.
	Tenant string
	// Name is the name of the database on its server, or of its file without the ending.
	Name string
	// Server is the name that the application gives to the database's server. "" is the first.
	Server string
}

// Opener knows how to reach the databases of one server. It is called by several goroutines at
// once.
type Opener interface {
	// Open returns what opens connections to a database that exists. It is called once for a pool,
	// so a connector whose credentials can change has to look them up for each connection. ctx
	// carries the values of the caller for whom the pool is opened; it ends when nobody waits for
	// the pool any more. A database that does not exist is ErrNoDatabase, here or from the
	// connector.
	//
	// A connector that is an io.Closer is closed with its pool.
	Open(ctx context.Context, database Database) (driver.Connector, error)
}
