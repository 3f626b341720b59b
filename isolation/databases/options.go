package databases

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gormtenant/gormtenant/internal/option"
)

// Option changes what [NewPools] returns.
type Option interface {
	apply(c *config) error
}

type poolsOption func(c *config) error

func (o poolsOption) apply(c *config) error { return o(c) }

// config is what the options set.
type config struct {
	maxPools, maxConnections int
	size                     func(ctx context.Context, database Database) int
	idle, wait, connect      time.Duration
	backoffFrom, backoffTo   time.Duration
	onFailed                 func(Database, error)
}

func configure(options []Option) (config, error) {
	const pools, connections, size = 50, 80, 4
	c := config{
		maxPools: pools, maxConnections: connections,
		size: func(context.Context, Database) int { return size },
		idle: 5 * time.Minute, wait: 5 * time.Second, connect: 2 * time.Second,
		backoffFrom: 100 * time.Millisecond, backoffTo: 30 * time.Second,
		onFailed: func(Database, error) {},
	}
	err := option.Apply("databases.NewPools", options, func(o Option) error { return o.apply(&c) })
	return c, err
}

// MaxPools limits how many pools are open at once; each tenant with statements needs one. It must
// be at least 1. Defaults to 50.
func MaxPools(n int) Option {
	return poolsOption(func(c *config) error {
		c.maxPools = n
		return atLeastOne("MaxPools", n)
	})
}

// MaxConnections limits the connections of all pools together. Each pool counts with its full
// [Size], so that a tenant that has a pool is never short of connections because of others. It must
// be at least 1. Defaults to 80: Postgres itself allows 100 by default.
func MaxConnections(n int) Option {
	return poolsOption(func(c *config) error {
		c.maxConnections = n
		return atLeastOne("MaxConnections", n)
	})
}

// Size sets how many connections a tenant's pool may open, for example by its plan:
// tenants.FromContext returns the tenant if ctx has one. It is called when a pool is opened, not
// for each statement. Results below 1 count as 1, those above [MaxConnections] as that. Defaults to
// 4. With a size of 1, running a statement while iterating rows deadlocks.
func Size(size func(ctx context.Context, database Database) int) Option {
	return poolsOption(func(c *config) error {
		c.size = size
		if size == nil {
			return errors.New(
				"gormtenant: databases.Size(nil): leave it out for 4 connections each")
		}
		return nil
	})
}

// IdleTime sets after how long without use a pool is closed. It must be positive. Defaults to 5
// minutes.
func IdleTime(d time.Duration) Option {
	return poolsOption(func(c *config) error {
		c.idle = d
		return positive("IdleTime", d)
	})
}

// WaitLimit sets how long a tenant without a pool waits while all are in use, before its statement
// fails with [ErrBusy]. It must be positive. Defaults to 5 seconds.
func WaitLimit(d time.Duration) Option {
	return poolsOption(func(c *config) error {
		c.wait = d
		return positive("WaitLimit", d)
	})
}

// ConnectTimeout limits the time that opening a connection takes. It must be positive. Defaults to
// 2 seconds.
func ConnectTimeout(d time.Duration) Option {
	return poolsOption(func(c *config) error {
		c.connect = d
		return positive("ConnectTimeout", d)
	})
}

// Backoff sets how long a database that refused a connection is left alone: from after the first
// failure, doubling up to to. Each time is shortened at random by up to a half, so that databases
// that failed together are not tried together. A connection that succeeds ends it. A database that
// does not exist, or is not marked as the tenant's, is always tried again after from. Defaults to
// 100 milliseconds and 30 seconds.
func Backoff(from, to time.Duration) Option {
	return poolsOption(func(c *config) error {
		c.backoffFrom, c.backoffTo = from, to
		if from <= 0 || to < from {
			return fmt.Errorf("gormtenant: databases.Backoff(%v, %v): "+
				"the first must be positive and not above the second", from, to)
		}
		return nil
	})
}

// OnFailed calls hook when a connection to a tenant's database could not be made, with the cause.
// It is not called for statements that fail without an attempt, because the next one is not due.
// hook is called by several goroutines at once and delays the statement that failed. It must not
// call the pools.
func OnFailed(hook func(database Database, err error)) Option {
	return poolsOption(func(c *config) error {
		if c.onFailed = hook; hook == nil {
			return errors.New("gormtenant: databases.OnFailed(nil): leave it out")
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
