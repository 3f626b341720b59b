package sqltext

// query moves past a query: WITH, and SELECT, VALUES and TABLE joined by set operations.
func (r *reader) query(outer int32) bool {
	defer r.forget(len(r.commons))
	if r.keyword() == kwWith && !r.with(outer) {
		return false
	}
	return r.body(outer)
}

// body moves past a query behind its WITH.
func (r *reader) body(outer int32) bool {
	only := int32(none) // The block, if it is the only one.
	rights, all := r.rights, false
	for arms := 0; ; arms++ {
		switch k := r.keyword(); {
		case k == kwSelect && r.list[r.pos].flag&sealed != 0:
			r.pos = r.list[r.pos].match
		case k == kwSelect:
			only = int32(len(r.blocks)) //nolint:gosec // Bounded by the text.
			if !r.selection(outer) {
				return false
			}
		case k == kwValues:
			if !r.rows() {
				return false
			}
		case k == kwTable && r.server != sqlite:
			if !r.tableCommand(outer) {
				return false
			}
		case r.kind() == '(':
			if !r.arm(outer) {
				return false
			}
		default:
			return r.unexpected()
		}
		if r.keyword().combines() {
			r.pos++
			all = r.take(kwAll) || all
			r.take(kwDistinct)
			continue
		}
		if all && r.rights > rights && r.server == sqlite && r.depth > 0 {
			return r.fail(Unreadable, "SQLite 3.41 drops the conditions of a UNION ALL in a "+
				"sub-query of which an arm has a RIGHT or FULL join; swap the sides of the join")
		}
		if arms > 0 {
			only = none
		}
		return r.tail(outer, only)
	}
}

// arm moves past a query in parentheses.
func (r *reader) arm(outer int32) bool {
	stop := r.list[r.pos].match
	if r.list[r.pos].flag&sealed != 0 {
		r.pos = stop + 1
		return true
	}
	if !r.enter() {
		return false
	}
	defer r.leave()
	r.pos++
	return r.query(outer) && (r.pos == stop || r.unexpected()) && r.wantSign(')')
}

// newBlock begins a block, whose items are those that are opened from now on.
func (r *reader) newBlock(kind blockKind, outer int32) int32 {
	r.blocks = append(r.blocks, block{kind: kind, outer: outer, where: none, first: r.pos})
	r.block = int32(len(r.blocks) - 1) //nolint:gosec // Bounded by the text.
	return r.block
}

// endBlock keeps the items of a block that were opened above base.
func (r *reader) endBlock(b int32, base int) {
	r.blocks[b].lo = int32(len(r.items)) //nolint:gosec // Bounded by the text.
	r.items = append(r.items, r.open[base:]...)
	r.blocks[b].hi = int32(len(r.items)) //nolint:gosec // Bounded by the text.
	r.open = r.open[:base]
}

// selection moves past one SELECT, up to its ORDER BY.
func (r *reader) selection(outer int32) bool {
	around := r.block
	defer func() { r.block = around }()
	b := r.newBlock(selects, outer)
	base := len(r.open)
	r.pos++
	plain := r.modifiers()
	list := r.pos
	if !r.selectList() {
		return false
	}
	plain = plain && r.pos == list+1 && (r.list[list].kind == number || r.list[list].kind == '*')
	if r.take(kwInto) && !r.intoTarget() {
		return false
	}
	if r.take(kwFrom) && !r.from(b, base) {
		return false
	}
	r.blocks[b].at = r.pos
	//nolint:gosec // Bounded by the text.
	if r.keyword() == kwWhere && !r.whereClause(b, int32(len(r.open)-base)) {
		return false
	}
	r.endBlock(b, base)
	r.blocks[b].plain = plain
	return r.grouping(b)
}

// whereClause moves past WHERE and its condition, which filters the given number of items.
func (r *reader) whereClause(b, items int32) bool {
	r.pos++
	start := r.pos
	if !r.expression(inCondition) || r.pos == start {
		return r.unexpected()
	}
	r.blocks[b].where = int32(len(r.conditions)) //nolint:gosec // Bounded by the text.
	r.conditions = append(r.conditions, condition{block: b, start: start, end: r.pos, hi: items})
	return true
}

// modifiers moves past what may stand between SELECT and its list. It reports false for those that
// change which rows there are.
func (r *reader) modifiers() bool {
	for {
		switch r.keyword() {
		case kwAll:
			r.pos++
			continue
		case kwDistinct:
			r.pos++
			if r.server == postgres && r.take(kwOn) && r.kind() == '(' {
				r.loose()
			}
			return false
		case kwStraightJoin:
			if r.server == mysql {
				r.pos++
				continue
			}
		}
		if r.server != mysql || r.kind() != word || !r.takeWord("DISTINCTROW") &&
			!r.takeWord("HIGH_PRIORITY") && !r.takeWord("SQL_NO_CACHE") &&
			!r.takeWord("SQL_CACHE") &&
			!r.takeWord("SQL_CALC_FOUND_ROWS") && !r.takeWord("SQL_SMALL_RESULT") &&
			!r.takeWord("SQL_BIG_RESULT") && !r.takeWord("SQL_BUFFER_RESULT") {
			return true
		}
	}
}

