package adopt

import (
	"slices"
	"strings"
)

// live is a table as the database has it.
type live struct {
	columns []column
	indexes []index
	keys    []foreignKey
	text    string   // SQLite: of CREATE TABLE
	made    []string // SQLite: of CREATE INDEX, and of triggers
	check   string   // Postgres: the check for NOT NULL: "", "invalid" or "valid"
}

// column is a column as the database has it.
type column struct {
	name, kind, def string
	notNull         bool
}

// column returns the column of that name, nil if there is none.
func (l *live) column(name string) *column {
	for i := range l.columns {
		if strings.EqualFold(l.columns[i].name, name) {
			return &l.columns[i]
		}
	}
	return nil
}

func (l *live) index(name string) *index {
	for i := range l.indexes {
		if strings.EqualFold(l.indexes[i].name, name) {
			return &l.indexes[i]
		}
	}
	return nil
}

// key returns the foreign key that ties the same columns as k, nil if there is none.
func (l *live) key(k foreignKey) *foreignKey {
	for i := range l.keys {
		if l.keys[i].same(k) {
			return &l.keys[i]
		}
	}
	return nil
}

// plain returns the foreign key that ties the same columns as k but for the tenant.
func (l *live) plain(k foreignKey) *foreignKey {
	return l.key(foreignKey{target: k.target, columns: k.columns[1:], targets: k.targets[1:]})
}

// holdsKey reports whether a unique index over (tenant, key) is there, by which rows are found and
// foreign keys can refer to them.
func (l *live) holdsKey(t *table) bool {
	want := t.tenantKey()
	return slices.ContainsFunc(l.indexes, func(i index) bool {
		return i.unique && !i.invalid && i.where == "" && slices.Equal(i.columns, want)
	})
}

// tenantKey returns the tenant and the rest of the primary key.
func (t *table) tenantKey() []string {
	return append([]string{t.column},
		slices.DeleteFunc(slices.Clone(t.key), func(c string) bool { return c == t.column })...)
}

// keyIndex is the name of the unique index over the tenant and the primary key.
func (t *table) keyIndex() string { return made(t.Name + "_key") }

// swap is an index that takes the place of another one of its name.
type swap struct {
	old  *index // nil for none
	want index
	like bool // as old, with the tenant in front
}

// swaps returns the indexes that have to be made, or made anew.
func (p *planner) swaps(t *table, l *live) []swap {
	var list []swap
	for _, want := range t.indexes {
		old := l.index(want.name)
		switch {
		case old == nil && len(want.columns) > 1:
			list = append(list, swap{want: want})
		case old != nil && (!slices.Equal(old.columns, want.columns) || old.unique != want.unique ||
			old.invalid):
			list = append(list, swap{old: old, want: want})
		}
	}
	for i := range l.indexes {
		old := &l.indexes[i]
		if !old.unique || old.primary || old.invalid || slices.Contains(old.columns, t.column) ||
			p.config.keeps(old.name) || slices.ContainsFunc(list, func(s swap) bool {
			return s.old == old
		}) {
			continue
		}
		want := *old
		want.columns = append([]string{t.column}, old.columns...)
		list = append(list, swap{old: old, want: want, like: true})
	}
	return list
}

// wanted returns the foreign keys that a table shall have: those of the models, and those that are
// there, over the tenant.
func (p *planner) wanted(t *table, l *live) []foreignKey {
	for _, key := range l.keys {
		if target := p.table(key.target); target != nil {
			p.addKey(t, target, key)
		}
	}
	for i, k := range t.keys {
		if plain := l.plain(k); plain != nil {
			t.keys[i].name = plain.name
			t.keys[i].onDelete, t.keys[i].onUpdate = plain.onDelete, plain.onUpdate
		}
	}
	return t.keys
}
