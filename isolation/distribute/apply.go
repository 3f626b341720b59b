package distribute

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"
)

// lockKey is the key of the advisory lock that Apply holds, so that there is one at a time. The
// number is arbitrary.
const lockKey = 0x676f726d74656f

// mostBytes is how large a table may be for Apply to write it anew: more takes longer than a
// program should hold the locks for.
const mostBytes = 64 << 20

// ErrLarge is what Apply returns for tables that are too large to be written anew by a program that
// starts: more than 64 MB. Its text has the statements to run, when that suits.
var ErrLarge = errors.New("table is too large")

// Apply runs [Statements], passing over what is done. It may be called at every deployment, and by
// several processes at once: one of them works, the others wait. db is opened as the owner of the
// tables, and is in no transaction.
//
// For [HashPartitions] all of it is one transaction: an Apply that fails or is killed has changed
// nothing. For [Citus] each statement stands by itself, and an Apply that was killed between any
// two is completed by the next one; the foreign keys that are away meanwhile are in the table
// gormtenant_foreign_keys.
//
// A table of more than 64 MB that would have to be written anew, to get partitions or another
// primary key, is an [ErrLarge], and nothing is changed. Rows that refer to another tenant's rows
// are an error that names the foreign key.
func Apply(ctx context.Context, db *gorm.DB, to Target, models ...any) error {
	p, err := newPlan(db, to, models)
	if err != nil {
		return err
	}
	if _, inside := db.Statement.ConnPool.(gorm.TxCommitter); inside {
		return errors.New("gormtenant: distribute.Apply begins its own transactions: " +
			"call it outside of one")
	}
	return p.db.WithContext(ctx).Connection(func(tx *gorm.DB) (err error) {
		conn, ok := tx.Statement.ConnPool.(*sql.Conn)
		if !ok {
			return fmt.Errorf("gormtenant: distribute.Apply needs a *gorm.DB on a pool of "+
				"database/sql, and not on a %T", tx.Statement.ConnPool)
		}
		p.db = tx
		if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", lockKey); err != nil {
			return fmt.Errorf("gormtenant: distribute: waiting for another Apply: %w", err)
		}
		defer func() {
			_, unlock := conn.ExecContext(context.WithoutCancel(ctx),
				"SELECT pg_advisory_unlock($1)", lockKey)
			if err == nil && unlock != nil {
				err = fmt.Errorf("gormtenant: distribute: unlocking: %w", unlock)
			}
		}()
		return p.apply(ctx, conn)
	})
}

func (p *plan) apply(ctx context.Context, conn *sql.Conn) error {
	if err := p.read(ctx); err != nil {
		return err
	}
	if err := p.allowed(true); err != nil {
		return err
	}
	s, err := p.script()
	if err != nil {
		return err
	}
	if err := p.small(s); err != nil {
		return err
	}
	if !p.to.citus {
		return within(ctx, conn, s.all())
	}
	if len(s.before) > 0 {
		if err := within(ctx, conn, s.before); err != nil {
			return err
		}
		return p.apply(ctx, conn) // as it is now
	}
	if err := p.takeKeys(ctx, conn, s.drops); err != nil {
		return err
	}
	for _, statement := range s.spread[len(s.drops):] {
		if err := run(ctx, conn, statement); err != nil {
			return err
		}
	}
	return p.giveKeys(ctx, conn)
}

// within runs statements in one transaction.
func within(ctx context.Context, conn *sql.Conn, statements []string) error {
	if len(statements) == 0 {
		return nil
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("gormtenant: distribute: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // of what was not committed
	for _, statement := range statements {
		if err := run(ctx, tx, statement); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("gormtenant: distribute: %w", err)
	}
	return nil
}

// small returns an ErrLarge for tables that are not.
func (p *plan) small(s script) error {
	if p.to.citus && len(s.before) == 0 {
		return nil // Citus copies rows while others read and write
	}
	var large []string
	for _, t := range p.left() {
		if t.stored.Size > mostBytes {
			large = append(large, fmt.Sprintf("%s has %d MB", t.name, t.stored.Size>>20))
		}
	}
	if len(large) == 0 {
		return nil
	}
	how := "in one transaction"
	if p.to.citus {
		how = "one after the other"
	}
	return fmt.Errorf("gormtenant: distribute: %w: %s, and would be written anew: run these "+
		"statements %s, when nobody writes:\n%s;", ErrLarge, strings.Join(large, ", "), how,
		strings.Join(s.all(), ";\n"))
}
