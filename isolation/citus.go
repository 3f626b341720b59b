package isolation

import (
	"context"
	"errors"

	"github.com/gormtenant/gormtenant/internal/prefix"
	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
)

// errCitus is returned for shared tables that Citus has distributed: it takes no triggers that
// would follow a tenant's writes, and has a way of its own to give a tenant a machine.
var errCitus = errors.New("the shared tables are distributed by Citus: distribute.Isolate gives " +
	"the " +
	"tenant a shard of its own there, and citus_move_shard_placement takes that to a machine of " +
	"its own")

// refuseCitus refuses shared tables on Citus. Which tables are distributed is in the catalog of the
// extension (https://docs.citusdata.com/en/stable/develop/api_metadata.html).
func refuseCitus(ctx context.Context, at transfer.Location) error {
	if !at.Shared || at.DB.Name() != "postgres" {
		return nil
	}
	pool, err := at.DB.DB()
	if err != nil {
		return prefix.Errorf("the connections of a place: %w", err)
	}
	var found bool
	err = pool.QueryRowContext(ctx, "SELECT to_regclass('pg_dist_partition') IS NOT NULL").
		Scan(&found)
	if err == nil && found {
		err = pool.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_dist_partition "+
			"WHERE partmethod = 'h' AND pg_table_is_visible(logicalrelid::oid))").Scan(&found)
	}
	switch {
	case err != nil:
		return prefix.Errorf("looking for tables of Citus: %w", err)
	case found:
		return errCitus
	}
	return nil
}
