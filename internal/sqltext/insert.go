package sqltext

import "slices"

// insert moves past INSERT INTO t (a, b) VALUES ... ON CONFLICT ... RETURNING.
func (r *reader) insert(outer int32) bool {
	b := r.newBlock(inserts, outer)
	l := tableList{reader: r, block: b, base: len(r.open)}
	r.pos++
	if !r.conflictClause() {
		return false
	}
	if !r.take(kwInto) && r.server != mysql {
		return r.unexpected()
	}
	if !r.destination(&l, created) {
		return false
	}
	own := int32(len(r.items)) //nolint:gosec // Bounded by the text.
	r.endBlock(b, l.base)
	r.blocks[b].at = r.pos
	n := insertion{reader: r, item: own, table: r.items[own].table}
	return n.columns() && n.source(outer) && n.conflict(b) && r.returning()
}

// insertion is an INSERT that is being read.
type insertion struct {
	*reader

	item  int32
	table *Table  // nil if it is nobody's.
	at    []int32 // Which of its columns the tenant columns of the table are; nil for none of them.
}

func (n *insertion) refuse() bool {
	return n.fail(RawInsert, detailInsert)
}

// columns moves past the list of columns.
func (n *insertion) columns() bool {
	if n.kind() != '(' || n.queries(n.pos) {
		return true
	}
	stop := n.list[n.pos].match
	var found []int32
	if n.table != nil {
		found = slices.Repeat([]int32{none}, len(n.table.Columns))
	}
	column := int32(0)
	for at := n.pos + 1; at < stop; at++ {
		switch t := n.list[at]; {
		case t.kind == ',':
			column++
			continue
		case t.kind == '.', t.kind == '[', t.kind == ']', t.kind == number:
			if n.table != nil {
				return n.unexpected() // A part of a column, or one with its table in front.
			}
			continue
		case !t.kind.isName() && t.kind != str:
			return n.unexpected()
		}
		for i := range found {
			if !n.mayBeColumn(at, n.table.Columns[i]) {
				continue
			}
			if found[i] != none || !n.isColumn(at, n.table.Columns[i]) {
				return n.refuse()
			}
			found[i] = column
		}
	}
	n.pos = stop + 1
	if !slices.Contains(found, none) {
		n.at = found
	}
	return true
}

// source moves past VALUES, DEFAULT VALUES, SET or a query.
func (n *insertion) source(outer int32) bool {
	if n.server == postgres && n.keyword() == kwOverriding {
		n.pos += 3 // OVERRIDING SYSTEM VALUE
	}
	if n.anyParam && n.takeWord("OUTPUT") { // OUTPUT INSERTED."id" of SQL Server
		for n.keyword() != kwValues && n.kind() != end && n.kind() != '(' {
			n.pos++
		}
	}
	switch {
	case n.keyword() == kwDefault:
		n.pos++
		return n.unproved() && n.want(kwValues)
	case n.keyword() == kwValues && n.list[n.pos+1].kind == '(', n.is(n.pos, "VALUE"):
		return n.values()
	case n.server == mysql && n.keyword() == kwSet:
		n.pos++
		return n.set()
	}
	blocks := int32(len(n.blocks)) //nolint:gosec // Bounded by the text.
	n.block = outer
	if !n.query(outer) {
		return false
	}
	return n.selected(blocks)
}

// unproved refuses an INSERT whose rows cannot be seen to be the tenant's. Into a join table GORM
// writes keys that were looked up before; of raw keys nobody knows whose they are.
func (n *insertion) unproved() bool {
	if n.table == nil || len(n.table.Columns) == 0 && !n.o.Raw {
		return true
	}
	return n.refuse()
}

// values moves past the rows of VALUES, and notes the placeholder of the tenant column in each.
func (n *insertion) values() bool {
	if (len(n.at) == 0 || n.rawSides()) && !n.unproved() {
		return false
	}
	n.pos++
	for {
		if n.kind() != '(' {
			return n.unexpected()
		}
		open := n.pos
		n.block = n.items[n.item].block
		if !n.loose() {
			return false
		}
		for i, column := range n.at {
			if at := n.element(open, column); at == none || !n.bind(at, i) {
				return n.refuse()
			}
		}
		if !n.takeSign(',') {
			return true
		}
	}
}

