package tenanttest

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"gorm.io/gorm"
)

// txPool is what GORM's statements run on: the transactions of Run.
//
// On PostgreSQL an error ends a transaction, and what an attack did before its last statement
// failed could not be seen. So each statement gets a savepoint there.
type txPool struct {
	*transactions
	// inner is set within a transaction that GORM or a caller began: it stays where it is.
	inner      *transaction
	recorder   *recorder
	savepoints bool
}

// recorder keeps what was sent.
type recorder struct {
	sent  []statement
	depth int // of transactions
}

type statement struct {
	sql  string
	args []any
}

const statementSavepoint = "tenanttest_statement"

var (
	_ gorm.ConnPool         = (*txPool)(nil)
	_ gorm.ConnPoolBeginner = (*outerPool)(nil)
	_ gorm.Tx               = (*outerPool)(nil) // what GORM looks for before it prepares statements
	_ gorm.Tx               = (*innerPool)(nil)
)

// pick returns the place of a statement. Where the pool has none for ctx, nothing is sent.
func (p *txPool) pick(ctx context.Context, query string, args []any) (at *transaction, err error) {
	if at = p.inner; at == nil {
		at, err = p.at(ctx)
	}
	if err == nil {
		p.recorder.sent = append(p.recorder.sent, statement{query, args})
	}
	return at, err
}

// PrepareContext prepares a statement of the transaction.
func (p *txPool) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	at, err := p.pick(ctx, query, nil)
	if err != nil {
		return nil, err
	}
	return at.tx.PrepareContext(ctx, query)
}

// StmtContext returns a statement of the transaction.
func (p *txPool) StmtContext(ctx context.Context, stmt *sql.Stmt) *sql.Stmt {
	at, err := p.pick(ctx, "a prepared statement", nil)
	if err != nil {
		return stmt // PrepareContext returned the error before
	}
	return at.tx.StmtContext(ctx, stmt)
}

// ExecContext runs a statement.
func (p *txPool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	at, err := p.pick(ctx, query, args)
	if err != nil {
		return nil, err
	}
	if err := p.save(at, query); err != nil {
		return nil, err
	}
	result, err := at.tx.ExecContext(ctx, query, args...)
	if err != nil {
		at.takeBack()
	}
	return result, err
}

// QueryContext runs a query.
func (p *txPool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	at, err := p.pick(ctx, query, args)
	if err != nil {
		return nil, err
	}
	if err := p.save(at, query); err != nil {
		return nil, err
	}
	rows, err := at.tx.QueryContext(ctx, query, args...)
	if err != nil {
		at.takeBack()
	}
	return rows, err
}

// QueryRowContext runs a query for one row. Its error is seen by the statement after it, in settle.
func (p *txPool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	at, err := p.pick(ctx, query, args)
	if err != nil {
		return failedRow(err)
	}
	_ = p.save(at, query)
	return at.tx.QueryRowContext(ctx, query, args...)
}

// save makes the savepoint of a statement. Statements that are about savepoints get none: it would
// end with the one that they make.
func (p *txPool) save(at *transaction, query string) error {
	at.settle()
	word, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(query)), " ")
	if !p.savepoints || word == "SAVEPOINT" || word == "ROLLBACK" || word == "RELEASE" {
		return nil
	}
	err := at.exec("SAVEPOINT " + statementSavepoint)
	at.saved = err == nil
	return err
}

// outerPool is the pool of a *gorm.DB that is in no transaction, as far as it knows: those that it
// begins are savepoints.
type outerPool struct{ txPool }

// BeginTx begins a transaction within that of its place.
func (p *outerPool) BeginTx(ctx context.Context, _ *sql.TxOptions) (gorm.ConnPool, error) {
	at, err := p.pick(ctx, "BEGIN", nil)
	if err != nil {
		return nil, err
	}
	at.settle()
	p.recorder.depth++
	inner := &innerPool{txPool: p.txPool, name: fmt.Sprintf("tenanttest_tx_%d", p.recorder.depth)}
	inner.inner = at
	return inner, at.exec("SAVEPOINT " + inner.name)
}

// Commit is here for GORM to see that this pool stays on one connection.
func (p *outerPool) Commit() error { return gorm.ErrInvalidTransaction }

// Rollback is here for the same reason.
func (p *outerPool) Rollback() error { return gorm.ErrInvalidTransaction }

// innerPool is a transaction that GORM or a caller began.
type innerPool struct {
	txPool
	name string
}

// Commit ends the transaction and keeps what it did.
func (p *innerPool) Commit() error {
	p.inner.settle()
	p.recorder.depth--
	return p.inner.exec("RELEASE SAVEPOINT " + p.name)
}

// Rollback takes back what the transaction did.
func (p *innerPool) Rollback() error {
	p.inner.settle()
	p.recorder.depth--
	if err := p.inner.exec("ROLLBACK TO SAVEPOINT " + p.name); err != nil {
		return err
	}
	return p.inner.exec("RELEASE SAVEPOINT " + p.name)
}
