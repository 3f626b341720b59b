package tenants_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gormtenant/gormtenant/tenants"
)

// directory is a tenants.Directory for tests: tenants in a slice, and the lookups counted.
type directory struct {
	lookups atomic.Int64

	mu      sync.Mutex
	tenants []*tenants.Tenant
	before  func(ctx context.Context, identifier string) error
	instead lookup
}

func newDirectory(all ...*tenants.Tenant) *directory { return &directory{tenants: all} }

func acme() *tenants.Tenant {
	return &tenants.Tenant{
		ID: "t1", Slug: "acme", Name: "Acme", Domains: []string{"acme.com", "projects.acme.com"},
		Status: tenants.Active, Plan: "free", ExpiresAt: at(noon),
		Limits: tenants.Limits{"seats": 1}, Attributes: map[string]string{"region": "eu"},
	}
}

func zeta() *tenants.Tenant {
	return &tenants.Tenant{
		ID: "t2", Slug: "zeta", Domains: []string{"zeta.com"}, Status: tenants.Active,
	}
}

func (d *directory) Lookup(ctx context.Context, identifier string) (*tenants.Tenant, error) {
	d.lookups.Add(1)
	d.mu.Lock()
	before, instead := d.before, d.instead
	d.mu.Unlock()
	if before != nil {
		if err := before(ctx, identifier); err != nil {
			return nil, err
		}
	}
	if instead != nil {
		return instead(ctx, identifier)
	}
	return d.find(identifier)
}

// first makes every lookup run before; its error is the answer. nil makes an end of that.
func (d *directory) first(before func(ctx context.Context, identifier string) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.before = before
}

// fail makes every lookup run instead. nil makes an end of that.
func (d *directory) fail(instead lookup) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.instead = instead
}

func (d *directory) find(identifier string) (*tenants.Tenant, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range d.tenants {
		if t.ID == identifier || t.Slug == identifier || slices.Contains(t.Domains, identifier) {
			found := *t
			return &found, nil
		}
	}
	return nil, tenants.ErrNotFound
}

// set replaces the tenant of the same ID, or adds it. nil removes it.
func (d *directory) set(id string, t *tenants.Tenant) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tenants = slices.DeleteFunc(slices.Clone(d.tenants),
		func(t *tenants.Tenant) bool { return t.ID == id })
	if t != nil {
		d.tenants = append(d.tenants, t)
	}
}

// lookup is a tenants.Directory of one function.
type lookup func(ctx context.Context, identifier string) (*tenants.Tenant, error)

func (f lookup) Lookup(ctx context.Context, identifier string) (*tenants.Tenant, error) {
	return f(ctx, identifier)
}

// clock is a wall clock that a test can set.
type clock struct{ now atomic.Pointer[time.Time] }

func newClock(now time.Time) *clock {
	c := new(clock)
	c.set(now)
	return c
}

func (c *clock) set(now time.Time) { c.now.Store(&now) }
func (c *clock) Now() time.Time    { return *c.now.Load() }
