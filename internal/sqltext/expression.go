package sqltext

// clause is where an expression stands, which decides what may follow it.
type clause uint8

const (
	inCondition clause = iota // WHERE, HAVING, a value of SET.
	inOn                      // ON, which the next JOIN ends.
	inList                    // The list of SELECT or RETURNING, whose items have labels.
	inOrder                   // ORDER BY.
	inGroup                   // GROUP BY.
	inLimit                   // LIMIT and OFFSET.
)

// expression moves past one expression, up to the comma or the word that ends it, and reads the
// sub-queries in it. A word ends it only behind an operand: SQLite lets a column be called offset.
func (r *reader) expression(in clause) bool {
	e := expression{reader: r, in: in, want: true}
	for start := r.pos; ; {
		switch t := &r.list[r.pos]; t.kind {
		case end, ';', ')', ']', ',':
			return e.done(start)
		case '(':
			if e.want && !r.group() || !e.want && !r.parentheses() {
				return false
			}
			e.want = false
		case '[':
			if r.server != postgres || !r.loose() {
				return r.unexpected()
			}
			e.want = false
		case word:
			stop, ok := e.word(start)
			if stop || !ok {
				return ok
			}
		case quoted, coded, str:
			stop, ok := e.quoted()
			if stop || !ok {
				return ok
			}
		case number, param, variable:
			if !e.want {
				return r.unexpected()
			}
			e.want = false
			r.pos++
		case cast:
			r.pos++
			if e.want || !r.typeName() {
				return r.unexpected()
			}
		case '.': // (row).column
			r.pos++
			if e.want || !r.kind().isName() && r.kind() != '*' {
				return r.unexpected()
			}
			r.list[r.pos].flag |= asName
			r.pos++
		default:
			e.want = !e.want || t.kind != '*' // count(*), SELECT *
			r.pos++
		}
	}
}

// expression is the state of an expression that is being read.
type expression struct {
	*reader

	in       clause
	want     bool // An operand comes next.
	cases    int  // How many CASE have not ended.
	between  int  // How many BETWEEN wait for their AND.
	interval bool // An INTERVAL waits for its unit.
}

func (e *expression) done(start int32) bool {
	if e.cases > 0 || e.want && e.pos != start {
		return e.unexpected()
	}
	return true
}

// quoted moves past a quoted operand or label.
func (e *expression) quoted() (stop, ok bool) {
	if e.want {
		e.want = false
		if e.kind() == str && e.list[e.pos+1].kind != '.' {
			e.pos++
			return false, true
		}
		return false, e.operand()
	}
	before := e.list[e.pos-1].kind
	if e.kind() == str && (before == word || before == str) { // DATE '2000-01-01', 'a' 'b'
		e.pos++
		return false, true
	}
	if e.in != inList {
		return true, e.unexpected()
	}
	return true, e.label()
}

// label moves past the label of an item of a list, which the next item or clause must follow.
func (e *expression) label() bool {
	if k := e.kind(); !k.isName() && (k != str || e.server == postgres) {
		return e.unexpected()
	}
	e.list[e.pos].flag |= asName
	e.pos++
	e.labelled = e.pos
	switch e.kind() {
	case end, ';', ')', ',':
		return e.cases == 0 || e.unexpected()
	}
	return e.cases == 0 && e.ends(e.pos) || e.unexpected()
}

// word moves past a word: an operand, an operator, a label, or what ends the expression.
func (e *expression) word(start int32) (stop, ok bool) {
	if e.want {
		return e.wantedWord(start)
	}
	at, k := e.pos, e.keyword()
	if e.cases > 0 {
		switch k {
		case kwWhen, kwThen, kwElse:
			e.pos++
			e.want = true
			return false, true
		case kwEnd:
			e.pos++
			e.cases--
			return false, true
		}
	}
	switch {
	case e.in == inOn && e.joins(at), e.ends(at), k == kwDo:
		return true, e.done(start)
	case e.operator():
		return false, e.refusal == nil
	case e.postfix():
		return false, e.refusal == nil
	case e.in == inList && k == kwAs:
		e.pos++
		return true, e.label()
	case e.in == inList:
		return true, e.label()
	}
	return true, e.unexpected()
}

