package databases

import (
	"context"

	"github.com/gormtenant/gormtenant/internal/route"
)

// picker tells a route.Pool where statements go. The types of its methods are internal, so it is
// not what users see.
type picker struct{ *registry }

var (
	_ route.Picker = picker{}
	_ route.Stayer = picker{}
)

// Pick returns the pool of the tenant in ctx, opened if necessary, and held until it is released.
func (p picker) Pick(ctx context.Context) (route.Route, error) {
	asked, err := find(ctx)
	if err != nil {
		return route.Route{}, err
	}
	return p.PickDatabase(ctx, asked)
}

// PickDatabase returns the pool of a database, whatever placement ctx has, as Pick does. A database
// without a name has the one that is made from the tenant's ID. It is for package isolation.
func (p picker) PickDatabase(ctx context.Context, asked Database) (route.Route, error) {
	if e := p.hold(asked); e != nil {
		return e.route(ctx), nil
	}
	e, err := p.open(ctx, asked)
	if err != nil {
		return route.Route{}, err
	}
	return e.route(ctx), nil
}

// Stay reports whether ctx has the database of a connection that is in use, and opens nothing.
func (p picker) Stay(ctx context.Context, bound any) (run context.Context, ok bool, err error) {
	asked, err := find(ctx)
	if err != nil {
		return nil, false, err
	}
	p.mutex.RLock()
	e, open := p.entries[asked]
	p.mutex.RUnlock()
	if open {
		return ctx, e.key == bound, nil
	}
	database, err := asked.named()
	return ctx, database == bound, err
}
