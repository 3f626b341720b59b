package pgsession

import (
	"context"
	"database/sql"
	"database/sql/driver"

	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
)

// Broken returns a connector that opens no connections: it reports err, an option that makes no
// sense.
func Broken(err error) driver.Connector { return broken{err} }

type broken struct{ err error }

func (b broken) Connect(context.Context) (driver.Conn, error) { return nil, b.err }
func (broken) Driver() driver.Driver                          { return stdlib.GetDefaultDriver() }

// Dialector returns a dialector on a pool of connector. What a connector of [Broken] reports,
// gorm.Open does.
func Dialector(connector driver.Connector) gorm.Dialector {
	if b, ok := connector.(broken); ok {
		return failing{postgres.Dialector{Config: &postgres.Config{}}, b.err}
	}
	return postgres.New(postgres.Config{Conn: sql.OpenDB(connector)})
}

// failing is a dialector that cannot be opened.
type failing struct {
	postgres.Dialector
	err error
}

// Initialize returns the error.
func (f failing) Initialize(*gorm.DB) error { return f.err }
