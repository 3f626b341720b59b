package tenanttest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"

	"github.com/gormtenant/gormtenant"
)

// transactions are those in which everything happens: one for all where the tenants share tables,
// one for each tenant where each has tables of its own, and one for nobody if the pool has a place
// for nobody.
type transactions struct {
	pool *sql.DB
	open []*transaction
	// one says that all is in the first of open.
	one bool
}

// transaction is one transaction.
type transaction struct {
	tx *sql.Tx
	//nolint:containedctx // Of whom it is: the pool refuses the contexts of others.
	ctx   context.Context
	whose []string // the tenants whose statements it takes
	saved bool     // the savepoint of the last statement still exists
}

// whose names the tenant of a context, "" is nobody.
func whose(ctx context.Context) string {
	if id, ok := gormtenant.FromContext(ctx); ok {
		return fmt.Sprintf("%T %v", id, id)
	}
	return ""
}

// at returns the place of ctx, and begins its transaction if there is none.
func (p *transactions) at(ctx context.Context) (*transaction, error) {
	if p.one && len(p.open) > 0 {
		return p.open[0], nil
	}
	name := whose(ctx)
	for _, at := range p.open {
		if slices.Contains(at.whose, name) {
			return at, nil
		}
	}
	ctx = context.WithoutCancel(ctx) // one that ends would end the transaction
	tx, err := p.pool.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	at := &transaction{tx: tx, ctx: ctx, whose: []string{name}}
	p.open = append(p.open, at)
	return at, nil
}

// exec sends what is not to be recorded. A context that was cancelled does not stop it.
func (at *transaction) exec(query string) error {
	_, err := at.tx.ExecContext(at.ctx, query)
	return err
}

// mark is a point to which all places can go back.
type mark struct {
	*transactions
	name string
	open []*transaction // those that there were
}

// mark makes such a point.
func (p *transactions) mark(name string) (mark, error) {
	m := mark{transactions: p, name: name, open: p.open[:len(p.open):len(p.open)]}
	p.settle()
	for _, at := range m.open {
		if err := at.exec("SAVEPOINT " + name); err != nil {
			return m, err
		}
	}
	return m, nil
}

// back takes back all that was done since. Places that were begun since are ended.
func (m mark) back() error {
	var errs []error
	for _, at := range m.open {
		at.saved = false
		errs = append(errs, at.exec("ROLLBACK TO SAVEPOINT "+m.name))
	}
	for _, at := range m.transactions.open[len(m.open):] {
		errs = append(errs, at.tx.Rollback())
	}
	m.transactions.open = m.open
	return errors.Join(errs...)
}

// release forgets the point.
func (m mark) release() error {
	var errs []error
	for _, at := range m.open {
		errs = append(errs, at.exec("RELEASE SAVEPOINT "+m.name))
	}
	return errors.Join(errs...)
}

// settle ends the savepoints of the last statements.
func (p *transactions) settle() {
	for _, at := range p.open {
		at.settle()
	}
}

// settle ends the savepoint of the last statement. Where that fails, an error came while its rows
// were read.
func (at *transaction) settle() {
	if at.saved {
		at.saved = false
		if at.exec("RELEASE SAVEPOINT "+statementSavepoint) != nil {
			_ = at.exec("ROLLBACK TO SAVEPOINT " + statementSavepoint)
		}
	}
}

// takeBack undoes a statement that failed.
func (at *transaction) takeBack() {
	if at.saved {
		at.saved = false
		_ = at.exec("ROLLBACK TO SAVEPOINT " + statementSavepoint)
	}
}

// undo runs fn and takes back all that it did, also if it panics.
func (p *transactions) undo(fn func()) error {
	before, err := p.mark("tenanttest_attack")
	if err != nil {
		return err
	}
	func() {
		defer func() {
			if err = before.back(); err == nil {
				err = before.release()
			}
		}()
		fn()
	}()
	return err
}

// end takes back all that was done.
func (p *transactions) end() error {
	var errs []error
	for _, at := range p.open {
		errs = append(errs, at.tx.Rollback())
	}
	p.open = nil
	return errors.Join(errs...)
}

// failedRow is a row that could not be asked for.
func failedRow(err error) *sql.Row {
	db := sql.OpenDB(failing{err})
	defer func() { _ = db.Close() }()
	return db.QueryRow("")
}

// failing opens no connections.
type failing struct{ err error }

func (f failing) Connect(context.Context) (driver.Conn, error) { return nil, f.err }
func (f failing) Driver() driver.Driver                        { return nil }
