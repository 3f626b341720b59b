package sqltext

// from moves past a list of tables: what follows FROM, or USING in a DELETE. The items of the block
// begin at base in the open ones.
func (r *reader) from(b int32, base int) bool {
	l := tableList{reader: r, block: b, base: base}
	return l.all()
}

// tableList is a list of tables that is being read. Items are counted from its base.
type tableList struct {
	*reader

	block int32
	base  int
	start int32 // The first item of the innermost list.
}

func (l *tableList) count() int32 { return int32(len(l.open) - l.base) } //nolint:gosec // Bounded.

// all moves past tables with commas between them. On SQLite a comma joins like the word.
func (l *tableList) all() bool {
	for {
		if !l.joined(l.count()) {
			return false
		}
		if !l.takeSign(',') {
			return true
		}
	}
}

// joined moves past a table and all that is joined to it. Its items begin at lo.
func (l *tableList) joined(lo int32) bool {
	if !l.primary() {
		return false
	}
	for {
		switch {
		case l.server == sqlite && l.kind() == ',':
			l.pos++
			if !l.primary() || !l.qualification(joinKind{}, lo, l.count()-1) {
				return false
			}
		case l.joins(l.pos):
			if !l.join(lo) {
				return false
			}
		default:
			return true
		}
	}
}

// joinKind is the kind of a join.
type joinKind struct {
	left, right    bool // The side that keeps its rows. Both are FULL.
	natural, cross bool
}

// join moves past one JOIN of a table to the items from lo on.
func (l *tableList) join(lo int32) bool {
	kind, ok := l.joinWords()
	if !ok {
		return false
	}
	mid := l.count()
	if !l.primary() {
		return false
	}
	if l.server != sqlite && !kind.natural && !kind.cross {
		// a JOIN b JOIN c ON x ON y is a JOIN (b JOIN c ON x) ON y.
		for nested := 0; l.joins(l.pos); nested++ {
			if nested == 0 && !l.enter() {
				return false
			}
			if !l.join(mid) {
				return false
			}
			if nested == 0 {
				l.leave()
			}
		}
	}
	return l.qualification(kind, lo, mid)
}

// joinWords moves past the words of a join. SQLite takes up to three of them in any order, and
// LEFT RIGHT for FULL.
func (l *tableList) joinWords() (joinKind, bool) {
	var k joinKind
	for {
		switch l.keyword() {
		case kwJoin, kwStraightJoin:
			l.pos++
			return k, true
		case kwLeft:
			k.left = true
		case kwRight:
			k.right = true
		case kwFull:
			k.left, k.right = true, true
		case kwNatural:
			k.natural = true
		case kwCross:
			k.cross = true
		case kwInner, kwOuter:
		default:
			return k, l.unexpected()
		}
		l.pos++
	}
}

// qualification moves past ON or USING, and says where the items of the join can be limited.
func (l *tableList) qualification(k joinKind, lo, mid int32) bool {
	hi := l.count()
	on := int32(inDerived)
	switch {
	case l.keyword() == kwOn:
		l.pos++
		start := l.pos
		if !l.expression(inOn) || l.pos == start {
			return l.unexpected()
		}
		c := condition{block: l.block, start: start, end: l.pos, lo: lo, hi: hi}
		switch {
		case k.left && k.right:
			c.hi = lo
		case k.left:
			c.lo = mid
		case k.right:
			c.hi = mid
		}
		on = int32(len(l.conditions)) //nolint:gosec // Bounded by the text.
		l.conditions = append(l.conditions, c)
	case l.keyword() == kwUsing && l.list[l.pos+1].kind == '(':
		stop := l.list[l.pos+1].match
		for ; l.pos < stop; l.pos++ {
			l.list[l.pos].flag |= asTable // A column, which may be called like a table.
		}
		l.pos++
		if l.server == postgres && l.take(kwAs) {
			l.list[l.pos].flag |= asName
			l.pos++
		}
	case l.server == postgres && !k.natural && !k.cross:
		return l.unexpected()
	}
	if k.right {
		l.rights++
	}
	switch {
	case k.left && k.right:
		l.extend(lo, hi, inDerived)
	case k.left:
		l.extend(mid, hi, on)
	case k.right:
		l.extend(lo, mid, on)
	}
	return true
}

