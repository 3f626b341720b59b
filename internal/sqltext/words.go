package sqltext

// ends reports whether a word ends an expression if it stands behind an operand. A word that a
// server does not reserve is a label there, or an error.
func (r *reader) ends(at int32) bool {
	switch r.list[at].keyword {
	case kwFrom, kwWhere, kwGroup, kwHaving, kwOrder, kwLimit, kwUnion, kwIntersect, kwExcept,
		kwOn, kwUsing, kwReturning, kwSelect, kwSet, kwWhen, kwThen, kwElse:
		return true
	case kwOffset, kwFetch:
		return r.fetches()
	case kwInto:
		return r.server != sqlite
	case kwFor, kwLock:
		return r.server == mysql || r.server == postgres && r.list[at].keyword == kwFor
	case kwWith:
		return r.server != sqlite
	case kwWindow:
		return r.startsWindow(at)
	case kwDo:
		return true
	}
	return false
}

// fetches reports whether OFFSET and FETCH begin a clause wherever they stand. On SQLite they do
// not, but then nothing is known of Other.
func (r *reader) fetches() bool { return r.server != sqlite || r.anyParam }

// startsWindow reports whether WINDOW is the clause. SQLite looks two tokens ahead to see.
func (r *reader) startsWindow(at int32) bool {
	if r.server != sqlite {
		return true
	}
	return r.list[at+1].kind.isName() && r.list[at+2].keyword == kwAs
}

// joins reports whether a word begins a JOIN where it stands behind a table or a condition of ON.
func (r *reader) joins(at int32) bool {
	switch r.list[at].keyword {
	case kwJoin, kwInner, kwCross, kwLeft, kwRight, kwNatural:
		return true
	case kwFull, kwOuter:
		return r.server != mysql
	case kwStraightJoin:
		return r.server == mysql
	}
	return false
}

// reserved reports whether a word cannot be an operand on this server, nor a name without quotes.
func (r *reader) reserved(at int32) bool {
	switch r.list[at].keyword {
	case kwAll, kwAnd, kwAs, kwCase, kwCreate, kwDefault, kwDistinct, kwElse, kwFrom, kwGroup,
		kwHaving,
		kwIn, kwInto, kwLimit, kwNot, kwNull, kwOn, kwOr, kwOrder, kwSelect, kwTable, kwThen,
		kwUnion,
		kwIntersect, kwExcept, kwUsing, kwWhen, kwWhere, kwReturning:
		return true
	case kwIs, kwBetween, kwValues, kwSet, kwUpdate, kwDelete, kwInsert, kwExists, kwIsnull,
		kwNotnull, kwJoin:
		return r.server != postgres
	case kwOffset, kwFetch, kwFor, kwWindow, kwWith, kwCollate, kwOnly, kwLateral, kwDo, kwEnd:
		return r.server == postgres
	case kwLock, kwUse, kwIgnore, kwForce, kwStraightJoin, kwPartition, kwKey:
		return r.server == mysql
	}
	return false
}

// aliasOf reports whether the token can be the alias of a table without AS.
func (r *reader) aliasOf(at int32) bool {
	t := r.list[at]
	switch t.kind {
	case quoted, coded:
		return true
	case str:
		return r.server == sqlite
	case word:
	default:
		return false
	}
	if r.joins(at) || r.ends(at) || r.reserved(at) {
		return false
	}
	switch t.keyword {
	case kwTablesample, kwIs, kwIsnull, kwNotnull, kwBinary, kwCollate, kwOuter, kwInner:
		return r.server != postgres
	case kwIndexed:
		return r.server != sqlite
	}
	return true
}
