package savepoint

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
)

// point is a transaction of the pool: a savepoint.
type point struct {
	*connector
	ctx  context.Context // of its begin, for the end that driver.Tx has no context for
	name string
	// ended is how it was ended together with a transaction that was begun before it.
	ended end
}

type end int

const (
	open end = iota
	committed
	rolledBack
)

// Begin begins a transaction of the pool.
func (c conn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

// BeginTx begins a transaction of the pool.
func (c conn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	if options.Isolation != 0 || options.ReadOnly {
		return nil, errors.New(
			"gormtenant: a transaction inside another has its isolation level, and is as " +
				"read-only as it")
	}
	if err := c.lock(ctx); err != nil {
		return nil, err
	}
	defer c.unlock()
	c.count++
	p := &point{
		c.connector, context.WithoutCancel(ctx), fmt.Sprintf("gormtenant_%d", c.count),
		open,
	}
	if err := c.do(ctx, "SAVEPOINT "+p.name); err != nil {
		return nil, err
	}
	c.points = append(c.points, p)
	return p, nil
}

// Commit releases the savepoint. If that fails, everything since the savepoint is rolled back.
func (p *point) Commit() error {
	return p.finish(committed, func() error {
		err := p.do(p.ctx, "RELEASE SAVEPOINT "+p.name)
		if err != nil {
			return errors.Join(err, p.rollBack())
		}
		return nil
	})
}

// Rollback undoes everything since the savepoint.
func (p *point) Rollback() error { return p.finish(rolledBack, p.rollBack) }

func (p *point) rollBack() error {
	if err := p.do(p.ctx, "ROLLBACK TO SAVEPOINT "+p.name); err != nil {
		return err
	}
	return p.do(p.ctx, "RELEASE SAVEPOINT "+p.name)
}

func (p *point) finish(how end, run func() error) error {
	if err := p.lock(p.ctx); err != nil {
		return err
	}
	defer p.unlock()
	switch p.ended {
	case how:
		return nil // the outer one has done it
	case committed:
		return errors.New(
			"gormtenant: the transaction can no longer be rolled back: one that was begun before " +
				"it was committed")
	case rolledBack:
		return errors.New(
			"gormtenant: the transaction was rolled back, with one that was begun before it")
	case open:
	}
	err := run()
	if err != nil {
		how = rolledBack
	}
	at := slices.Index(p.points, p)
	for _, inner := range p.points[at:] {
		inner.ended = how
	}
	p.points = p.points[:at]
	return err
}

// do executes a statement of the pool's own.
func (c *connector) do(ctx context.Context, statement string) error {
	_, err := c.tx.ExecContext(ctx, statement)
	return err
}