// selectList moves past a list of SELECT or RETURNING. It notes the items that have no label and
// hold a query, since SQLite and MySQL call their columns by their text.
func (r *reader) selectList() bool {
	for {
		start, blocks := r.pos, len(r.blocks)
		if !r.expression(inList) {
			return false
		}
		if r.pos == start {
			// Postgres lets the whole list be empty.
			return r.server == postgres && r.kind() != ',' || r.unexpected()
		}
		if r.server != postgres && len(r.blocks) > blocks && r.labelled != r.pos {
			r.labels = append(r.labels, label{start: start, end: r.pos})
		}
		if !r.takeSign(',') {
			return true
		}
	}
}

// intoTarget moves past the target of SELECT INTO.
func (r *reader) intoTarget() bool {
	r.into = true
	for r.keyword() != kwFrom {
		if k := r.kind(); k == end || k == '(' || k == ')' {
			return r.unexpected()
		}
		r.list[r.pos].flag |= asTable
		r.pos++
	}
	return true
}

// grouping moves past GROUP BY, HAVING and WINDOW.
func (r *reader) grouping(b int32) bool {
	if r.take(kwGroup) {
		r.blocks[b].plain = false
		if !r.want(kwBy) {
			return false
		}
		_ = r.take(kwAll) || r.take(kwDistinct)
		if !r.expressions(inGroup) {
			return false
		}
	}
	if r.take(kwHaving) {
		r.blocks[b].plain = false
		if !r.expressions(inCondition) {
			return false
		}
	}
	for more := r.startsWindow(r.pos) && r.take(kwWindow); more; more = r.takeSign(',') {
		r.pos++
		if !r.want(kwAs) || r.kind() != '(' || !r.loose() {
			return r.unexpected()
		}
	}
	return true
}

// expressions moves past expressions with commas between them.
func (r *reader) expressions(in clause) bool {
	for {
		start := r.pos
		if !r.expression(in) {
			return false
		}
		if r.pos == start {
			return r.unexpected()
		}
		if in == inCondition || !r.takeSign(',') {
			return true
		}
	}
}

// tail moves past what follows the last arm of a query. Sub-queries in it see the tables of the
// only arm.
func (r *reader) tail(outer, only int32) bool {
	around := r.block
	defer func() { r.block = around }()
	r.block = outer
	if only != none {
		r.block = only
	}
	for {
		ok := true
		switch k := r.keyword(); {
		case k == kwOrder:
			r.pos++
			ok = r.want(kwBy) && r.expressions(inOrder)
		case k == kwLimit:
			r.pos++
			ok = r.limit()
		case k == kwOffset && r.fetches():
			r.pos++
			ok = r.expressions(inLimit)
		case k == kwFetch && r.fetches():
			ok = r.fetch()
		case (k == kwFor || k == kwLock) && r.server != sqlite:
			ok = r.locking()
			if ok {
				continue
			}
		case k == kwInto && r.server == mysql:
			r.into = true
			r.pos = r.last
		default:
			return true
		}
		if !ok {
			return false
		}
		if only != none {
			r.blocks[only].plain = false
		}
	}
}

// limit moves past LIMIT a, LIMIT a, b and, for SQLite, LIMIT a OFFSET b.
func (r *reader) limit() bool {
	if r.server == sqlite {
		// OFFSET is a word like any other here, but behind the first operand.
		start := r.pos
		for depth := 0; depth >= 0; {
			switch t := r.list[r.pos]; {
			case t.kind == '(':
				if !r.parentheses() {
					return false
				}
				continue
			case t.kind == end, t.kind == ';', t.kind == ')', r.ends(r.pos) && r.pos > start:
				return r.pos > start || r.unexpected()
			}
			r.pos++
		}
	}
	return r.expressions(inLimit)
}

// fetch moves past FETCH FIRST n ROWS ONLY.
func (r *reader) fetch() bool {
	for r.pos++; ; r.pos++ {
		switch {
		case r.take(kwOnly):
			return true
		case r.is(r.pos, "TIES"):
			r.pos++
			return true
		case r.kind() == '(':
			if !r.parentheses() {
				return false
			}
			r.pos--
		case r.kind() == end, r.kind() == ')', r.kind() == ';':
			return r.unexpected()
		}
	}
}

// locking moves past FOR UPDATE OF a, b SKIP LOCKED, and LOCK IN SHARE MODE.
func (r *reader) locking() bool {
	for r.pos++; ; r.pos++ {
		switch t := r.list[r.pos]; {
		case t.kind == word && (t.keyword == kwOffset || t.keyword == kwLimit ||
			t.keyword == kwFor ||
			t.keyword == kwFetch || t.keyword == kwUnion || t.keyword == kwInto):
			return true
		case t.kind == word && t.keyword == kwSelect, t.keyword == kwFrom:
			return r.unexpected()
		case t.kind == word, t.kind == quoted, t.kind == ',', t.kind == '.', t.kind == number:
			r.list[r.pos].flag |= asTable
		case t.kind == end, t.kind == ')', t.kind == ';':
			return true
		default:
			return r.unexpected()
		}
	}
}

// rows moves past VALUES (a, b), (c, d).
func (r *reader) rows() bool {
	r.pos++
	for {
		r.take(kwRow) // VALUES ROW(1, 2) of MySQL
		if r.kind() != '(' || !r.loose() {
			return r.unexpected()
		}
		if !r.takeSign(',') {
			return true
		}
	}
}
