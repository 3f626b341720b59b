package quota

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"
)

// Use is how much of a limit a tenant has used.
type Use struct {
	Name  string // of the limit
	Used  int64
	Limit int64 // tenants.Unlimited where there is none
}

// String says it for people: "projects: 2 of 3 used".
func (u Use) String() string {
	if u.Limit < 0 {
		return fmt.Sprintf("%s: %d used", u.Name, u.Used)
	}
	return fmt.Sprintf("%s: %d of %d used", u.Name, u.Used, u.Limit)
}

// Usage returns how much the tenant of ctx has used of each [Limit] and each [Meter], in the order
// of their names. It is one statement, which counts the rows of the limited models and waits for no
// lock. db is one that has the plugin, with any context.
//
// The error is gormtenant.ErrNoTenant where ctx has no tenant.
func Usage(ctx context.Context, db *gorm.DB) ([]Use, error) {
	g, err := guardOf(db)
	if err != nil {
		return nil, err
	}
	stmt := db.Session(&gorm.Session{NewDB: true, Initialized: true}).Statement
	_, _ = stmt.WriteString("SELECT ")
	uses := make([]Use, 0, len(g.models)+len(g.meters))
	add := func(name string) (*share, error) {
		s, err := g.own(ctx, name)
		if err == nil {
			if len(uses) > 0 {
				_, _ = stmt.WriteString(", ")
			}
			uses = append(uses, Use{Name: name, Limit: s.limit})
		}
		return s, err
	}
	for _, table := range slices.Sorted(maps.Keys(g.models)) {
		l := g.models[table]
		s, err := add(l.name)
		if err != nil {
			return nil, err
		}
		id, err := l.shareOf(ctx, s.id)
		if err != nil {
			return nil, err
		}
		l.write(stmt, "COUNT", id.column)
	}
	for _, name := range slices.Sorted(maps.Keys(g.meters)) {
		s, err := add(name)
		if err != nil {
			return nil, err
		}
		write(stmt, "("+usedSQL+")", s.key, g.meters[name].row(time.Now()))
	}
	into := make([]any, len(uses))
	for i := range uses {
		into[i] = &uses[i].Used
	}
	err = db.Statement.ConnPool.QueryRowContext(ctx, stmt.SQL.String(), stmt.Vars...).Scan(into...)
	if err != nil {
		return nil, wrapUse(err)
	}
	slices.SortFunc(uses, func(a, b Use) int { return cmp.Compare(a.Name, b.Name) })
	return uses, nil
}

// Soft makes the limit of that name, of a [Limit] or a [Meter], one that refuses nothing: tell is
// called with what there is after each create, or Add, that made more than the limit. It is called
// before the transaction of the caller ends, if there is one, so it must be quick; it must be safe
// for concurrent use.
func Soft(name string, tell func(ctx context.Context, use Use)) Option {
	return optionFunc(func(p *Plugin) error {
		if tell == nil {
			return fmt.Errorf("gormtenant: quota.Soft(%q, nil) needs a function to tell", name)
		}
		if p.soft == nil {
			p.soft = map[string]func(ctx context.Context, use Use){}
		}
		p.soft[name] = tell
		return nil
	})
}

// Unenforced returns the names of limits in the plans that neither a [Limit] nor a [Meter]
// enforces, in order: for a test of the application that there are none.
func (p *Plugin) Unenforced() []string {
	enforced := map[string]bool{}
	for _, l := range p.limits {
		enforced[l.name] = true
	}
	for _, m := range p.meters {
		enforced[m.name] = true
	}
	names := map[string]bool{}
	for _, plan := range p.plans {
		for name := range plan {
			names[name] = !enforced[name]
		}
	}
	maps.DeleteFunc(names, func(_ string, missing bool) bool { return !missing })
	return slices.Sorted(maps.Keys(names))
}

// guardOf returns what db.Use registered.
func guardOf(db *gorm.DB) (*guard, error) {
	p, ok := db.Plugins[(*Plugin)(nil).Name()].(*Plugin)
	if ok {
		if g, ok := p.guards.Load(db.Callback()); ok {
			return g.(*guard), nil
		}
	}
	return nil, errors.New("gormtenant: quota: this *gorm.DB has no quotas: call " +
		"db.Use(quota.New(...)) first")
}
