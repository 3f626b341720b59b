package transfer

import (
	"database/sql"
	"errors"
	"fmt"

	"gorm.io/gorm"
)

// Location is where the rows of a tenant are, or go to.
type Location struct {
	// DB is on Postgres or SQLite, without a connector that chooses tenants, and opened as the
	// owner of the tables.
	DB *gorm.DB
	// Schema is the one of the tenant's tables on Postgres. Defaults to the search path of the
	// database.
	Schema string
	// Shared says that other tenants have rows in the same tables.
	Shared bool
}

const (
	onPostgres = "postgres"
	onSQLite   = "sqlite"
)

// pool returns the connections of a location, and its dialect.
func (l Location) pool() (*sql.DB, string, error) {
	if l.DB == nil || l.DB.Config == nil || l.DB.Dialector == nil {
		return nil, "", errors.New("gormtenant: a place to move to or from parents a *gorm.DB")
	}
	dialect := l.DB.Name()
	if dialect != onPostgres && dialect != onSQLite {
		return nil, "", fmt.Errorf("gormtenant: tenants are moved on Postgres and SQLite, "+
			"not on %s", dialect)
	}
	if dialect == onSQLite && l.Schema != "" {
		return nil, "", errors.New("gormtenant: a place on SQLite has no schema")
	}
	pool, err := l.DB.DB()
	if err != nil {
		return nil, "", fmt.Errorf("gormtenant: the connections of a place: %w", err)
	}
	return pool, dialect, nil
}

// apart says why two places are not two.
func apart(from, to Location) error {
	source, _, err := from.pool()
	if err != nil {
		return err
	}
	target, _, err := to.pool()
	if err != nil {
		return err
	}
	if source == target && from.Schema == to.Schema {
		return errors.New("gormtenant: the tenant would be moved to where it is")
	}
	return nil
}
