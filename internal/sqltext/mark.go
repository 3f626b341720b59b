package sqltext

import "strings"

// Marks are text around a sub-query that tells how it was decided. They begin with a nonce that no
// text from outside can know. Read takes them out; a server that is sent one refuses the text.
//
//	SELECT * FROM projects WHERE id IN (!<nonce>s!SELECT project_id FROM tasks!<nonce>.!)
//
// A sealed sub-query must fill its parentheses, or be a whole arm of a set operation, or the whole
// query of a CREATE ... AS. A text that holds the nonce anywhere else is refused.

// SealedMark opens a sub-query that was decided by itself: nothing in it is proved or made.
func SealedMark(nonce string) string { return "!" + nonce + "s!" }

// OpenMark opens a sub-query that nobody has decided yet. It is read like any other text.
func OpenMark(nonce string) string { return "!" + nonce + "o!" }

// EndMark ends a sub-query of either kind.
func EndMark(nonce string) string { return "!" + nonce + ".!" }

// mark is a mark in a text.
type mark struct {
	start, end int32
	token      int32 // The index of the token behind it.
	kind       byte  // s, o or a dot.
}

// mark moves past the mark that is here, and reports whether there is one.
func (l *lexer) mark() bool {
	rest := l.text[l.pos+1:]
	n := len(l.nonce)
	if n == 0 || len(rest) < n+2 || !strings.HasPrefix(rest, l.nonce) || rest[n+1] != '!' {
		return false
	}
	start := l.pos
	l.pos += n + 3
	//nolint:gosec // Bounded by the text.
	l.marks = append(l.marks, mark{start: int32(start), end: int32(l.pos), kind: rest[n]})
	return true
}

var errForged = &Refusal{
	Reason: Forged, Detail: "the text holds a mark of the library's own in a place where none " +
		"can be",
}

// strip takes the marks out of the text, and notes which tokens are sealed.
func (t *tokens) strip(marks []mark, nonce string) *Refusal {
	if strings.Count(t.text, nonce) != len(marks) {
		return errForged
	}
	if len(marks) == 0 {
		return nil
	}
	var opened []mark
	for _, m := range marks {
		switch m.kind {
		case 's', 'o':
			opened = append(opened, m)
			continue
		case '.':
		default:
			return errForged
		}
		if len(opened) == 0 {
			return errForged
		}
		first := opened[len(opened)-1]
		opened = opened[:len(opened)-1]
		if first.kind == 's' && !t.seal(first, m) {
			return errForged
		}
	}
	if len(opened) > 0 {
		return errForged
	}
	t.cutMarks(marks)
	return nil
}

// seal notes that the tokens between two marks are decided. They are all of a pair of parentheses,
// or an arm of a set operation, or the query of a CREATE.
func (t *tokens) seal(first, last mark) bool {
	if first.token == 0 || first.token >= last.token {
		return false
	}
	before, after := &t.list[first.token-1], &t.list[last.token]
	if before.kind == '(' && before.match == last.token && before.end == first.start &&
		after.start == last.end {
		before.flag |= sealed
		return true
	}
	starts := before.kind == '(' || before.keyword.combines() ||
		before.keyword == kwAll && t.list[first.token-2].keyword.combines()
	ends := after.kind == ')' || after.keyword.combines()
	if before.keyword == kwAs && t.list[0].keyword == kwCreate {
		starts, ends = true, after.kind == end || after.kind == ';' || after.keyword == kwWith
	}
	if !starts || !ends || t.list[first.token].keyword != kwSelect {
		return false
	}
	for at := first.token; at < last.token; at++ {
		switch t.list[at].kind {
		case '(', '[':
			if at = t.close(at); at >= last.token {
				return false
			}
		case ')', ']':
			return false
		}
	}
	t.list[first.token].flag |= sealed
	t.list[first.token].match = last.token
	return true
}

// combines reports whether a word is a set operation.
func (k keyword) combines() bool { return k == kwUnion || k == kwIntersect || k == kwExcept }

// cutMarks takes the marks out of the text. A space stays where two words would become one.
func (t *tokens) cutMarks(marks []mark) {
	var b strings.Builder
	b.Grow(len(t.text))
	var last, gone int32
	next := 0
	shift := func(until int) {
		for ; next < until; next++ {
			t.list[next].start -= gone
			t.list[next].end -= gone
		}
	}
	for _, m := range marks {
		shift(int(m.token))
		b.WriteString(t.text[last:m.start])
		last = m.end
		gone += m.end - m.start
		if m.start > 0 && int(m.end) < len(t.text) && joins(t.text[m.start-1], t.text[m.end]) {
			b.WriteByte(' ')
			gone--
		}
	}
	shift(len(t.list))
	b.WriteString(t.text[last:])
	t.text = b.String()
}

// joins reports whether two bytes could become a part of one token.
func joins(a, b byte) bool {
	alone := func(c byte) bool { return c <= ' ' || c == '(' || c == ')' || c == ',' }
	return !alone(a) && !alone(b)
}