// wantedWord moves past a word where an operand must stand.
func (e *expression) wantedWord(start int32) (stop, ok bool) {
	at, k := e.pos, e.keyword()
	switch k {
	case kwNot:
		e.pos++
		return false, true
	case kwCase:
		e.pos++
		e.cases++
		return false, true
	case kwWhen:
		if e.cases > 0 && e.list[at-1].keyword == kwCase {
			e.pos++
			return false, true
		}
	case kwNull, kwDefault:
		e.pos++
		e.want = false
		return false, true
	case kwAll: // LIMIT ALL, = ALL (...)
		e.pos++
		e.want = false
		return false, true
	case kwBinary:
		if e.server == mysql {
			e.pos++
			return false, true
		}
	case kwInterval:
		if e.server == mysql && e.list[at+1].kind != '(' {
			e.pos++
			e.interval = true
			return false, true
		}
		e.interval = e.server == postgres && e.list[at+1].kind == str
	case kwExists, kwIf, kwReplace, kwLeft, kwRight, kwInsert, kwMod:
		if e.list[at+1].kind == '(' {
			e.want = false
			return false, e.operand()
		}
	case kwWith: // In parentheses it would begin a query.
		return true, e.unexpected()
	case kwValues:
		if e.server == mysql && e.list[at+1].kind == '(' {
			e.want = false
			return false, e.operand()
		}
		return true, e.unexpected()
	}
	if at == start && e.ends(at) {
		return true, true // The caller decides whether nothing is enough.
	}
	if e.reserved(at) {
		return true, e.unexpected()
	}
	e.want = false
	return false, e.operand()
}

// operand moves past a name with all its parts, and the arguments of a function.
func (r *reader) operand() bool {
	for {
		r.list[r.pos].flag |= asName
		r.pos++
		if r.kind() != '.' {
			break
		}
		r.pos++
		if r.kind() == '*' {
			r.pos++
			return true
		}
		if k := r.kind(); !k.isName() && (k != str || r.server != sqlite) {
			return r.unexpected()
		}
	}
	if r.kind() == '(' {
		return r.parentheses()
	}
	return true
}

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

// parentheses moves past parentheses of an expression and reads the query in them.
func (r *reader) parentheses() bool {
	at := r.pos
	stop := r.list[at].match
	if r.list[at].flag&sealed != 0 {
		r.pos = stop + 1
		return true
	}
	if !r.queries(at) {
		return r.loose()
	}
	if !r.enter() {
		return false
	}
	defer r.leave()
	r.pos++
	return r.query(r.block) && (r.pos == stop || r.unexpected()) && r.wantSign(r.list[stop].kind)
}

// group moves past parentheses around an operand, around those of a row or a list, or around a
// query.
func (r *reader) group() bool {
	at := r.pos
	if r.list[at].flag&sealed != 0 || r.queries(at) {
		return r.parentheses()
	}
	if !r.enter() {
		return false
	}
	defer r.leave()
	single := true
	for r.pos++; ; r.pos++ {
		start := r.pos
		if !r.expression(inCondition) {
			return false
		}
		switch r.kind() {
		case ')':
			if r.pos == start && start > at+1 {
				return r.unexpected()
			}
			if single && r.pos > start {
				r.list[at].flag |= grouping
			}
			r.pos++
			return true
		case ',':
			if single = false; r.pos > start {
				continue
			}
		}
		return r.unexpected()
	}
}

// loose moves past brackets of an expression. Within them any words may follow one another, since
// none of them can name a table but in a query in parentheses of its own.
func (r *reader) loose() bool {
	if !r.enter() {
		return false
	}
	defer r.leave()
	stop := r.list[r.pos].match
	for r.pos++; r.pos < stop; {
		switch t := r.list[r.pos]; {
		case t.kind == '(':
			if !r.parentheses() {
				return false
			}
			continue
		case t.kind == '[':
			if !r.loose() {
				return false
			}
			continue
		case t.keyword == kwSelect && !r.named():
			return r.unexpected()
		}
		r.pos++
	}
	r.pos = stop + 1
	return true
}

// named reports whether the word here is a column or a label, whatever it spells.
func (r *reader) named() bool {
	before := r.list[r.pos-1]
	return before.kind == '.' || before.keyword == kwAs
}
