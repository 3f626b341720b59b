package sqltext

// Bounds that no server lets a text of use come near, so that time stays linear and the stack
// small: SQLite joins 64 tables and MySQL 61.
const (
	deepest      = 200
	mostTables   = 1000
	mostCommon   = 1000
	advice       = "; write it in a plainer way, or run it Unscoped"
	detailTooBig = "the text is nested deeper, or has more tables in one FROM, than is read"
)

// reader reads the tokens of one statement into its structure.
type reader struct {
	*tokens
	structure

	o         *Options
	last      int32 // The token at which the statement ends.
	pos       int32
	depth     int
	block     int32    // The block that is being read.
	commons   []common // The common table expressions that can be seen, the innermost last.
	open      []item   // The items of lists that have not ended.
	withNames []int32  // The names of all common table expressions.
	labelled  int32    // The token behind the last label.
	rights    int      // How many RIGHT and FULL joins there are.
	into      bool     // There is a SELECT INTO.
	refusal   *Refusal
}

func (r *reader) fail(reason Reason, detail string) bool {
	if r.refusal == nil {
		//nolint:gosec // There are not more tokens than bytes.
		at := min(r.pos, int32(len(r.list)-1))
		r.refusal = &Refusal{Reason: reason, Detail: detail, Pos: int(r.list[at].start)}
	}
	return false
}

func (r *reader) unexpected() bool {
	return r.fail(Unreadable, "the text cannot be read with certainty here"+advice)
}

func (r *reader) keyword() keyword { return r.list[r.pos].keyword }

func (r *reader) kind() kind { return r.list[r.pos].kind }

// is reports whether the token at the position spells a word, in upper case.
func (r *reader) is(at int32, upper string) bool {
	t := r.list[at]
	return t.kind == word && equalFoldASCII(r.text[t.start:t.end], upper)
}

// take moves past a keyword if it is here.
func (r *reader) take(k keyword) bool {
	if r.list[r.pos].keyword != k {
		return false
	}
	r.pos++
	return true
}

func (r *reader) takeWord(upper string) bool {
	if !r.is(r.pos, upper) {
		return false
	}
	r.pos++
	return true
}

func (r *reader) takeSign(k kind) bool {
	if r.list[r.pos].kind != k {
		return false
	}
	r.pos++
	return true
}

// want moves past a keyword that must be here.
func (r *reader) want(k keyword) bool { return r.take(k) || r.unexpected() }

func (r *reader) wantSign(k kind) bool { return r.takeSign(k) || r.unexpected() }

// enter counts a level of nesting. A leave must follow if it returns true.
func (r *reader) enter() bool {
	if r.depth >= deepest {
		return r.fail(TooLarge, detailTooBig+advice)
	}
	r.depth++
	return true
}

func (r *reader) leave() { r.depth-- }

// queries reports whether the parentheses that open here hold a query. A query in parentheses of
// its own, ((SELECT 1) + 2), is one only if nothing but a set operation or ORDER BY follows it.
func (r *reader) queries(at int32) bool {
	for level := 0; level <= deepest; level++ {
		if r.list[at].flag&sealed != 0 {
			return r.continues(at, level)
		}
		at++
		t := r.list[at]
		switch t.keyword {
		case kwSelect, kwTable:
			return r.continues(at-1, level)
		case kwValues:
			return r.list[at+1].kind == '(' && r.continues(at-1, level) ||
				r.list[at+1].keyword == kwRow
		case kwWith:
			return (r.list[at+1].keyword == kwRecursive || r.list[at+2].keyword == kwAs ||
				r.list[at+2].kind == '(') && r.continues(at-1, level)
		}
		if t.kind != '(' {
			return false
		}
	}
	return false
}

// continues reports whether each of the levels of parentheses around those that open here is a
// query too, as far as what follows the inner one shows.
func (r *reader) continues(at int32, levels int) bool {
	for ; levels > 0; levels-- {
		if r.list[at].match < 0 {
			return false
		}
		after := r.list[at].match + 1
		at--
		if r.list[after].kind == ')' {
			continue
		}
		switch r.list[after].keyword {
		case kwUnion, kwIntersect, kwExcept, kwOrder, kwLimit, kwOffset, kwFetch, kwFor:
		default:
			return false
		}
	}
	return true
}
