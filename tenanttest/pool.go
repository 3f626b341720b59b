package tenanttest

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"gorm.io/gorm"
)

// txPool is what GORM's statements run on: the one transaction of Run.
//
// On PostgreSQL an error ends a transaction, and what an attack did before its last statement failed
// could not be seen. So each statement gets a savepoint there.
type txPool struct {
	tx         *sql.Tx
	recorder   *recorder
	savepoints bool
}

// recorder keeps what was sent.
type recorder struct {
	sent  []statement
	saved bool // the savepoint of the last statement still exists
	depth int  // of transactions
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

// PrepareContext prepares a statement of the transaction.
func (p *txPool) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	p.record(query, nil)
	return p.tx.PrepareContext(ctx, query)
}

// StmtContext returns a statement of the transaction.
func (p *txPool) StmtContext(ctx context.Context, stmt *sql.Stmt) *sql.Stmt {
	p.record("a prepared statement", nil)
	return p.tx.StmtContext(ctx, stmt)
}

// ExecContext runs a statement.
func (p *txPool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	p.record(query, args)
	if err := p.save(query); err != nil {
		return nil, err
	}
	result, err := p.tx.ExecContext(ctx, query, args...)
	if err != nil {
		p.takeBack()
	}
	return result, err
}

// QueryContext runs a query.
func (p *txPool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	p.record(query, args)
	if err := p.save(query); err != nil {
		return nil, err
	}
	rows, err := p.tx.QueryContext(ctx, query, args...)
	if err != nil {
		p.takeBack()
	}
	return rows, err
}

// QueryRowContext runs a query for one row. Its error is seen by the statement after it, in settle.
func (p *txPool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	p.record(query, args)
	_ = p.save(query)
	return p.tx.QueryRowContext(ctx, query, args...)
}

func (p *txPool) record(query string, args []any) {
	p.recorder.sent = append(p.recorder.sent, statement{query, args})
}

// save makes the savepoint of a statement. Statements that are about savepoints get none: it would
// end with the one that they make.
func (p *txPool) save(query string) error {
	p.settle()
	word, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(query)), " ")
	if !p.savepoints || word == "SAVEPOINT" || word == "ROLLBACK" || word == "RELEASE" {
		return nil
	}
	err := p.exec("SAVEPOINT " + statementSavepoint)
	p.recorder.saved = err == nil
	return err
}

// settle ends the savepoint of the last statement. Where that fails, an error came while its rows
// were read.
func (p *txPool) settle() {
	if p.recorder.saved {
		p.recorder.saved = false
		if p.exec("RELEASE SAVEPOINT "+statementSavepoint) != nil {
			_ = p.exec("ROLLBACK TO SAVEPOINT " + statementSavepoint)
		}
	}
}

// takeBack undoes a statement that failed.
func (p *txPool) takeBack() {
	if p.recorder.saved {
		p.recorder.saved = false
		_ = p.exec("ROLLBACK TO SAVEPOINT " + statementSavepoint)
	}
}

// exec sends what is not to be recorded. A context that was cancelled does not stop it.
func (p *txPool) exec(query string) error {
	_, err := p.tx.Exec(query)
	return err
}

// undo runs fn and takes back all that it did, also if it panics.
func (p *txPool) undo(fn func()) error {
	p.settle()
	if err := p.exec("SAVEPOINT tenanttest_attack"); err != nil {
		return err
	}
	var err error
	func() {
		defer func() {
			p.recorder.saved = false
			err = p.exec("ROLLBACK TO SAVEPOINT tenanttest_attack")
			if err == nil {
				err = p.exec("RELEASE SAVEPOINT tenanttest_attack")
			}
		}()
		fn()
	}()
	return err
}

// outerPool is the pool of a *gorm.DB that is in no transaction, as far as it knows: those that it
// begins are savepoints.
type outerPool struct{ txPool }

// BeginTx begins a transaction within the one of Run.
func (p *outerPool) BeginTx(context.Context, *sql.TxOptions) (gorm.ConnPool, error) {
	p.record("BEGIN", nil)
	p.settle()
	p.recorder.depth++
	name := fmt.Sprintf("tenanttest_tx_%d", p.recorder.depth)
	return &innerPool{txPool: p.txPool, name: name}, p.exec("SAVEPOINT " + name)
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
	p.settle()
	p.recorder.depth--
	return p.exec("RELEASE SAVEPOINT " + p.name)
}

// Rollback takes back what the transaction did.
func (p *innerPool) Rollback() error {
	p.settle()
	p.recorder.depth--
	if err := p.exec("ROLLBACK TO SAVEPOINT " + p.name); err != nil {
		return err
	}
	return p.exec("RELEASE SAVEPOINT " + p.name)
}
