package rls

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
)

// afterConnect prepares a new connection of pgx.
type afterConnect = func(ctx context.Context, conn *pgx.Conn) error

// inZones makes connections read values of the type timestamp as times in the zone that their
// configuration names as TimeZone, as those of postgres.Open do.
var inZones = option(func(c *config) error {
	c.zones = true
	return nil
})

// readIn returns what makes connections of a configuration do so, nil if it names no zone.
func readIn(config *pgx.ConnConfig) (afterConnect, error) {
	for name, value := range config.RuntimeParams {
		if !strings.EqualFold(name, "TimeZone") {
			continue
		}
		location, err := time.LoadLocation(value)
		if err != nil {
			return nil, fmt.Errorf("gormtenant: the DSN's TimeZone: %w", err)
		}
		return func(_ context.Context, conn *pgx.Conn) error {
			conn.TypeMap().RegisterType(&pgtype.Type{
				Name: "timestamp", OID: pgtype.TimestampOID, Codec: &pgtype.TimestampCodec{ScanLocation: location},
			})
			return nil
		}, nil
	}
	return nil, nil
}

// prepare returns what prepares new connections of a configuration, nil if nothing does.
func (c *config) prepare(config *pgx.ConnConfig) (afterConnect, error) {
	if !c.zones {
		return nil, nil
	}
	return readIn(config)
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
