package sqltext

import "strings"

// reference is a reference to a tenant table as a plan keeps it: what limits it, and where a
// condition that limits it goes.
type reference struct {
	table     *Table
	at        int32  // The token at which it begins.
	qualifier string // What stands in front of a column of it.
	made      uint64 // Its parts that nothing limits.
	writes    bool
	created   bool
	slot      int32 // Where its condition goes, or none for a derived table in its place.

	// Of a derived table.
	from, to int    // What it replaces.
	inner    string // What it selects from.
	name     string // What qualifies a column in it.
	alias    string // What follows it.
}

// slot is a place for conditions: behind one that is there, or a WHERE of its own.
type slot struct {
	open, close int  // Where the parentheses go; open is -1 for a new WHERE.
	on          bool // It is the condition of an ON.
	table       int  // Where TABLE stands, which becomes SELECT * FROM; or -1.
}

// placer finds out where the conditions of a text go.
type placer struct {
	*prover

	slots  []slot
	bySlot map[int32]int32 // The slot of a condition, or of a block as its complement.
}

// references returns the references to tenant tables of a text, in the order of its items.
func (p *placer) references() []reference {
	all := make([]reference, 0, len(p.items))
	for i := range p.items {
		it := &p.items[i]
		if it.table == nil {
			continue
		}
		ref := reference{
			table: it.table, at: it.start, slot: none, created: it.kind == created,
			writes: it.kind == created || it.kind == target,
		}
		ref.made = p.made(int32(i))
		if !ref.created {
			if !p.place(&ref, int32(i)) {
				return nil
			}
		}
		all = append(all, ref)
	}
	return all
}

// place says where the condition of an item goes.
func (p *placer) place(ref *reference, i int32) bool {
	it := &p.items[i]
	var ok bool
	if ref.qualifier, ok = p.qualifier(i); !ok {
		p.pos = it.start
		return p.fail(Unreadable, "two tables of one FROM have the same name; give them aliases")
	}
	switch {
	case it.place == inDerived:
		return p.derive(ref, it)
	case it.place >= 0:
		ref.slot = p.condition(it.place)
	default:
		ref.slot = p.where(it)
	}
	return true
}

// qualifier returns what stands in front of a column of an item, and false if another item of the
// block has the same name.
func (p *placer) qualifier(i int32) (string, bool) {
	it := &p.items[i]
	b := &p.blocks[it.block]
	for j := b.lo; j < b.hi; j++ {
		other := &p.items[j]
		if j == i || other.visible() == none {
			continue
		}
		same, near := p.sameName(it.visible(), other.visible())
		if same || near && p.server == mysql {
			return "", false
		}
	}
	return p.nameText(it.visible()), true
}

// nameText returns a name in quotes: SQLite lets a table be called cast, and be written as a
// string, but neither in front of a column.
func (p *placer) nameText(token int32) string {
	t := p.list[token]
	name, ok := p.spell(token)
	switch {
	case t.kind == str, t.kind == coded && ok:
	case t.kind != word, !ok, p.anyParam, !isASCII(name):
		return p.text[t.start:t.end]
	case p.server == postgres:
		name = lowerASCII(name)
	}
	return quoteName(p.server, name)
}

// derive prepares a derived table in place of an item.
func (p *placer) derive(ref *reference, it *item) bool {
	if it.kind != table || it.alone {
		p.pos = it.start
		return p.fail(Unreadable, "the target of a command cannot be limited here"+advice)
	}
	ref.from = int(p.list[it.start].start)
	ref.to = p.endOf(it.suffix)
	var b strings.Builder
	b.WriteString(p.text[ref.from:p.endOf(it.pathEnd)])
	if it.suffix > it.aliasEnd {
		b.WriteByte(' ')
		b.WriteString(p.text[p.list[it.aliasEnd].start:p.endOf(it.suffix)])
	}
	ref.inner = b.String()
	ref.name = p.nameText(it.name)
	ref.alias = " AS " + ref.qualifier
	if v := p.list[it.visible()]; v.kind != str {
		ref.alias = " AS " + p.text[v.start:v.end]
	}
	if it.columns {
		ref.alias = " AS " + p.text[p.list[it.alias].start:p.endOf(it.aliasEnd)]
	}
	return true
}

// endOf returns where the token in front of the given one ends.
func (p *placer) endOf(token int32) int { return int(p.list[token-1].end) }

// condition returns the slot of a condition.
func (p *placer) condition(c int32) int32 {
	s, ok := p.bySlot[c]
	if !ok {
		cond := &p.conditions[c]
		s = p.add(c, slot{
			open: int(p.list[cond.start].start), close: p.endOf(cond.end), table: -1,
			on: p.blocks[cond.block].where != c,
		})
	}
	return s
}

// where returns the slot of the WHERE of an item's block, which may have to be added.
func (p *placer) where(it *item) int32 {
	b := &p.blocks[it.block]
	if b.where != none {
		return p.condition(b.where)
	}
	key := -2 - it.block
	s, ok := p.bySlot[key]
	if !ok {
		at := slot{open: -1, close: p.endOf(b.at), table: -1}
		if it.kind == command {
			at.table = int(p.list[it.start].start)
		}
		s = p.add(key, at)
	}
	return s
}

func (p *placer) add(key int32, s slot) int32 {
	if p.bySlot == nil {
		p.slots, p.bySlot = make([]slot, 0, 4), make(map[int32]int32)
	}
	p.slots = append(p.slots, s)
	p.bySlot[key] = int32(len(p.slots) - 1) //nolint:gosec // Bounded by the text.
	return p.bySlot[key]
}

// quoteName quotes a name.
func quoteName(s server, name string) string {
	q := `"`
	if s == mysql {
		q = "`"
	}
	return q + strings.ReplaceAll(name, q, q+q) + q
}
