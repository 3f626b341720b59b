package databases

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gormtenant/gormtenant/internal/option"
)

// Option changes what [NewPools] makes.
type Option interface {
	apply(c *config) error
}

type poolsOption func(c *config) error

func (o poolsOption) apply(c *config) error { return o(c) }

// config is what the options say.
type config struct {
	maxPools, maxConnections int
	size                     func(ctx context.Context, database Database) int
	idle, wait, connect      time.Duration
	backoffFrom, backoffTo   time.Duration
	onOpened                 func(Database)
	onClosed                 func(Database, Reason)
	onFailed                 func(Database, error)
}

func configure(options []Option) (config, error) {
	const pools, connections, size = 50, 80, 4
	c := config{
		maxPools: pools, maxConnections: connections,
		size: func(context.Context, Database) int { return size },
		idle: 5 * time.Minute, wait: 5 * time.Second, connect: 2 * time.Second,
		backoffFrom: 100 * time.Millisecond, backoffTo: 30 * time.Second,
		onOpened: func(Database) {}, onClosed: func(Database, Reason) {}, onFailed: func(Database, error) {},
	}
	err := option.Apply("databases.NewPools", options, func(o Option) error { return o.apply(&c) })
	return c, err
}

// MaxPools is how many pools may be open at once; one for each tenant that has statements. It must be at
// least 1. Defaults to 50.
func MaxPools(n int) Option {
	return poolsOption(func(c *config) error {
		c.maxPools = n
		return atLeastOne("MaxPools", n)
	})
}

// MaxConnections is how many connections all pools together may have. Each pool counts with its [Size],
// whether it uses it or not, so that a tenant that has a pool is never short of connections because of
// others. It must be at least 1. Defaults to 80: Postgres itself allows 100 by default.
func MaxConnections(n int) Option {
	return poolsOption(func(c *config) error {
		c.maxConnections = n
		return atLeastOne("MaxConnections", n)
	})
}

// Size is how many connections the pool of a tenant may have, by its plan for one: tenants.FromContext(ctx)
// is the tenant, where the context that asked had one. It is called when a pool is opened, not for each
// statement. What it returns is taken as 1 at least and [MaxConnections] at most. Defaults to 4. With 1 a
// statement inside a loop over rows waits for ever: give 2 or more.
func Size(size func(ctx context.Context, database Database) int) Option {
	return poolsOption(func(c *config) error {
		c.size = size
		if size == nil {
			return errors.New("gormtenant: databases.Size(nil): leave it out for 4 connections each")
		}
		return nil
	})
}

// IdleTime is after how long without use a pool is closed. It must be positive. Defaults to 5 minutes.
func IdleTime(d time.Duration) Option {
	return poolsOption(func(c *config) error {
		c.idle = d
		return positive("IdleTime", d)
	})
}

// WaitLimit is how long a tenant without a pool waits for one while all are in use, before its statement
// fails with [ErrBusy]. It must be positive. Defaults to 5 seconds.
func WaitLimit(d time.Duration) Option {
	return poolsOption(func(c *config) error {
		c.wait = d
		return positive("WaitLimit", d)
	})
}

// ConnectTimeout is how long the making of a connection may take. It must be positive. Defaults to 2
// seconds.
func ConnectTimeout(d time.Duration) Option {
	return poolsOption(func(c *config) error {
		c.connect = d
		return positive("ConnectTimeout", d)
	})
}

// Backoff is for how long nobody connects to a database that could not be connected to: from after the
// first failure, twice as long after each further one, to at most. Each time is shortened at random by up
// to a half, so that what failed together is not tried together. A connection that succeeds ends it.
// A database that does not exist is always tried again after from. Defaults to 100 milliseconds and 30
// seconds.
func Backoff(from, to time.Duration) Option {
	return poolsOption(func(c *config) error {
		c.backoffFrom, c.backoffTo = from, to
		if from <= 0 || to < from {
			return fmt.Errorf("gormtenant: databases.Backoff(%v, %v): the first must be positive and not above the second", from, to)
		}
		return nil
	})
}

func atLeastOne(option string, n int) error {
	if n < 1 {
		return fmt.Errorf("gormtenant: databases.%s(%d): it must be at least 1", option, n)
	}
	return nil
}

func positive(option string, d time.Duration) error {
	if d <= 0 {
		return fmt.Errorf("gormtenant: databases.%s(%v): it must be positive", option, d)
	}
	return nil
}
