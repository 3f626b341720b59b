package sqltext

import "sort"

// prover finds out which references to tenant tables the conditions of a text limit.
type prover struct {
	*reader

	facts  []fact
	edges  []edge
	keys   []keyFact
	exists []existsFact
	types  []typeFact
	next   []int32 // The parts from which limited is to be passed on.
	base   []int32 // The first part of each item.
	state  []state // Of each part.
}

// A part of an item is one of its tenant columns, or one of its sides behind them. An item is
// limited if all its parts are.

// fact is an equality of a tenant column with an argument.
type fact struct{ part, arg int32 }

// edge says that one tenant column is limited if another is.
type edge struct{ from, to int32 }

// keyFact is an equality of a column of a join table with one of another table.
type keyFact struct {
	join, column int32 // The item and the token of its column.
	row, key     int32
	condition    int32
}

// existsFact is EXISTS (SELECT ...) as a conjunct, or with "type <> 'x' OR" in front.
type existsFact struct {
	block, condition int32
	typeColumn       int32 // A token, or none.
	typeValue        int32 // A token.
}

// typeFact is an argument that must be the type of a polymorphic side for an EXISTS to limit it.
type typeFact struct {
	part, arg int32
	value     string
}

// state is how far a part is limited.
type state uint8

const (
	free    state = iota // Nothing limits it.
	bound                // A placeholder does, if it holds the tenant.
	follows              // Another reference does.
	made                 // Nothing does, so that a condition has to be added.
)

// prove returns what limits each item.
func prove(r *reader) *prover {
	p := &prover{reader: r, base: make([]int32, len(r.items)+1)}
	for i := range r.items {
		p.base[i+1] = p.base[i] + r.items[i].parts()
	}
	for i := range r.conditions {
		c := &r.conditions[i]
		if r.blocks[c.block].kind == inserts {
			continue
		}
		p.conjunct(c.start, c.end, func(start, stop int32) int32 {
			p.read(int32(i), start, stop) //nolint:gosec // Bounded by the text.
			return none
		})
	}
	p.settle()
	return p
}

// read notes what a conjunct proves.
func (p *prover) read(condition, start, stop int32) {
	if e, ok := p.equalityOf(start, stop); ok {
		p.equal(condition, e)
		return
	}
	f := existsFact{condition: condition, typeColumn: none}
	if at, column, ok := p.polymorphic(start, stop); ok {
		f.typeColumn, f.typeValue = column, at-2
		if p.list[f.typeValue].kind == ')' {
			f.typeValue--
		}
		start = at
	}
	if p.list[start].keyword == kwExists && p.list[start+1].kind == '(' &&
		p.list[start+1].match == stop-1 {
		if b := p.blockAt(start + 2); b != none && p.blocks[b].plain {
			f.block = b
			p.exists = append(p.exists, f)
		}
	}
}

// polymorphic returns where EXISTS stands in type <> 'x' OR EXISTS (...), and the type's column.
// Any operator will do that only rows of another type satisfy.
func (p *prover) polymorphic(start, stop int32) (exists, typeColumn int32, ok bool) {
	closing := int32(0)
	if p.list[start].keyword == kwNot && p.list[start+1].kind == '(' { // NOT (type <=> 'x')
		start, closing = start+2, 1
	}
	at := start
	for p.list[at].kind.isName() && p.list[at].flag&asName != 0 || p.list[at].kind == '.' {
		at++
	}
	c, ok := p.columnAt(start, at)
	if !ok {
		return 0, 0, false
	}
	switch l := p.list[at:]; {
	case closing == 1 && l[0].kind == '<' && l[1].kind == '=' && l[2].kind == '>',
		closing == 0 && l[0].keyword == kwIs && l[1].keyword == kwDistinct &&
			l[2].keyword == kwFrom:
		at += 3
	case closing == 0 && l[0].kind == '<' && l[1].kind == '>',
		closing == 0 && l[0].keyword == kwIs && l[1].keyword == kwNot:
		at += 2
	default:
		return 0, 0, false
	}
	if k := p.list[at].kind; k != param && k != str || closing == 1 && p.list[at+1].kind != ')' {
		return 0, 0, false
	}
	at += 1 + closing
	return at + 1, c.name, at < stop && p.list[at].keyword == kwOr
}

