package databases

import (
	"context"
	"database/sql/driver"
)

// Database is that of one tenant.
type Database struct {
	// Tenant is the tenant's ID as text.
	Tenant string
	// Name is that of the database on its server, or of the file without its ending.
	Name string
	// Server is which server the database is on, by the name that the application gives it. "" is the
	// first.
	Server string
}

// Opener knows how databases on one server are reached. It is called by several goroutines at once.
type Opener interface {
	// Open returns what opens connections to a database that exists. It is called once for a pool: where
	// credentials can change, the connector looks them up. ctx is that of the caller for whom the pool
	// is opened, but it ends when nobody waits for the pool any more. A database that is not there is
	// ErrNoDatabase, here or from the connector.
	Open(ctx context.Context, database Database) (driver.Connector, error)
}
