package pgsession

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// AfterConnect prepares a new connection of pgx.
type AfterConnect = func(ctx context.Context, conn *pgx.Conn) error

// ReadIn returns what makes connections read values of the type timestamp as times in the zone that
// their configuration names as TimeZone, as those of postgres.Open do: nil if it names no zone.
func ReadIn(config *pgx.ConnConfig) (AfterConnect, error) {
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
				Name: "timestamp", OID: pgtype.TimestampOID,
				Codec: &pgtype.TimestampCodec{ScanLocation: location},
			})
			return nil
		}, nil
	}
	return nil, nil
}
