package rls

import (
	"errors"

	"github.com/jackc/pgx/v5"
)

// citusPropagates is the run-time parameter of Citus that makes SET LOCAL reach its workers
// (https://docs.citusdata.com/en/stable/develop/api_guc.html).
const citusPropagates = "citus.propagate_set_commands"

// Citus is for a coordinator of Citus, whose workers hold the policies of their shards. set_config
// does not reach the workers, nor does SET LOCAL where no transaction was begun, and the text of a
// message with a SET LOCAL in it reaches them whole. So BEGIN, SET LOCAL app.tenant_id = 'acme',
// the statement and COMMIT are each a message of its own, still in one round trip. A statement that
// fails takes a second one, for ROLLBACK.
//
// Several commands in one text are refused, and so is a configuration with
// default_query_exec_mode=simple_protocol. Transactions are begun with BeginTx (in GORM:
// Transaction, Begin); BEGIN sent as SQL is refused.
//
// The connection is opened with citus.propagate_set_commands = local. A pooler has to let that
// through: for PgBouncer, name it in track_extra_parameters, or in ignore_startup_parameters after
//
//	ALTER ROLE app SET citus.propagate_set_commands = 'local'
//
// Given to [Enable] and [Statements], it makes policies without FORCE, with which Citus could not
// move a shard while it is written to; the role of the application must not own the tables then.
// Given to [Check] it makes that look for this, and for what Citus needs besides.
func Citus() Option {
	return setter(func(c *config) error {
		c.citus = true
		return nil
	})
}

var errSimple = errors.New("gormtenant: rls.Citus needs the extended protocol: take " +
	"default_query_exec_mode=simple_protocol out of the DSN")

// checkMode refuses a configuration with which Citus would run statements twice.
func (c *config) checkMode(given *pgx.ConnConfig) error {
	if c.citus && given.DefaultQueryExecMode == pgx.QueryExecModeSimpleProtocol {
		return errSimple
	}
	return nil
}
