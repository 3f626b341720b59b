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
	//nolint:gosec // A handful.
	n.bonds = append(n.bonds, bond{item: n.item, column: int32(column), arg: n.list[at].match})
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
		case t.kind == '*', t.kind == end,
			t.keyword == kwFrom && n.list[at-1].keyword != kwDistinct:
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
