package sqltext

// conjunct calls found with the tokens of each conjunct of a condition, until it returns other than
// none. Parentheses around a conjunct are taken off. A condition that holds OR has no conjuncts but
// itself.
func (t *tokens) conjunct(start, stop int32, found func(start, end int32) int32) int32 {
	for t.groups(start, stop) {
		start, stop = start+1, stop-1
	}
	if t.disjunction(start, stop) {
		return found(start, stop)
	}
	first := start
	for at := start; at <= stop; at++ {
		if at < stop {
			switch tok := t.list[at]; {
			case tok.kind == '(', tok.kind == '[':
				at = tok.match
				continue
			case tok.flag&conjunction == 0:
				continue
			}
		}
		var result int32
		if t.groups(first, at) {
			result = t.conjunct(first, at, found)
		} else {
			result = found(first, at)
		}
		if result != none {
			return result
		}
		first = at + 1
	}
	return none
}

// groups reports whether parentheses around an operand are all that stands there.
func (t *tokens) groups(start, stop int32) bool {
	return start < stop && t.list[start].flag&grouping != 0 && t.list[start].match == stop-1
}

// disjunction reports whether a condition has a sign outside of parentheses that binds less than
// AND, so that its conjuncts do not each hold.
func (t *tokens) disjunction(start, stop int32) bool {
	for at := start; at < stop; at++ {
		switch tok := t.list[at]; {
		case tok.kind == '(', tok.kind == '[':
			at = tok.match
		case tok.flag&asName != 0:
		case tok.keyword == kwOr, tok.keyword == kwXor:
			return true
		case t.server != mysql:
		case tok.kind == '|' && t.list[at+1].kind == '|', tok.kind == '&',
			tok.kind == ':':
			return true
		}
	}
	return false
}

// column is x.y or y in a condition.
type column struct {
	path int32 // The first token, or none for y alone.
	name int32 // The token of the column.
}

// columnAt returns the column that the tokens up to stop spell exactly.
func (t *tokens) columnAt(start, stop int32) (column, bool) {
	if stop <= start || (stop-start)%2 == 0 || stop-start > 5 {
		return column{}, false
	}
	for at := start; at < stop; at++ {
		if (at-start)%2 == 1 {
			if t.list[at].kind != '.' {
				return column{}, false
			}
		} else if k := t.list[at].kind; !k.isName() || k == coded {
			return column{}, false
		}
	}
	c := column{path: none, name: stop - 1}
	if stop-start > 1 {
		c.path = start
	} else if t.list[start].flag&asName == 0 {
		return column{}, false // A keyword.
	}
	return c, true
}

// equality is a conjunct that says that a column is equal to an argument, or to another column.
type equality struct {
	left, right column
	arg         int32 // The index of the argument, or none.
}

// equalityOf returns the equality that a conjunct is exactly.
func (t *tokens) equalityOf(start, stop int32) (equality, bool) {
	for at := start; at < stop; at++ {
		switch tok := t.list[at]; {
		case tok.kind == '=':
			return t.equals(start, at, stop)
		case tok.keyword == kwIn && tok.flag&asName == 0:
			left, ok := t.columnAt(start, at)
			if !ok || stop-at != 4 || t.list[at+1].kind != '(' || t.list[at+2].kind != param {
				return equality{}, false
			}
			arg := t.list[at+2].match
			return equality{left: left, arg: arg}, arg >= 0
		case tok.kind.isName(), tok.kind == '.', tok.kind == param:
		default:
			return equality{}, false
		}
	}
	return equality{}, false
}

func (t *tokens) equals(start, at, stop int32) (equality, bool) {
	left, ok := t.columnAt(start, at)
	right, ok2 := t.columnAt(at+1, stop)
	switch {
	case ok && ok2:
		return equality{left: left, right: right, arg: none}, true
	case ok && stop-at == 2 && t.list[at+1].kind == param:
		arg := t.list[at+1].match
		return equality{left: left, arg: arg}, arg >= 0
	case ok2 && at-start == 1 && t.list[start].kind == param:
		arg := t.list[start].match
		return equality{left: right, arg: arg}, arg >= 0
	}
	return equality{}, false
}