// rawSides reports whether a raw text writes to a join table whose keys nobody has looked up.
func (n *insertion) rawSides() bool {
	return n.o.Raw && n.table != nil && len(n.table.Sides) > 0
}

// bind notes that the placeholder at a token is written to a tenant column.
func (n *insertion) bind(at int32, column int) bool {
	if n.list[at].kind != param || n.list[at].match < 0 {
		return false
	}
	n.bonds = append(n.bonds, bond{item: n.item, column: int32(column), arg: n.list[at].match}) //nolint:gosec // A handful.
	return true
}

// element returns the token of a column in a row, or none if it is not a single one.
func (n *insertion) element(open, wanted int32) int32 {
	column := int32(0)
	for at := open + 1; at < n.list[open].match; at++ {
		if column == wanted {
			if k := n.list[at+1].kind; k == ',' || k == ')' {
				return at
			}
			return none
		}
		switch n.list[at].kind {
		case ',':
			column++
		case '(', '[':
			at = n.list[at].match
		}
	}
	return none
}

// set moves past INSERT INTO t SET a = 1 of MySQL.
func (n *insertion) set() bool {
	start := len(n.changed)
	if !n.assignments() {
		return false
	}
	columns := n.changed[start:]
	n.changed = n.changed[:start]
	if n.table == nil {
		return true
	}
	proved := 0
	for _, c := range columns {
		for i, column := range n.table.Columns {
			if !n.mayBeColumn(c.token, column) {
				continue
			}
			next := n.list[c.token+3]
			ends := next.kind == ',' || next.kind == end || next.kind == ';' || next.keyword == kwOn
			if n.list[c.token+1].kind != '=' || !ends || !n.bind(c.token+2, i) {
				return n.refuse()
			}
			proved++
		}
	}
	if proved != len(n.table.Columns) || proved == 0 || n.rawSides() {
		return n.unproved()
	}
	return true
}

// selected proves an INSERT from a query that is one SELECT with a placeholder for the tenant.
func (n *insertion) selected(first int32) bool {
	if n.table == nil {
		return true
	}
	if len(n.at) == 0 || n.rawSides() {
		return n.unproved()
	}
	if int(first) >= len(n.blocks) {
		return n.refuse()
	}
	b := &n.blocks[first]
	for at := b.first; at < n.pos; at++ {
		switch n.list[at].kind {
		case '(', '[':
			if n.list[at].match < 0 {
				return n.refuse()
			}
			at = n.list[at].match
			continue
		}
		switch n.list[at].keyword {
		case kwUnion, kwIntersect, kwExcept:
			return n.refuse()
		}
	}
	for i, column := range n.at {
		if at := n.selectedColumn(b.first, column); at == none || !n.bind(at, i) {
			return n.refuse()
		}
	}
	return true
}

// selectedColumn returns the token of an item of a SELECT list, or none if it is not a single one.
func (n *insertion) selectedColumn(first, wanted int32) int32 {
	at := first + 1
	if k := n.list[at].keyword; k == kwDistinct || k == kwAll {
		at++
	}
	for column := int32(0); column < wanted; at++ {
		switch t := n.list[at]; {
		case t.kind == ',':
			column++
		case t.kind == '(' || t.kind == '[':
			at = t.match
		case t.kind == '*', t.kind == end, t.keyword == kwFrom && n.list[at-1].keyword != kwDistinct:
			return none
		}
	}
	next := at + 1
	if n.list[next].keyword == kwAs {
		next += 2
	}
	if t := n.list[next]; t.kind != ',' && t.keyword != kwFrom {
		return none
	}
	return at
}

// conflict moves past ON CONFLICT and ON DUPLICATE KEY UPDATE. A raw one is refused; in one that
// GORM built every row must be guarded by its tenant.
func (n *insertion) conflict(b int32) bool {
	if n.server == mysql && n.take(kwAs) { // VALUES (...) AS new
		n.pos++
	}
	for n.take(kwOn) {
		if n.table != nil && n.o.Raw {
			return n.fail(Upsert, detailUpsert)
		}
		ok := false
		if n.take(kwDuplicate) {
			ok = n.want(kwKey) && n.want(kwUpdate) && n.duplicate()
		} else {
			ok = n.want(kwConflict) && n.onConflict(b)
		}
		if !ok {
			return false
		}
	}
	return true
}

