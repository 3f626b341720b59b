// Package savepoint makes a *sql.DB of one transaction, for code that wants a pool: a migration
// library, GORM. Everything done with the pool is done in the transaction, and the pool's
// transactions are savepoints.
package savepoint
