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
