package rls

import (
	"database/sql"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/gormtenant/gormtenant/internal/pgsession"
)

// inZones makes connections read values of the type timestamp as times in the zone that their
// configuration names as TimeZone, as those of postgres.Open do.
var inZones = setter(func(c *config) error {
	c.zones = true
	return nil
})

// prepare returns what prepares new connections of a configuration, nil if nothing does.
func (c *config) prepare(config *pgx.ConnConfig) (pgsession.AfterConnect, error) {
	if !c.zones {
		return nil, nil
	}
	return pgsession.ReadIn(config)
}

// openAdmin opens the pool of Admin, nil if there is none.
func (c *config) openAdmin() (*sql.DB, error) {
	if c.admin == nil {
		return nil, nil
	}
	prepare, err := c.prepare(c.admin)
	switch {
	case err != nil:
		return nil, err
	case prepare == nil:
		return stdlib.OpenDB(*c.admin), nil
	}
	return stdlib.OpenDB(*c.admin, stdlib.OptionAfterConnect(prepare)), nil
}
