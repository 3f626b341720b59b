package sqltext

// change moves past an INSERT, UPDATE or DELETE.
func (r *reader) change(outer int32) bool {
	around := r.block
	defer func() { r.block = around }()
	switch r.keyword() {
	case kwUpdate:
		return r.update(outer)
	case kwDelete:
		return r.delete(outer)
	case kwInsert:
		return r.insert(outer)
	}
	return r.fail(Command, "no condition can limit this command to the rows of a tenant"+advice)
}

// destination moves past the table that a command changes. Its name is never that of a common
// table expression.
func (r *reader) destination(l *tableList, kind itemKind) bool {
	it := item{kind: other, block: l.block, start: r.pos, alias: none, place: inWhere}
	paren := false
	if r.server == postgres && r.keyword() == kwOnly && r.list[r.pos+1].kind != '.' &&
		r.list[r.pos+1].keyword != kwSet {
		r.pos++
		paren = r.takeSign('(')
	}
	if !l.path(&it) || paren && !r.wantSign(')') {
		return false
	}
	if r.server == postgres && kind != created {
		r.takeSign('*')
	}
	it.pathEnd = r.pos
	schema := int32(none)
	if it.path != it.name {
		schema = it.name - 2
	}
	found, known := lookup(r.tokens, r.o, schema, it.name)
	if !known {
		return r.unexpected()
	}
	if it.table = found; found != nil {
		it.kind = kind
	}
	if kind == created {
		if r.take(kwAs) {
			it.alias = r.pos
			r.list[r.pos].flag |= asName
			r.pos++
		}
		it.aliasEnd, it.suffix = r.pos, r.pos
		r.open = append(r.open, it)
		return true
	}
	return l.aliased(&it)
}

// update moves past UPDATE t SET ... FROM ... WHERE ... RETURNING.
func (r *reader) update(outer int32) bool {
	b := r.newBlock(updates, outer)
	l := tableList{reader: r, block: b, base: len(r.open)}
	r.pos++
	if !r.conflictClause() || !r.destination(&l, target) {
		return false
	}
	if r.server == mysql {
		for r.joins(r.pos) {
			if !l.join(0) {
				return false
			}
		}
		if r.takeSign(',') && !l.all() {
			return false
		}
	}
	if !r.want(kwSet) || !r.assignments() {
		return false
	}
	if r.server != mysql && r.take(kwFrom) {
		// The target is no part of the joins behind FROM.
		if l.start = l.count(); !l.all() {
			return false
		}
	}
	return r.finish(b, l.base, outer)
}

// delete moves past DELETE FROM t USING ... WHERE ... RETURNING.
func (r *reader) delete(outer int32) bool {
	b := r.newBlock(deletes, outer)
	l := tableList{reader: r, block: b, base: len(r.open)}
	r.pos++
	if r.server == mysql && !r.manyTargets() {
		return l.all() && r.finish(b, l.base, outer)
	}
	if !r.want(kwFrom) || !r.destination(&l, target) {
		return false
	}
	if r.server != sqlite && r.take(kwUsing) && !l.all() {
		return false
	}
	return r.finish(b, l.base, outer)
}

// manyTargets reports false for DELETE a, b FROM a JOIN b and DELETE FROM a USING a JOIN b of
// MySQL, and moves up to the tables, which are read as those of a SELECT.
func (r *reader) manyTargets() bool {
	for _, modifier := range [...]string{"LOW_PRIORITY", "QUICK", "IGNORE"} {
		r.takeWord(modifier)
	}
	until := kwUsing
	at := r.pos + 1
	if r.keyword() != kwFrom {
		at, until = r.pos, kwFrom
	}
	for ; ; at++ {
		switch t := r.list[at]; {
		case t.keyword == until:
			for i := r.pos; i < at; i++ {
				r.list[i].flag |= asTable
			}
			r.pos = at + 1
			return false
		case t.kind.isName() && !r.reserved(at), t.kind == ',', t.kind == '.', t.kind == '*':
		default:
			return true
		}
	}
}

// finish moves past WHERE, RETURNING, ORDER BY and LIMIT, and ends the block.
func (r *reader) finish(b int32, base int, outer int32) bool {
	r.blocks[b].at = r.pos
	//nolint:gosec // Bounded.
	if r.keyword() == kwWhere && !r.whereClause(b, int32(len(r.open)-base)) {
		return false
	}
	r.endBlock(b, base)
	return r.tail(outer, b) && r.returning() && r.tail(outer, b)
}

func (r *reader) returning() bool {
	return !r.take(kwReturning) || r.selectList()
}

// assignments moves past a = b, (c, d) = (e, f), and notes the columns.
func (r *reader) assignments() bool {
	for {
		if r.kind() == '(' {
			stop := r.list[r.pos].match
			for at := r.pos + 1; at < stop; at++ {
				if k := r.list[at].kind; k.isName() || k == str {
					r.changed = append(r.changed, assigned{r.block, at})
				}
			}
			r.pos = stop + 1
		} else {
			if k := r.kind(); !k.isName() && (k != str || r.server != sqlite) {
				return r.unexpected()
			}
			for {
				r.list[r.pos].flag |= asName
				r.changed = append(r.changed, assigned{r.block, r.pos})
				r.pos++
				if !r.takeSign('.') {
					break
				}
			}
			if r.kind() == '[' && r.server == postgres && !r.loose() {
				return false
			}
		}
		if !r.wantSign('=') {
			return false
		}
		start := r.pos
		if !r.expression(inCondition) || r.pos == start {
			return r.unexpected()
		}
		if !r.takeSign(',') {
			return true
		}
	}
}

// conflictClause moves past OR ABORT of SQLite and the modifiers of MySQL, and refuses those that
// replace a row with the same key. One that passes over such a row is refused in raw text, where
// nobody would be told.
func (r *reader) conflictClause() bool {
	if r.server == sqlite && r.take(kwOr) {
		if r.is(r.pos, "IGNORE") && r.o.Raw || r.is(r.pos, "REPLACE") {
			return r.fail(Upsert, detailUpsert)
		}
		r.pos++
		return true
	}
	if r.server != mysql {
		return true
	}
	for {
		switch {
		case r.takeWord("LOW_PRIORITY"), r.takeWord("HIGH_PRIORITY"), r.takeWord("DELAYED"):
		case r.keyword() == kwIgnore && r.o.Raw:
			return r.fail(Upsert, detailUpsert)
		case r.take(kwIgnore):
		default:
			return true
		}
	}
}

const (
	detailUpsert = "a row of another tenant with the same key would be in the way and nothing " +
		"would tell; use Clauses(clause.OnConflict{...}).Create, or look the row up first"
	detailInsert = "each row of a raw INSERT must have a placeholder for the tenant column, " +
		"and the columns must be listed; use Create, or scopes.ID(ctx)"
)
