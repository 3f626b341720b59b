package quota

import (
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/prefix"
	"github.com/gormtenant/gormtenant/tenants"
)

// hold locks the tenant's row of the limit until the transaction ends, and returns how many rows of
// the model the tenant has.
//
// A statement of PostgreSQL counts in the state of the database at its start. If another create of
// the tenant has taken the lock since then, its rows are missing; the lock's version, which is read
// in that same state and again once it is locked, has grown by more than this statement's 1 then.
// Counting again is certain to be right: the lock is held, and every create before has ended.
func (l *limited) hold(db *gorm.DB, s *share) (count int64, err error) {
	args := slices.Clone(l.lock.args)
	args[lockKey], args[seenKey], args[countKey] = s.key, s.key, s.column
	var grown int64
	err = l.scan(db, l.lock.sql, args, &grown, &count)
	if err == nil && l.waits && grown != 1 {
		err = l.scan(db, l.lock.sql, args, &grown, &count)
	}
	return count, err
}

// scan runs a query of one row on the connection of the create. GORM's logger sees it as it sees
// the create.
func (l *limited) scan(db *gorm.DB, sql string, args []any, into ...any) error {
	stmt, begin := db.Statement, time.Now()
	err := stmt.ConnPool.QueryRowContext(stmt.Context, sql, args...).Scan(into...)
	db.Logger.Trace(stmt.Context, begin, func() (string, int64) {
		return db.Explain(sql, args...), 1
	}, err)
	if err == nil {
		return nil
	}
	hint := ""
	if isMissing(err) {
		hint = ": call quota.Migrate(db) when the application is deployed"
	}
	return prefix.Errorf("counting for the limit of %s: %w%s", l.name, err, hint)
}

// isMissing reports whether a database has not the table of the locks.
func isMissing(err error) bool {
	text := err.Error()
	return strings.Contains(text, Lock{}.TableName()) &&
		(strings.Contains(text, "no such table") || strings.Contains(text, "42P01"))
}

// checkAgain refuses an upsert that made more rows than there may be, now that it is done. One that
// made none passes, however many there are.
func (c *creation) checkAgain(db *gorm.DB) error {
	for _, s := range c.shares {
		args := slices.Clone(c.limited.count.args)
		args[0] = s.column
		var count int64
		if err := c.limited.scan(db, c.limited.count.sql, args, &count); err != nil {
			return err
		}
		if count > s.limit && count > s.before {
			if err := rollback(db); err != nil {
				return err
			}
			db.RowsAffected = 0
			return &tenants.LimitError{Name: c.limited.name, Limit: s.limit, Count: count}
		}
	}
	return nil
}