// blockAt returns the block that begins with a token.
func (p *prover) blockAt(token int32) int32 {
	i := sort.Search(len(p.blocks), func(i int) bool { return p.blocks[i].first >= token })
	if i < len(p.blocks) && p.blocks[i].first == token {
		return int32(i) //nolint:gosec // Bounded by the text.
	}
	return none
}

// equal notes what an equality in a condition proves.
func (p *prover) equal(condition int32, e equality) {
	b := p.conditions[condition].block
	left := p.resolve(e.left, b)
	if e.arg != none {
		if part := p.tenantPart(left, e.left); part != none && p.filters(condition, left) {
			p.facts = append(p.facts, fact{part: part, arg: e.arg})
		}
		return
	}
	right := p.resolve(e.right, b)
	if left == none || right == none || left == right {
		return
	}
	from, to := p.tenantPart(right, e.right), p.tenantPart(left, e.left)
	if from != none && to != none {
		if p.filters(condition, left) {
			p.edges = append(p.edges, edge{from: from, to: to})
		}
		if p.filters(condition, right) {
			p.edges = append(p.edges, edge{from: to, to: from})
		}
	}
	p.key(condition, left, right, e.left, e.right)
	p.key(condition, right, left, e.right, e.left)
}

func (p *prover) key(condition, join, row int32, column, key column) {
	j, other := &p.items[join], &p.items[row]
	if j.table != nil && len(j.table.Sides) > 0 && other.table != nil &&
		len(other.table.Columns) > 0 {
		p.keys = append(p.keys, keyFact{
			join: join, column: column.name, row: row, key: key.name, condition: condition,
		})
	}
}

// tenantPart returns the part of an item that a column is, or none if it is no tenant column.
func (p *prover) tenantPart(item int32, c column) int32 {
	if item == none {
		return none
	}
	it := &p.items[item]
	if it.parts() == 0 || it.columns {
		return none
	}
	for i, name := range it.table.Columns {
		if p.isColumn(c.name, name) {
			return p.base[item] + int32(i)
		}
	}
	return none
}

// filters reports whether only rows of the item for which the condition holds are left.
func (p *prover) filters(condition, item int32) bool {
	if item == none {
		return false
	}
	c := &p.conditions[condition]
	lo := p.blocks[c.block].lo
	return p.items[item].block == c.block && item >= lo+c.lo && item < lo+c.hi
}

// resolve returns the item whose column that is, or none if it is not certain. A column without a
// table in front is certain where the block has a single item.
func (p *prover) resolve(c column, b int32) int32 {
	if c.path == none {
		if p.blocks[b].hi-p.blocks[b].lo == 1 {
			return p.blocks[b].lo
		}
		return none
	}
	for ; b != none; b = p.blocks[b].outer {
		found, several := p.named(c, b)
		if several {
			return none
		}
		if found != none {
			return found
		}
	}
	return none
}

// named returns the item of a block by the name in front of a column.
func (p *prover) named(c column, b int32) (found int32, several bool) {
	found = none
	for i := p.blocks[b].lo; i < p.blocks[b].hi; i++ {
		it := &p.items[i]
		name := it.visible()
		if it.hidden || name == none {
			continue
		}
		same, near := p.sameName(c.name-2, name)
		if c.name-2 != c.path { // schema.table.column
			if it.alias != none || it.path == it.name {
				continue
			}
			inSchema, _ := p.sameName(c.path, it.path)
			same = same && inSchema && it.name-it.path == 2
			near = same
		}
		if !same && near && p.server == mysql {
			return none, true
		}
		if !same {
			continue
		}
		if found != none {
			return none, true
		}
		found = i
	}
	return found, false
}

