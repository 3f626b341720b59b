package sqlscan

import "strings"

const (
	problemBrackets    = "unbalanced parentheses or brackets"
	problemComment     = "a comment that does not end"
	problemLineComment = "a line comment that no newline ends"
	problemNUL         = "a NUL byte, at which SQLite ends the statement"
	problemQuote       = "a quote that does not end"
	problemSemicolon   = "a semicolon"
)

// Problem says why a fragment cannot safely stand inside parentheses of a larger statement, or
// returns "". A fragment without a problem cannot close the parentheses around it, hide what
// follows it in a quote or a comment, or start another statement.
//
// Where servers disagree, a fragment has a problem if it has one for a server that accepts it.
func Problem(fragment string, d Dialect) string {
	if strings.IndexByte(fragment, 0) >= 0 {
		return problemNUL
	}
	accepted := false
	for _, r := range readings(d) {
		l := lexer{text: fragment, reading: r, escapes: true}
		problem := l.balance()
		accepted = accepted || !l.void
		if problem != "" && !l.void {
			return problem
		}
		if !l.ambiguous {
			break
		}
	}
	if !accepted {
		return problemBrackets
	}
	return ""
}

// balance returns the first problem of one reading. It goes on to the end of the text, because a
// token may follow that the server of this reading refuses.
func (l *lexer) balance() (problem string) {
	var room [32]kind
	open := room[:0]
	note := func(p string) {
		if problem == "" {
			problem = p
		}
	}
	before := kind(',')
	for {
		t := l.next()
		if l.problem != "" {
			note(l.problem)
		}
		switch t.kind {
		case end:
			if len(open) > 0 {
				note(problemBrackets)
			}
			return problem
		case ';':
			note(problemSemicolon)
		case '(', '[':
			if t.kind == '[' && !subscript(before, open) {
				l.void = true
			}
			open = append(open, t.kind)
		case ')', ']':
			if t.kind == ']' && l.reading == readSQLite {
				break // The lexer has seen that SQLite refuses it.
			}
			if len(open) == 0 || open[len(open)-1] != opening(t.kind) {
				note(problemBrackets)
				break
			}
			open = open[:len(open)-1]
		}
		before = t.kind
	}
}

func opening(closing kind) kind {
	if closing == ')' {
		return '('
	}
	return '['
}

// subscript reports whether Postgres lets a bracket stand after a token of the given kind: after a
// value or ARRAY, or as a part of another one, as in ARRAY[[1, 2], [3, 4]].
func subscript(before kind, open []kind) bool {
	switch before {
	case word, quoted, coded, param, ')', ']':
		return true
	case '[', ',':
		return len(open) > 0 && open[len(open)-1] == '['
	}
	return false
}

// Several says whether a fragment has a comma outside of all parentheses and quotes, in the reading
// of any server.
func Several(fragment string, d Dialect) bool {
	for _, r := range readings(d) {
		l := lexer{text: fragment, reading: r, escapes: true}
		depth := 0
		for t := l.next(); t.kind != end; t = l.next() {
			switch t.kind {
			case '(', '[':
				depth++
			case ')', ']':
				depth--
			case ',':
				if depth == 0 {
					return true
				}
			}
		}
		if !l.ambiguous {
			break
		}
	}
	return false
}
