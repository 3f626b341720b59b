package databases

import (
	"errors"
	"fmt"
	"time"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/placemark"
)

var (
	// ErrNoDatabase is returned for a tenant whose database does not exist: it was not provisioned
	// yet, or is gone.
	ErrNoDatabase = errors.New(
		"gormtenant: the tenant's database does not exist: provision it first")

	// ErrBusy is returned if a tenant's pool has to be opened while all that may be open are in
	// use: for as long as [WaitLimit], or until the context ended.
	ErrBusy = errors.New("gormtenant: no more pools or connections may be opened: " +
		"raise databases.MaxPools or databases.MaxConnections, or close rows and transactions " +
		"sooner")

	// ErrClosed is returned by pools that were closed.
	ErrClosed = errors.New("gormtenant: the pools of the tenants' databases are closed")

	// ErrNotOurs is returned for a tenant whose database, or file, exists and is not marked as the
	// tenant's: its placement names that of another, or one that this module did not make.
	// provision.Adopt marks one that is the tenant's.
	ErrNotOurs = fmt.Errorf("%w: there is a database, a role or a file of its name: correct the "+
		"placement, or if it is the tenant's mark it with provision.Adopt", placemark.ErrNotOurs)

	// ErrShared is returned for a tenant whose placement names a database that is open for another
	// one.
	ErrShared = errors.New(
		"gormtenant: the tenant's placement names the database of another tenant: give each its " +
			"own")
)

// errUnscoped is returned for statements that would have to cross tenants.
var errUnscoped = fmt.Errorf(
	"%w: each tenant has its own database: visit them one after another, with tenants.Each",
	gormtenant.ErrUnscopedDenied)

// UnavailableError is returned if a tenant's database cannot be connected to. Nobody tries again
// before Until, and every statement that needs a connection gets this error at once. It concerns
// this tenant alone: others are not affected.
type UnavailableError struct {
	// Until is the earliest time of the next attempt.
	Until time.Time
	// Failures counts the attempts that failed in a row.
	Failures int
	// Err is the cause of the last failure.
	Err error
}

// Error returns the cause, and the time before which nobody tries again.
func (e *UnavailableError) Error() string {
	return fmt.Sprintf("gormtenant: the tenant's database cannot be reached, "+
		"and is not tried again before %s (failures: %d): %v",
		e.Until.UTC().Format("15:04:05.000 MST"), e.Failures, e.Err)
}

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }
