package rls

// citusPropagates is the run-time parameter of Citus that makes SET LOCAL reach its workers
// (https://docs.citusdata.com/en/stable/develop/api_guc.html).
const citusPropagates = "citus.propagate_set_commands"

// Citus is for a coordinator of Citus, whose workers hold the policies of their shards. set_config
// does not reach the workers, nor does SET LOCAL where no transaction was begun, so a statement
// outside a transaction is sent, still in one round trip, as
//
//	BEGIN; SET LOCAL app.tenant_id = 'acme'; SELECT ...; COMMIT
//
// A statement that fails takes a second one, for ROLLBACK. The connection is opened with
// citus.propagate_set_commands = local. A pooler has to let that through: for PgBouncer, name it in
// track_extra_parameters, or in ignore_startup_parameters after
//
//	ALTER ROLE app SET citus.propagate_set_commands = 'local'
//
// Transactions are begun with BeginTx (in GORM: Transaction, Begin); BEGIN sent as SQL is refused.
func Citus() Option {
	return setter(func(c *config) error {
		c.citus = true
		return nil
	})
}
