package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/option"
	"github.com/gormtenant/gormtenant/tenants"
)

// Store is a directory of tenants in a database. It is safe for concurrent use, as its *gorm.DB is.
type Store struct {
	db       *gorm.DB
	plans    tenants.Plans
	reserved reserved
	ids      []IDForm // nil for any
	hooks    hooks
	rest     time.Duration
	verify   verifyFunc       // nil: domains are believed
	clock    func() time.Time // it may stand still and go back: UpdatedAt grows in any case
}

var _ tenants.Directory = (*Store)(nil)

// Option changes what [New] makes.
type Option interface {
	apply(s *Store) error
}

type optionFunc func(s *Store) error

func (o optionFunc) apply(s *Store) error { return o(s) }

// Plans are those that a tenant may have. Defaults to tenants.DefaultPlans().
func Plans(plans tenants.Plans) Option {
	return optionFunc(func(s *Store) error {
		if len(plans) == 0 {
			return errors.New("gormtenant: store.Plans needs a plan at least: without any no " +
				"tenant could be created")
		}
		s.plans = maps.Clone(plans)
		return nil
	})
}

// Reserved adds names that no tenant may take to those that are reserved always, such as www, api
// and admin. A name without a dot cannot be the slug or the ID of a tenant. One with a dot, such as
// the application's own example.com, cannot be a tenant's domain, nor can anything below it.
func Reserved(names ...string) Option {
	return optionFunc(func(s *Store) error {
		for _, name := range names {
			if err := s.reserved.add(name); err != nil {
				return err
			}
		}
		return nil
	})
}

// Rest is how long a slug or a domain that a tenant has given up stays out of the reach of others:
// old links and tokens that hold it lead nowhere meanwhile, and only then to whoever takes it. The
// tenant that had it may take it back at any time. Defaults to 30 days. 0 lets others have it at
// once.
func Rest(rest time.Duration) Option {
	return optionFunc(func(s *Store) error {
		if rest < 0 {
			return fmt.Errorf("gormtenant: store.Rest(%v): use 0 or more", rest)
		}
		s.rest = rest
		return nil
	})
}

// restsBy is what Rest defaults to: longer than a session, and than most people's holidays.
const restsBy = 30 * 24 * time.Hour

// New returns the store in the database of db, which is SQLite or Postgres. Its tables have to be
// there: see [Store.Migrate].
//
// db may be a transaction: then the store lives as long, and its changes are made, and told to
// others, when the transaction commits. A call that fails undoes what it did, and nothing else.
func New(db *gorm.DB, options ...Option) (*Store, error) {
	if db == nil || db.Dialector == nil {
		return nil, errors.New("gormtenant: store.New needs a *gorm.DB, as gorm.Open returns it")
	}
	if name := db.Name(); name != sqlite && name != postgres {
		return nil, fmt.Errorf("gormtenant: store.New: the database is %s: a store is kept on "+
			"Postgres or on SQLite", name)
	}
	s := &Store{
		db: db, plans: tenants.DefaultPlans(), reserved: reservedAlways(), rest: restsBy,
		clock: time.Now,
	}
	err := option.Apply("store.New", options, func(o Option) error { return o.apply(s) })
	if err != nil {
		return nil, err
	}
	if !s.hooks.none() && isTransaction(db) {
		return nil, errors.New("gormtenant: store.New: hooks run after the commit, of which a " +
			"store in a transaction hears nothing: leave OnCreated, OnChanged and OnClosed out")
	}
	return s, nil
}

// The names of the dialects, as GORM gives them.
const (
	sqlite   = "sqlite"
	postgres = "postgres"
)

// session returns a *gorm.DB for the statements of a call.
func (s *Store) session(ctx context.Context) *gorm.DB {
	db := s.db.Session(&gorm.Session{
		NewDB: true, Context: s.nobody(ctx), SkipDefaultTransaction: true,
	})
	// A failed call in the application's transaction is undone by a savepoint.
	db.DisableNestedTransaction = false
	// For dbresolver: a replica may lag behind, and what was read from it just after a change would
	// stay in the caches. The setting is that of dbresolver.Write, which this package need not
	// link.
	return db.Set("gorm:db_resolver:write", struct{}{}).Session(&gorm.Session{})
}

// nobody returns a context without a tenant and without Unscoped: under isolation/rls the latter
// would go to another role, and where there is none it would fail. Only in a transaction that was
// begun under Unscoped, and with that role, everything has to stay there.
func (s *Store) nobody(ctx context.Context) context.Context {
	if tx, ok := s.db.Statement.ConnPool.(gorm.TxCommitter); ok && tx != nil {
		if reason, unscoped, _ := gormtenant.UnscopedReason(s.db.Statement.Context); unscoped {
			return gormtenant.Unscoped(ctx, reason)
		}
	}
	return gormtenant.WithTenant(ctx, nil)
}

// stamp returns the time, in what both databases keep of it. It is after last.
func (s *Store) stamp(last time.Time) time.Time {
	now := kept(s.clock())
	if !now.After(last) {
		return last.Add(time.Microsecond)
	}
	return now
}

// kept is what both databases keep of a time: Postgres has microseconds.
func kept(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func keptIfAny(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	at := kept(*t)
	return &at
}