// onConflict moves past (a) WHERE b DO UPDATE SET c = d WHERE e.
func (n *insertion) onConflict(b int32) bool {
	n.block = b
	if n.kind() == '(' && !n.loose() {
		return false
	}
	if n.take(kwOn) { // ON CONSTRAINT x
		n.pos += 2
	} else if n.take(kwWhere) && !n.expressions(inCondition) {
		return false
	}
	if !n.want(kwDo) {
		return false
	}
	if n.take(kwNothing) {
		return true
	}
	if !n.want(kwUpdate) || !n.want(kwSet) || !n.assignments() {
		return false
	}
	if n.keyword() != kwWhere {
		return n.table == nil || len(n.table.Columns) == 0 || n.fail(Upsert, detailUpsert)
	}
	if !n.whereClause(b, 1) {
		return false
	}
	if n.table != nil {
		for i := range n.table.Columns {
			if !n.guarded(i) {
				return n.fail(Upsert, detailUpsert)
			}
		}
	}
	return true
}

// guarded notes the placeholder of t.tenant_id = $1 in the WHERE of DO UPDATE.
func (n *insertion) guarded(column int) bool {
	c := n.conditions[len(n.conditions)-1]
	at := n.conjunct(c.start, c.end, func(start, end int32) int32 {
		if end-start != 5 || n.list[start+1].kind != '.' || n.list[start+3].kind != '=' ||
			n.list[start+4].kind != param || !n.isColumn(start+2, n.table.Columns[column]) {
			return none
		}
		it := &n.items[n.item]
		if same, _ := n.sameName(start, it.visible()); !same {
			return none
		}
		return start + 4
	})
	return at != none && n.bind(at, column)
}

// duplicate moves past the assignments of ON DUPLICATE KEY UPDATE. Each must be c = c or
// c = IF(tenant_id <=> ?, x, c).
func (n *insertion) duplicate() bool {
	for {
		if !n.kind().isName() {
			return n.unexpected()
		}
		for n.pos++; n.takeSign('.'); n.pos++ {
			n.list[n.pos].flag |= asName
		}
		name := n.pos - 1
		n.changed = append(n.changed, assigned{n.block, name})
		if !n.wantSign('=') {
			return false
		}
		value := n.pos
		if !n.expression(inCondition) {
			return false
		}
		if !n.same(name, value) && n.table != nil && len(n.table.Columns) > 0 && !n.bound(name, value) {
			return n.fail(Upsert, detailUpsert)
		}
		if !n.takeSign(',') {
			return true
		}
	}
}

// same reports whether the value is the column that it is assigned to.
func (n *insertion) same(name, value int32) bool {
	if n.pos-value == 1 || n.pos-value == 3 && n.list[value+1].kind == '.' {
		same, _ := n.sameName(name, n.pos-1)
		// The changed column is its own: this changes nothing.
		if same {
			n.changed = n.changed[:len(n.changed)-1]
		}
		return same
	}
	return false
}

// bound reports whether the value is IF(tenant_id <=> ?, x, c), and notes the placeholder.
func (n *insertion) bound(name, value int32) bool {
	if n.list[value].keyword != kwIf || n.list[value+1].kind != '(' ||
		n.list[value+1].match != n.pos-1 {
		return false
	}
	at := value + 2
	if n.list[at+1].kind == '.' {
		at += 2
	}
	if len(n.table.Columns) != 1 || !n.isColumn(at, n.table.Columns[0]) || n.list[at+1].kind != '<' || n.list[at+2].kind != '=' ||
		n.list[at+3].kind != '>' || n.list[at+4].kind != param || n.list[at+5].kind != ',' {
		return false
	}
	last := n.pos - 2
	if same, _ := n.sameName(name, last); !same {
		return false
	}
	before := last - 1
	if n.list[before].kind == '.' {
		before -= 2
	}
	if n.list[before].kind != ',' {
		return false
	}
	return n.bind(at+4, 0)
}