// settle says of each part what limits it. One that nothing limits is made so, and those that
// follow it are limited with it.
func (p *prover) settle() {
	p.state = make([]state, p.base[len(p.items)])
	sort.SliceStable(p.keys, func(i, j int) bool { return p.keys[i].join < p.keys[j].join })
	sort.SliceStable(p.exists, func(i, j int) bool { return p.exists[i].block < p.exists[j].block })
	sort.SliceStable(p.edges, func(i, j int) bool { return p.edges[i].from < p.edges[j].from })
	for _, f := range p.facts {
		p.state[f.part] = bound
	}
	for _, f := range p.facts {
		p.spread(f.part)
	}
	for i := range p.items {
		item := int32(i)
		columns := int32(0)
		if p.items[i].table != nil {
			columns = int32(len(p.items[i].table.Columns)) //nolint:gosec // A handful.
		}
		for part := p.base[i]; part < p.base[i+1]; part++ {
			side := part - p.base[i] - columns
			switch {
			case p.state[part] != free:
			case side >= 0 && p.sided(item, part, &p.items[i].table.Sides[side]):
				p.state[part] = follows
			default:
				p.state[part] = made
				p.spread(part)
			}
		}
	}
}

// spread passes on that a part is limited.
func (p *prover) spread(part int32) {
	p.next = append(p.next[:0], part)
	for len(p.next) > 0 {
		from := p.next[len(p.next)-1]
		p.next = p.next[:len(p.next)-1]
		i := sort.Search(len(p.edges), func(i int) bool { return p.edges[i].from >= from })
		for ; i < len(p.edges) && p.edges[i].from == from; i++ {
			if to := p.edges[i].to; p.state[to] == free {
				p.state[to] = follows
				p.next = append(p.next, to)
			}
		}
	}
}

// made returns which parts of an item nothing limits, as bits.
func (p *prover) made(item int32) uint64 {
	var all uint64
	for part := p.base[item]; part < p.base[item+1]; part++ {
		if p.state[part] == made {
			all |= 1 << (part - p.base[item])
		}
	}
	return all
}

// sided reports whether a side of a join table is limited: its key equals that of a reference to
// the other table, which is limited itself.
func (p *prover) sided(item, part int32, side *Side) bool {
	for i := p.keysOf(item); i < len(p.keys) && p.keys[i].join == item; i++ {
		k := &p.keys[i]
		if p.items[k.row].table != side.Target {
			continue
		}
		if p.allColumns(item, k.row, k.condition, side) && p.holds(k, item, part, side) {
			return true
		}
	}
	return false
}

// keysOf returns the first key of a join table.
func (p *prover) keysOf(item int32) int {
	return sort.Search(len(p.keys), func(i int) bool { return p.keys[i].join >= item })
}

// holds reports whether only rows of the join table for which the condition of k holds are left:
// it filters the table, or stands in an EXISTS that does.
func (p *prover) holds(k *keyFact, item, part int32, side *Side) bool {
	if p.filters(k.condition, item) {
		return true
	}
	b := p.conditions[k.condition].block
	if p.blocks[b].where != k.condition || p.blocks[b].hi-p.blocks[b].lo != 1 {
		return false
	}
	i := sort.Search(len(p.exists), func(i int) bool { return p.exists[i].block >= b })
	for ; i < len(p.exists) && p.exists[i].block == b; i++ {
		e := &p.exists[i]
		if p.filters(e.condition, item) && p.hasType(e, part, side) {
			return true
		}
	}
	return false
}

// hasType reports whether the type in front of an EXISTS is that of the side, or notes that an
// argument must be.
func (p *prover) hasType(e *existsFact, part int32, side *Side) bool {
	if e.typeColumn == none {
		return true
	}
	if side.TypeColumn == "" || !p.isColumn(e.typeColumn, side.TypeColumn) {
		return false
	}
	t := p.list[e.typeValue]
	if t.kind == param && t.match >= 0 {
		p.types = append(p.types, typeFact{part: part, arg: t.match, value: side.TypeValue})
		return true
	}
	value, ok := p.spell(e.typeValue)
	return ok && t.kind == str && p.text[t.start] == '\'' && value == side.TypeValue
}

// allColumns reports whether the condition compares all columns of the side with their keys.
func (p *prover) allColumns(item, row, condition int32, side *Side) bool {
	for c := range side.Columns {
		found := false
		for i := p.keysOf(item); i < len(p.keys) && p.keys[i].join == item; i++ {
			k := &p.keys[i]
			if k.row == row && k.condition == condition &&
				p.isColumn(k.column, side.Columns[c]) && p.isColumn(k.key, side.Keys[c]) {
				found = true
				break
			}
		}
		if !found {
			return false
		}
	}
	return len(side.Columns) > 0
}
