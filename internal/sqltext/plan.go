package sqltext

import (
	"cmp"
	"slices"
	"sync"
)

// Plan is what Read found in a text. It never changes, may be used by several goroutines at once,
// and holds for every tenant and all arguments, so that it can be remembered by its text and
// Options.
type Plan struct {
	text   string
	server server
	clean  bool
	needs  bool // There is a reference that nothing limits.
	bound  []Bound
	refs   []reference
	slots  []slot
	labels []namedItem

	vars, first int
	highest     int
	sign        string  // In front of the number of a placeholder; "" for ?.
	params      []int32 // Where the placeholders stand, if they have no numbers.
	fresh       string  // An alias that the text does not have.

	mu       sync.Mutex
	editions []edition
}

// namedItem is an item of a SELECT list and the name that the server gives to its column.
type namedItem struct {
	start, end int
	name       string
}

// edition is a text that was limited, and which references were limited in it though they are
// bound.
type edition struct {
	failed uint64
	edited *Edited
}

// mostEditions is how many limited texts a plan keeps. An argument either is the tenant or, by
// mistake, is not: there are hardly ever two.
const mostEditions = 8

// Bound is a placeholder that is compared with the tenant column of a reference, or written to it.
type Bound struct {
	Var    int    // The index of its argument.
	Table  *Table // Whose tenant column it is.
	Column int    // Which of Table.Columns; for a Value, the index of its side behind those.
	Ref    int    // Which reference to a tenant table of the text, counted from zero.

	// Must says that the text cannot be sent if the argument is not the tenant: it is written to a
	// new row, or guards an upsert. Any other reference is limited by Rewrite instead.
	Must bool

	// Value is not "" where the argument must be this string, and not the tenant: it is compared
	// with the type column of a polymorphic join table.
	Value string
}

// Clean reports whether the text names no tenant table: it is sent byte for byte, without marks.
func (p *Plan) Clean() bool { return p.clean }

// Text returns the text without marks.
func (p *Plan) Text() string { return p.text }

// Bound returns the placeholders that may have to hold the tenant, ordered by Ref. Several of one
// Ref and Column are alternatives, unless they are marked Must. The caller must not change the
// slice.
func (p *Plan) Bound() []Bound { return p.bound }

// Proved reports whether the text can be sent as it stands, given which of its placeholders hold
// the tenant. It does not allocate.
func (p *Plan) Proved(ok func(Bound) bool) bool {
	if p.needs {
		return false
	}
	for i := 0; i < len(p.bound); {
		proved, next := p.holds(i, ok)
		if !proved {
			return false
		}
		i = next
	}
	return true
}

// holds reports whether the placeholders of one part of a reference, which begin at i, limit it.
func (p *Plan) holds(i int, ok func(Bound) bool) (proved bool, next int) {
	ref, column := p.bound[i].Ref, p.bound[i].Column
	one, all := false, true
	for ; i < len(p.bound) && p.bound[i].Ref == ref && p.bound[i].Column == column; i++ {
		b := p.bound[i]
		if ok(b) {
			one = true
		} else if b.Must {
			all = false
		}
	}
	return one && all, i
}

// Rewrite returns the text with every reference limited to the tenant: those that have no proof,
// and those whose placeholders do not hold the tenant by ok. What it returns is remembered in the
// plan and must not be changed. The error is a *Refusal, with the reason NotTenant, where a
// placeholder that is marked Must does not hold the tenant.
func (p *Plan) Rewrite(ok func(Bound) bool) (*Edited, error) {
	var failed uint64
	for i := 0; i < len(p.bound); {
		proved, next := p.holds(i, ok)
		if !proved {
			if b := &p.bound[i]; p.refs[b.Ref].created {
				return nil, &Refusal{
					Reason: NotTenant, Table: b.Table.Name,
					Detail: "an argument that is written to the tenant column is not the tenant",
				}
			}
			failed |= 1 << min(p.bound[i].Ref, 63)
		}
		i = next
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.editions {
		if p.editions[i].failed == failed {
			return p.editions[i].edited, nil
		}
	}
	edited := p.write(func(ref int) uint64 {
		if failed&(1<<min(ref, 63)) != 0 {
			return ^uint64(0)
		}
		return p.refs[ref].made
	})
	if len(p.editions) < mostEditions {
		p.editions = append(p.editions, edition{failed: failed, edited: edited})
	}
	return edited, nil
}

// Tables returns the tenant tables that the text names, each once: first those that it changes,
// then those that it reads, in the order of the text. Those inside of a sealed sub-query are not
// among them.
func (p *Plan) Tables() []*Table {
	var all []*Table
	refs := slices.Clone(p.refs)
	slices.SortStableFunc(refs, func(a, b reference) int { return cmp.Compare(a.at, b.at) })
	for _, writes := range [...]bool{true, false} {
		for i := range refs {
			if r := &refs[i]; r.writes == writes && !slices.Contains(all, r.table) {
				all = append(all, r.table)
			}
		}
	}
	return all
}
