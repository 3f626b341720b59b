package databases

import "errors"

// Reason says why a pool was closed.
type Reason string

// The reasons.
const (
	Idle    Reason = "idle"    // it was not used for [IdleTime]
	Evicted Reason = "evicted" // another tenant needed its place
	Closed  Reason = "closed"  // Close or CloseTenant was called
)

var errNilHook = errors.New("gormtenant: a hook of databases is nil: leave the option out")

// OnOpened is called when a pool was opened, before its first statement runs. Hooks are called by
// several goroutines at once and delay what they tell of; they must not call the pools.
func OnOpened(hook func(database Database)) Option {
	return poolsOption(func(c *config) error {
		if c.onOpened = hook; hook == nil {
			return errNilHook
		}
		return nil
	})
}

// OnClosed is called when a pool was closed. See [OnOpened].
func OnClosed(hook func(database Database, reason Reason)) Option {
	return poolsOption(func(c *config) error {
		if c.onClosed = hook; hook == nil {
			return errNilHook
		}
		return nil
	})
}

// OnFailed is called when a connection to a tenant's database could not be made, with the cause. It is
// not called for the statements that fail without an attempt until the next one is due. See [OnOpened].
func OnFailed(hook func(database Database, err error)) Option {
	return poolsOption(func(c *config) error {
		if c.onFailed = hook; hook == nil {
			return errNilHook
		}
		return nil
	})
}
