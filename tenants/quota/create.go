package quota

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/prefix"
	"github.com/gormtenant/gormtenant/tenants"
)

// Names of the callbacks.
const (
	// limitName finds out the limits of a create, before its transaction begins.
	limitName = "gormtenant:quota_limit"
	// checkName locks, counts and refuses, just before the INSERT.
	checkName = "gormtenant:quota_check"
	// settleName counts again after an upsert, and ends the transaction that checkName began.
	settleName = "gormtenant:quota_settle"
)

func (g *guard) register(db *gorm.DB) error {
	create := db.Callback().Create()
	// Without default transactions there is no such callback, and one before it would run last.
	begin := "gorm:begin_transaction"
	if create.Get(begin) == nil {
		begin = "gorm:before_create"
	}
	for _, c := range []struct {
		before, name string
		run          func(*gorm.DB)
	}{
		{begin, limitName, g.limit},
		// Not earlier: a hook, or an association that is saved first, can create rows of the same
		// model.
		{"gorm:create", checkName, g.check},
		{"gorm:save_after_associations", settleName, settle},
	} {
		if err := create.Before(c.before).Register(c.name, c.run); err != nil {
			return prefix.Errorf("registering callback %s: %w", c.name, err)
		}
	}
	return nil
}

// creation is a create of a limited model.
type creation struct {
	limited *limited
	shares  []*share
	// upsert says that rows of the statement can be there already.
	upsert bool
	// tell is told what goes past the limit, which is soft; nil where it refuses.
	tell func(ctx context.Context, use Use)
	// recount says that this decides whether there are too many.
	recount bool
	// tx is a transaction that was begun for the statement, and pool what it had before.
	tx   *gorm.DB
	pool gorm.ConnPool
}

// creationKey is the setting of a statement under which its creation is found. GORM copies settings
// to the statements of associations; those have keys of their own.
type creationKey struct{ stmt *gorm.Statement }

// limit finds out which limits hold for a create. It runs before the transaction begins, so that a
// directory on the same database finds a connection free.
func (g *guard) limit(db *gorm.DB) {
	stmt := db.Statement
	if db.Error != nil || db.DryRun || stmt.SQL.Len() > 0 || !stmt.ReflectValue.IsValid() {
		return
	}
	l := g.limitedOf(stmt)
	if l == nil {
		return
	}
	shares, err := g.shares(stmt, l)
	if err != nil {
		fail(db, l, err)
		return
	}
	if len(shares) > 0 {
		if err := refuseBatches(stmt); err != nil {
			fail(db, l, err)
			return
		}
		stmt.Settings.Store(creationKey{stmt}, &creation{limited: l, shares: shares})
	}
}

// check locks the tenant's rows against other creates, counts them and refuses one too many.
func (g *guard) check(db *gorm.DB) {
	found, ok := db.Statement.Settings.Load(creationKey{db.Statement})
	if !ok || db.Error != nil {
		return
	}
	c := found.(*creation)
	c.upsert, c.tell = mayAddLess(db.Statement), g.soft[c.limited.name]
	if err := c.check(db, g.recounts); err != nil {
		fail(db, c.limited, err)
	}
}

func (c *creation) check(db *gorm.DB, recounts *recounts) error {
	if err := c.begin(db); err != nil {
		return err
	}
	for _, s := range c.shares {
		now := time.Now()
		if err := c.limited.hold(db, s, now); err != nil {
			return err
		}
		recounts.check(db.Statement.Context, c.limited, s, now)
		if s.before+s.rows <= s.limit || c.tell != nil {
			continue
		}
		if !c.upsert {
			return &tenants.LimitError{
				Name: c.limited.name, Limit: s.limit, Count: s.before + s.rows,
			}
		}
		c.recount = true
	}
	if c.recount {
		return savepoint(db)
	}
	return nil
}

// settle ends what check began.
func settle(db *gorm.DB) {
	found, ok := db.Statement.Settings.LoadAndDelete(creationKey{db.Statement})
	if !ok {
		return
	}
	c := found.(*creation)
	if c.recount && db.Error == nil && db.RowsAffected > 0 {
		if err := c.checkAgain(db); err != nil {
			fail(db, c.limited, err)
		}
	}
	c.end(db)
	if c.tell != nil && db.Error == nil && db.RowsAffected > 0 {
		for _, s := range c.shares {
			if used := s.before + s.rows; used > s.limit {
				c.tell(db.Statement.Context, Use{c.limited.name, used, s.limit})
			}
		}
	}
}

// mayAddLess reports whether stmt can add less rows than it was given: an upsert, or one that skips
// rows.
func mayAddLess(stmt *gorm.Statement) bool {
	insert, _ := stmt.Clauses["INSERT"].Expression.(clause.Insert)
	_, upsert := stmt.Clauses["ON CONFLICT"]
	return upsert || insert.Modifier != ""
}

// fail makes the create fail. A LimitError is left as it is: it is for users.
func fail(db *gorm.DB, l *limited, err error) {
	if !errors.Is(err, tenants.ErrLimit) {
		err = &gormtenant.Error{Op: "create", Table: l.schema.Table, Err: err}
	}
	_ = db.AddError(err)
}
