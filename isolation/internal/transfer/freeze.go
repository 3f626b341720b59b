package transfer

import (
	"context"
	"errors"
	"strings"
	"time"
)

// frozenText is the error of the writers.
const frozenText = "gormtenant: the tenant is being moved, try again in a moment"

// FrozenCode is the SQLSTATE of that error on Postgres.
const FrozenCode = "GT001"

var (
	// ErrBusy is returned where somebody else freezes the tenant's rows at the place.
	ErrBusy = errors.New("gormtenant: the tenant is being moved by somebody else: wait for that to end")
	// ErrMoved is returned by Freeze where the place was left with Keep: the tenant is elsewhere.
	ErrMoved = errors.New("gormtenant: the tenant was moved away from here: what is left are rows for Remove")
	// ErrLost is returned by Hold and Keep where the freeze ended by itself, and the tenant may have written
	// since: copy again.
	ErrLost = errors.New("gormtenant: the freeze of the tenant's writes was lost: move it again")
	// ErrLeft is returned by Thaw where the tenant can write again, but triggers that do nothing could not
	// be dropped, because of transactions that read the tables. Plan.Thaw drops them later.
	ErrLeft = errors.New("gormtenant: triggers of the move are left, which do nothing: thaw again later")
)

// IsFrozen says whether err is that of a write while the tenant is moved, which may be tried again.
func IsFrozen(err error) bool {
	return err != nil && (code(err) == FrozenCode || strings.Contains(err.Error(), frozenText))
}

// lease is how long writes stay out after Hold.
const lease = 30 * time.Second

// Frozen is a place in which the tenant cannot write. It is not safe for concurrent use.
type Frozen struct{ freezer }

type freezer interface {
	hold(ctx context.Context) (time.Time, error)
	keep(ctx context.Context) error
	thaw(ctx context.Context) error
}

// Freeze keeps the tenant from writing at a place. When it returns, whoever wrote before has committed or
// not, and no later write succeeds: it fails with an error that [IsFrozen] knows. Others' writes are not
// held up, but for up to 0.1 s for each table, at each try, while a transaction is open that has written
// to it (and for deadlock_timeout and half a second while it is vacuumed). After 30 s of tries it fails.
//
// On Postgres it makes a function and triggers, and holds an advisory lock without which they do nothing;
// on SQLite triggers that look at a lease, renewed until Keep or Thaw. One of these must be called.
//
// The errors are [ErrBusy], [ErrMoved], and those of the database. After any error the tenant can write.
func (p *Plan) Freeze(ctx context.Context, from Place) (*Frozen, error) {
	_, kind, err := from.pool()
	if err != nil {
		return nil, err
	}
	var f freezer
	if kind == onPostgres {
		f, err = freezePostgres(ctx, p, from)
	} else {
		f, err = freezeSQLite(ctx, p, from)
	}
	if err != nil {
		return nil, err
	}
	return &Frozen{f}, nil
}

// Hold keeps writes out until the time that it returns, even if this process or its connection is lost: to
// be called before the directory is switched, which must be over by then. It returns [ErrLost] if the freeze
// has ended already. It may be called again to get more time.
func (f *Frozen) Hold(ctx context.Context) (until time.Time, err error) { return f.hold(ctx) }

// Keep keeps writes out for good, and ends what Freeze began: to be called after the directory was
// switched. Processes that do not know of that yet get the error of a frozen tenant. It waits for
// transactions that are open, and may be called again when ctx has ended before them.
func (f *Frozen) Keep(ctx context.Context) error { return f.keep(ctx) }

// Thaw lets the tenant write again, and removes what Freeze made. It goes on when ctx is cancelled. The
// error is [ErrLeft] if the tenant can write but triggers are left.
func (f *Frozen) Thaw(ctx context.Context) error { return f.thaw(ctx) }

// Thaw removes what a process that is gone has left of a freeze, in any state, and lets the tenant write
// again. It returns [ErrBusy] if that process is not gone.
func (p *Plan) Thaw(ctx context.Context, place Place) error {
	_, kind, err := place.pool()
	if err != nil {
		return err
	}
	if kind == onPostgres {
		return thawPostgres(ctx, p, place)
	}
	return thawSQLite(ctx, p, place)
}
