package sqltext

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
		if !n.same(name, value) && n.table != nil && len(n.table.Columns) > 0 &&
			!n.bound(name, value) {
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
	if len(n.table.Columns) != 1 || !n.isColumn(at, n.table.Columns[0]) ||
		n.list[at+1].kind != '<' || n.list[at+2].kind != '=' ||
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