// extend says that a join fills the columns of the items with NULL where it finds no row for them,
// so that the items that a WHERE would have limited are limited in the given place. An item that an
// inner join extends already keeps its place.
func (l *tableList) extend(lo, hi, place int32) {
	for i := lo; i < hi; i++ {
		if it := &l.open[l.base+int(i)]; it.place == inWhere {
			it.place = place
		}
	}
}

// primary moves past one item with its alias.
func (l *tableList) primary() bool {
	if int(l.count()) >= mostTables {
		return l.fail(TooLarge, detailTooBig+advice)
	}
	start := l.pos
	lateral := l.server != sqlite && l.take(kwLateral)
	if l.kind() == '(' {
		if l.queries(l.pos) {
			return l.derived(start, lateral)
		}
		return l.nested()
	}
	it := item{block: l.block, start: start, alias: none, place: inWhere}
	if l.server == postgres && l.keyword() == kwOnly && l.list[l.pos+1].kind != '.' {
		l.pos++
		if l.kind() == '(' { // ONLY (t)
			l.pos++
			if !l.path(&it) || !l.wantSign(')') {
				return false
			}
			it.pathEnd = l.pos
			return l.table(it)
		}
	}
	if l.server == postgres && l.is(l.pos, "ROWS") && l.list[l.pos+1].keyword == kwFrom {
		l.pos += 2
		return l.loose() && l.function(it)
	}
	if !l.path(&it) {
		return false
	}
	if l.kind() == '(' {
		for at := it.path; at <= it.name; at++ {
			l.list[at].flag |= asTable
		}
		return l.parentheses() && l.function(it)
	}
	return l.table(it)
}

// derived moves past a query in parentheses with its alias.
func (l *tableList) derived(start int32, lateral bool) bool {
	stop := l.list[l.pos].match
	outer := l.blocks[l.block].outer
	if lateral {
		// It sees the items in front of it, which are not those of the block yet.
		outer = l.block
	}
	if l.list[l.pos].flag&sealed == 0 {
		if !l.enter() {
			return false
		}
		around := l.reader.block
		l.pos++
		l.reader.block = outer
		if !l.query(outer) || l.pos != stop {
			return l.unexpected()
		}
		l.reader.block = around
		l.leave()
	}
	l.pos = stop + 1
	it := item{block: l.block, start: start, alias: none, name: none, place: inWhere}
	return l.aliased(&it)
}

// function moves past what may follow a function in FROM.
func (l *tableList) function(it item) bool {
	it.name = none
	if l.keyword() == kwWith && l.is(l.pos+1, "ORDINALITY") {
		l.pos += 2
	}
	if l.keyword() == kwAs && l.list[l.pos+1].kind == '(' { // f() AS (a int)
		l.pos = l.list[l.pos+1].match + 1
	}
	return l.aliased(&it)
}

// nested moves past tables in parentheses, which an alias hides.
func (l *tableList) nested() bool {
	stop := l.list[l.pos].match
	if l.list[l.pos].flag&sealed != 0 || !l.enter() {
		return l.unexpected()
	}
	defer l.leave()
	lo, around := l.count(), l.start
	l.start = lo
	l.pos++
	if !l.all() || l.pos != stop {
		return l.unexpected()
	}
	l.pos++
	l.start = around
	if l.keyword() != kwAs && !l.aliasOf(l.pos) {
		if l.server == sqlite && l.count() == lo+1 && lo != around {
			l.open[l.base+int(lo)].forget()
		}
		return true
	}
	for i := lo; i < l.count(); i++ {
		it := &l.open[l.base+int(i)]
		it.hidden = true
		if it.place == inWhere {
			it.place = inDerived
		}
	}
	it := item{block: l.block, start: l.pos, alias: none, name: none, place: inWhere}
	return l.aliased(&it)
}
