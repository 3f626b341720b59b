package sqltext

// operator moves past an infix operator that is a word, behind which an operand comes.
func (e *expression) operator() bool {
	switch e.keyword() {
	case kwAnd:
		switch {
		case e.cases > 0:
		case e.between > 0:
			e.between--
		default:
			e.list[e.pos].flag |= conjunction
		}
	case kwNot: // NOT IN, NOT NULL
		e.pos++
		if e.want = true; e.keyword() == kwNull {
			return true
		}
		return e.operator() || e.unexpected()
	case kwOr, kwIn:
	case kwIs:
		e.pos++
		e.take(kwNot)
		if e.keyword() == kwDistinct && e.list[e.pos+1].keyword == kwFrom {
			e.pos += 2
		}
		e.want = true
		return true
	case kwBetween:
		if e.cases == 0 {
			e.between++
		}
		if e.is(e.pos+1, "SYMMETRIC") || e.is(e.pos+1, "ASYMMETRIC") {
			e.pos++
		}
	case kwCollate:
	case kwXor:
		if e.server != mysql {
			return false
		}
	case kwAt:
		if e.server != postgres || !e.is(e.pos+1, "TIME") {
			return false
		}
		e.pos += 2
	case kwSimilar:
		if e.server != postgres {
			return false
		}
		e.pos++
	case kwNamedOperator:
		if e.server != postgres || e.list[e.pos+1].kind != '(' {
			return false
		}
		e.pos++
		e.want = true
		return e.parentheses()
	case kwOperator, kwMod:
		if !e.isOperator() {
			return false
		}
		if e.is(e.pos, "AGAINST") { // ('x' IN BOOLEAN MODE)
			e.pos++
			return e.kind() == '(' && e.loose() || e.unexpected()
		}
	case kwMember:
		if e.server != mysql {
			return false
		}
		e.pos++
	default:
		return false
	}
	e.pos++
	e.want = true
	return true
}

// isOperator reports whether the server takes the word here for an infix operator.
func (e *expression) isOperator() bool {
	t := e.list[e.pos]
	c := lower(e.text[t.start])
	switch {
	case e.is(e.pos, "LIKE"), e.is(e.pos, "ESCAPE"):
		return true
	case e.server == postgres:
		return c == 'i' || c == 'o' // ILIKE, OVERLAPS
	case e.server == sqlite:
		return c == 'g' || c == 'm' && t.keyword != kwMod || e.is(e.pos, "REGEXP")
	}
	return c != 'i' && c != 'o' && c != 'g'
}

// postfix moves past what may follow an operand and leaves it one.
func (e *expression) postfix() bool {
	at := e.pos
	switch k := e.keyword(); {
	case k == kwIsnull, k == kwNotnull:
		e.pos++
		return e.server != mysql || e.unexpected()
	case (k == kwOver || k == kwFilter) && e.list[at+1].kind == '(':
		e.pos++
		e.parentheses()
		return true
	case k == kwOver && e.list[at-1].kind == ')' && e.list[at+1].kind.isName() && !e.ends(at+1):
		e.pos += 2
		return true
	case k == kwWithin && e.list[at+1].keyword == kwGroup && e.list[at+2].kind == '(':
		e.pos += 2
		e.parentheses()
		return true
	case e.interval && e.unit():
		return true
	case e.in == inOrder:
		return e.takeWord("ASC") || e.takeWord("DESC") ||
			e.takeWord("NULLS") && (e.takeWord("FIRST") || e.takeWord("LAST") || e.unexpected())
	case e.in == inGroup && k == kwWith: // WITH ROLLUP
		e.pos += 2
		return true
	case k == kwSets || e.in == inLimit && (e.is(at, "ROW") || e.is(at, "ROWS")):
		e.pos++
		return true
	}
	return false
}

// unit moves past the unit of an INTERVAL: DAY, YEAR TO MONTH, DAY_HOUR.
func (e *expression) unit() bool {
	units := [...]string{
		"MICROSECOND", "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR", "TO",
		"SECOND_MICROSECOND", "MINUTE_MICROSECOND", "MINUTE_SECOND", "HOUR_MICROSECOND",
		"HOUR_SECOND", "HOUR_MINUTE", "DAY_MICROSECOND", "DAY_SECOND", "DAY_MINUTE", "DAY_HOUR",
		"YEAR_MONTH",
	}
	for _, unit := range units {
		if e.takeWord(unit) {
			return true
		}
	}
	return false
}

// typeName moves past the name of a type behind ::, of which only the words matter: brackets and
// parentheses are read as those of an operand.
func (r *reader) typeName() bool {
	first := r.pos
	if !r.kind().isName() {
		return false
	}
	for {
		r.list[r.pos].flag |= asName
		r.pos++
		if r.kind() != '.' || !r.list[r.pos+1].kind.isName() {
			break
		}
		r.pos++
	}
	switch {
	case r.is(first, "DOUBLE"):
		r.takeWord("PRECISION")
	case r.is(first, "CHARACTER"), r.is(first, "CHAR"), r.is(first, "BIT"), r.is(first, "NCHAR"):
		r.takeWord("VARYING")
	case r.is(first, "TIMESTAMP"), r.is(first, "TIME"):
		if r.kind() == '(' {
			r.pos = r.list[r.pos].match + 1
		}
		if (r.keyword() == kwWith || r.is(r.pos, "WITHOUT")) && r.is(r.pos+1, "TIME") {
			r.pos += 3
		}
	}
	return true
}
