package quota

import (
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/prefix"
	"github.com/gormtenant/gormtenant/tenants"
)

// hold locks the tenant until the transaction ends, and finds out how many rows of the model it has
// and may have with those that are to be created.
//
// A statement of PostgreSQL counts in the state of the database at its start. If another create of
// the tenant has taken the lock since then, its rows are missing; then the counter of the other
// tells, and where that is beyond the limit everything is counted again, which is certain to be
// right: the lock is held, and every create before has ended.
func (l *limited) hold(db *gorm.DB, s *share, now time.Time) error {
	if l.apart != nil {
		return l.holdApart(db, s, now)
	}
	v := s.values(now)
	held, err := l.lock(db, l.texts.hold.with(v))
	if err != nil {
		return err
	}
	s.countedAt = held.countedAt
	if held.used != nil {
		s.before = *held.used - s.rows
		s.exact = held.grown == 1 && s.before <= exactRows
		if s.exact || s.before+s.rows <= s.limit {
			return nil
		}
	}
	if err := l.scan(db, l.texts.settle, v, &s.before); err != nil {
		return err
	}
	s.before, s.exact = s.before-s.rows, true
	return nil
}

// held is a row of the locks after it was taken.
type held struct {
	grown     int64 // by how much its version is above that at the start of the statement
	used      *int64
	countedAt int64
}

// lock runs the text hold.
func (l *limited) lock(db *gorm.DB, args []any) (h held, err error) {
	defer l.trace(db, l.texts.hold.sql, args, time.Now(), &err)
	rows, err := db.Statement.ConnPool.QueryContext(db.Statement.Context, l.texts.hold.sql, args...)
	if err != nil {
		return h, l.wrap(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() { // the tenant's own row, and that of the limit, in any order
		var name string
		var row held
		if err := rows.Scan(&name, &row.used, &row.countedAt, &row.grown); err != nil {
			return h, l.wrap(err)
		}
		if name == l.name {
			h = row
		}
	}
	if err := rows.Err(); err != nil {
		return h, l.wrap(err)
	}
	return h, nil
}

// scan runs a query of one row on the connection of the create.
func (l *limited) scan(db *gorm.DB, t text, v values, into ...any) (err error) {
	args := t.with(v)
	defer l.trace(db, t.sql, args, time.Now(), &err)
	return l.wrap(db.Statement.ConnPool.QueryRowContext(db.Statement.Context, t.sql, args...).
		Scan(into...))
}

// trace shows a statement to GORM's logger, as it sees the create.
func (l *limited) trace(db *gorm.DB, sql string, args []any, begin time.Time, err *error) {
	db.Logger.Trace(db.Statement.Context, begin, func() (string, int64) {
		return db.Explain(sql, args...), 1
	}, *err)
}

// wrap says what failed, and what to do where the table is missing.
func (l *limited) wrap(err error) error {
	if err == nil {
		return nil
	}
	hint := ""
	if isMissing(err) {
		hint = ": call quota.Migrate(db) when the application is deployed"
	}
	return prefix.Errorf("counting for the limit of %s: %w%s", l.name, err, hint)
}

// isMissing reports whether a database has not the table of the locks, or not all of its columns.
func isMissing(err error) bool {
	text := err.Error()
	for _, says := range []string{
		"no such table", "no such column", "no column",
		"42P01", "42703",
	} {
		if strings.Contains(text, says) {
			return strings.Contains(text, Lock{}.TableName()) || strings.Contains(text, "held.")
		}
	}
	return false
}

// checkAgain refuses an upsert that made more rows than there may be, now that it is done. One that
// made none passes, however many there are.
func (c *creation) checkAgain(db *gorm.DB) error {
	for _, s := range c.shares {
		var count int64
		if err := c.limited.scan(db, c.limited.count, s.values(time.Time{}), &count); err != nil {
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
