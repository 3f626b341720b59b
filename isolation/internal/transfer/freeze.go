package transfer

import (
	"context"
	"errors"
	"strings"
	"time"
)

// frozenText is the error of the writers.
const frozenText = "gormtenant: the tenant is being moved, try again in a moment"

// movedText is the error of those who write at a place that the tenant has left.
const movedText = "gormtenant: the tenant has moved: look up where it is, and write there"

// FrozenCode is the SQLSTATE of both errors on Postgres.
const FrozenCode = "GT001"

var (
	// ErrBusy is returned while another process or call freezes the tenant's rows at the place.
	ErrBusy = errors.New("gormtenant: another move of the tenant is under way: " +
		"wait for its end")
	// ErrMoved is returned by Freeze at a place that was left with Keep: the tenant lives
	// elsewhere.
	ErrMoved = errors.New("gormtenant: the tenant was moved away from here, " +
		"and its old rows wait for Remove")
	// ErrLost is returned by Hold and Keep if the freeze has ended by itself. The tenant may have
	// written since, so copy again.
	ErrLost = errors.New("gormtenant: the freeze of the tenant's writes was lost: move it again")
	// ErrLeft is returned by Thaw if the tenant can write again, but triggers without effect could
	// not be dropped because of transactions that read the tables. Plan.Thaw drops them later.
	ErrLeft = errors.New("gormtenant: triggers of the move without effect are left: " +
		"thaw again later")
)

// IsFrozen reports whether err is the error of a write while the tenant is moved, or at a place
// that it has left. It may be tried again where the tenant is.
func IsFrozen(err error) bool {
	return err != nil && (code(err) == FrozenCode || strings.Contains(err.Error(), frozenText) ||
		strings.Contains(err.Error(), movedText))
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

// Freeze blocks the tenant's writes at a place. When it returns, every earlier writer has committed
// or rolled back, and later writes fail with an error for which [IsFrozen] returns true. Writes of
// others go on, except that each try to lock a table delays them by up to 0.1 s while a transaction
// that has written to it is open, and by up to deadlock_timeout and half a second while it is
// vacuumed. After 30 s of tries Freeze fails.
//
// On Postgres it creates a function and triggers, which have no effect without an advisory lock
// that it holds. On SQLite it creates triggers that check a lease, which is renewed until Keep or
// Thaw. One of these two must be called.
//
// The errors are [ErrBusy], [ErrMoved], and those of the database. After any error the tenant can
// write.
func (p *Plan) Freeze(ctx context.Context, from Location) (*Frozen, error) {
	_, dialect, err := from.pool()
	if err != nil {
		return nil, err
	}
	var f freezer
	if dialect == onPostgres {
		f, err = freezePostgres(ctx, p, from)
	} else {
		f, err = freezeSQLite(ctx, p, from)
	}
	if err != nil {
		return nil, err
	}
	return &Frozen{f}, nil
}

// Hold keeps writes blocked until the time that it returns, even if this process or its connection
// is lost. Call it before the directory is switched, which must be done by then. It returns
// [ErrLost] if the freeze has ended. Call it again for more time.
func (f *Frozen) Hold(ctx context.Context) (until time.Time, err error) { return f.hold(ctx) }

// Keep blocks the tenant's writes for ever, and ends the freeze. Call it after the directory was
// switched. Processes that have not heard of that get an error that says so, for which [IsFrozen]
// returns true. On Postgres, statements of others in shared tables pass over the rows that were
// left: with policies of gormtenant those for which the tenant is not set, without them those that
// change any row but the tenant's. On SQLite they fail as the tenant's do, until Remove.
// Keep waits for open transactions, and may be called again if ctx ended before they did.
func (f *Frozen) Keep(ctx context.Context) error { return f.keep(ctx) }

// Thaw lets the tenant write again, and removes what Freeze created. It goes on when ctx is
// cancelled. The error is [ErrLeft] if the tenant can write but triggers are left.
func (f *Frozen) Thaw(ctx context.Context) error { return f.thaw(ctx) }

// Thaw removes what a process that died has left of a freeze, in any state, and lets the tenant
// write again. It returns [ErrBusy] if that process lives.
func (p *Plan) Thaw(ctx context.Context, loc Location) error {
	_, dialect, err := loc.pool()
	if err != nil {
		return err
	}
	if dialect == onPostgres {
		return thawPostgres(ctx, p, loc)
	}
	return thawSQLite(ctx, p, loc)
}
