// Package savepoint makes a *sql.DB of one transaction, for code that wants a pool: a library that
// migrates, GORM. All that is done on it is done in the transaction, and its transactions are
// savepoints.
package savepoint
