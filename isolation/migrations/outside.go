package migrations

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// ErrOutside is returned by [Apply] in a transaction of the caller's, if the next step of the list
// has to run outside of one. What is before it was applied: commit, and call Apply or [Outside] on
// the connection.
var ErrOutside = errors.New("gormtenant: the next migration runs outside of a transaction")

func outsideOf(m Migration) error { return fmt.Errorf("%w: %q", ErrOutside, m.Version) }

// isTransaction reports whether db is in a transaction of its caller's.
func isTransaction(db *gorm.DB) bool {
	_, ok := db.Statement.ConnPool.(gorm.TxCommitter)
	return ok
}

// Outside runs the next step of the list in the place of db, if that is one with
// Migration.Outside, and records it. It returns its version, "" if there was nothing to do. db is a
// pool, or a connection of one (gorm.DB.Connection), in no transaction. [Apply] calls it; a caller
// of Apply in a transaction calls it after [ErrOutside].
//
// Two calls for the same place wait for each other. They ask again and again rather than wait for a
// lock in a statement: CREATE INDEX CONCURRENTLY waits for every statement that has begun before.
func Outside(ctx context.Context, db *gorm.DB, list []Migration) (version string, err error) {
	session := db.Session(&gorm.Session{
		NewDB: true, Context: ctx, SkipDefaultTransaction: true, PrepareStmt: false,
	})
	run := func(conn *gorm.DB) (err error) {
		version, err = outside(ctx, conn, list)
		return err
	}
	if _, ok := session.Statement.ConnPool.(interface{ Raw(func(any) error) error }); ok {
		return version, run(session) // a *sql.Conn
	}
	err = session.Connection(run)
	return version, err
}

// outside is Outside on one connection.
func outside(ctx context.Context, conn *gorm.DB, list []Migration) (_ string, err error) {
	p, err := placeOf(ctx, conn)
	if err != nil {
		return "", err
	}
	unlock, err := p.lockOutside(ctx)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	has, err := p.versions(ctx)
	if err != nil {
		return "", err
	}
	todo, err := pending(list, has)
	if err != nil || len(todo) == 0 || !todo[0].Outside {
		return "", err
	}
	m := todo[0]
	if err := m.Up(ctx, conn); err != nil {
		return "", fmt.Errorf("gormtenant: migration %q: %w", m.Version, err)
	}
	if err := p.record(ctx, m.Version); err != nil {
		return "", fmt.Errorf("gormtenant: migration %q was run, and could not be recorded: %w",
			m.Version, err)
	}
	return m.Version, nil
}

// pause is how long a process waits before it asks for a lock again.
const pause = 50 * time.Millisecond

// lockOutside waits until no other process runs a step outside of a transaction in the place. On
// SQLite the lock of the file is all there is, and lasts for a statement.
func (p *place) lockOutside(ctx context.Context) (unlock func() error, err error) {
	if !p.postgres {
		return func() error { return nil }, nil
	}
	const key = "(hashtextextended('" + tableName + " outside ' || $1, 0))"
	for {
		var locked bool
		err := p.pool.QueryRowContext(ctx, "SELECT pg_try_advisory_lock"+key, p.schema).
			Scan(&locked)
		switch {
		case err != nil:
			return nil, err
		case locked:
			return func() error {
				_, err := p.pool.ExecContext(context.WithoutCancel(ctx),
					"SELECT pg_advisory_unlock"+key, p.schema)
				return err
			}, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}
