package sqltext

// forget takes the alias off a single table in parentheses, as SQLite does unless the list begins
// with it.
func (i *item) forget() {
	i.alias = none
	i.alone = true
	i.hidden = i.hidden || i.name == none
}

// path moves past the name of a table and looks it up.
func (l *tableList) path(it *item) bool {
	it.path = l.pos
	for parts := 0; ; parts++ {
		t := l.list[l.pos]
		switch {
		case t.kind == word && parts == 0 &&
			(l.reserved(l.pos) || l.server == postgres && t.keyword == kwJoin):
			return l.unexpected()
		case t.kind.isName():
		case t.kind == str && l.server == sqlite:
		case t.kind == str && l.server == mysql && !l.ansi && l.text[t.start] == '"':
			return l.unexpected()
		default:
			return l.unexpected()
		}
		l.list[l.pos].flag |= asTable
		it.name = l.pos
		l.pos++
		if l.kind() != '.' {
			break
		}
		if parts == 2 {
			return l.unexpected()
		}
		l.pos++
	}
	it.pathEnd = l.pos
	return true
}

// table moves past what follows the name of a table, and adds it.
func (l *tableList) table(it item) bool {
	it.kind = table
	if l.server == postgres && l.takeSign('*') {
		it.pathEnd = l.pos
	}
	var ok bool
	if it.table, ok = l.tenantTable(it.path, it.name); !ok {
		return false
	}
	if it.table == nil {
		it.kind = other
	}
	if l.server == mysql && l.keyword() == kwPartition && l.list[l.pos+1].kind == '(' {
		l.pos = l.list[l.pos+1].match + 1
		it.pathEnd = l.pos
	}
	return l.aliased(&it)
}

// aliased moves past an alias and what may follow it, and adds the item.
func (l *tableList) aliased(it *item) bool {
	as := l.take(kwAs)
	if as || l.aliasOf(l.pos) {
		if k := l.kind(); !k.isName() && k != str || k == str && l.server == postgres ||
			k == word && l.reserved(l.pos) {
			return l.unexpected()
		}
		it.alias = l.pos
		l.list[l.pos].flag |= asName
		l.pos++
		if l.kind() == '(' && l.server != sqlite {
			it.columns = true
			it.place = inDerived
			l.pos = l.list[l.pos].match + 1
		}
	}
	it.aliasEnd = l.pos
	if !l.suffix() {
		return false
	}
	it.suffix = l.pos
	l.open = append(l.open, *it)
	return true
}

// suffix moves past TABLESAMPLE, INDEXED BY, and the hints of MySQL.
func (l *tableList) suffix() bool {
	switch k := l.keyword(); {
	case l.server == postgres && k == kwTablesample:
		l.pos += 2
		if l.kind() != '(' || !l.loose() {
			return l.unexpected()
		}
		if l.takeWord("REPEATABLE") {
			return l.kind() == '(' && l.loose() || l.unexpected()
		}
	case l.server == sqlite && k == kwIndexed:
		l.pos++
		if !l.want(kwBy) {
			return false
		}
		l.pos++
	case l.server == sqlite && k == kwNot && l.list[l.pos+1].keyword == kwIndexed:
		l.pos += 2
	case l.server == mysql:
		for l.keyword() == kwUse || l.keyword() == kwIgnore || l.keyword() == kwForce {
			for l.kind() == word {
				l.pos++
			}
			if l.kind() != '(' || !l.loose() {
				return l.unexpected()
			}
			l.takeSign(',')
		}
	}
	return true
}

// tableCommand moves past TABLE t, which is SELECT * FROM t.
func (r *reader) tableCommand(outer int32) bool {
	around := r.block
	defer func() { r.block = around }()
	b := r.newBlock(selects, outer)
	l := tableList{reader: r, block: b, base: len(r.open)}
	it := item{block: b, start: r.pos, alias: none, place: inWhere}
	r.pos++
	if r.server == postgres && r.take(kwOnly) && r.kind() == '(' || !l.path(&it) {
		return r.unexpected()
	}
	if r.server == postgres && r.takeSign('*') {
		it.pathEnd = r.pos
	}
	var ok bool
	if it.table, ok = r.tenantTable(it.path, it.name); !ok {
		return false
	}
	if it.table != nil {
		it.kind = command
	}
	it.aliasEnd, it.suffix = r.pos, r.pos
	r.open = append(r.open, it)
	r.blocks[b].at = r.pos
	r.endBlock(b, l.base)
	return true
}
