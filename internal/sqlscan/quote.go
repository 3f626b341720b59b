package sqlscan

import "strings"

// quote moves past a quoted text, whose opening quote is here. A doubled quote stands for itself.
func (l *lexer) quote(q byte, backslash bool) {
	for l.pos++; l.pos < len(l.text); l.pos++ {
		switch c := l.text[l.pos]; {
		case c == '\\' && backslash:
			l.pos++
		case c == q && l.peek(1) == q:
			l.pos++
		case c == q:
			l.pos++
			return
		}
	}
	l.pos = len(l.text) // A backslash at the end has moved past it.
	l.problem = problemQuote
}

// escapeString moves past the quotes of E'...'. To SQLite that is the name E with an alias.
func (l *lexer) escapeString() {
	l.quote('\'', true)
	// Postgres goes on with a string that continues on another line, and with its escapes.
	for {
		ahead := *l
		ahead.skipSpace()
		if ahead.peek(0) != '\'' || !strings.ContainsAny(l.text[l.pos:ahead.pos], "\r\n") {
			return
		}
		l.pos = ahead.pos
		l.quote('\'', true)
	}
}

// bracket moves past [x] as SQLite reads it, up to the first closing bracket. Postgres reads a
// subscript, which can hold a string, a comment or a sub-select only with one of these.
func (l *lexer) bracket() {
	stop := strings.IndexByte(l.text[l.pos:], ']')
	if stop < 0 {
		l.ambiguous = true
		l.problem = problemQuote
		l.pos = len(l.text)
		return
	}
	text := l.text[l.pos+1 : l.pos+stop]
	l.ambiguous = l.ambiguous || strings.ContainsAny(text, "'\"([$") ||
		strings.Contains(text, "--") || strings.Contains(text, "/*")
	l.pos += stop + 1
}

// dollar moves past what starts with a dollar sign. To SQLite that is always a parameter, whose
// name may contain more of them.
func (l *lexer) dollar() kind {
	tag := dollarTag(l.text[l.pos:])
	if tag != "" {
		l.ambiguous = true
	}
	if l.reading != readPostgres {
		return l.param()
	}
	if tag == "" {
		l.pos++
		if !isDigit(l.peek(0)) {
			return '$'
		}
		l.digits()
		return param
	}
	body := l.pos + len(tag)
	stop := strings.Index(l.text[body:], tag)
	if stop < 0 {
		l.pos = len(l.text)
		l.problem = problemQuote
		return str
	}
	l.pos = body + stop + len(tag)
	return str
}

// dollarTag returns the $$ or $tag$ at the start of the text, or "".
func dollarTag(text string) string {
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '$':
			return text[:i+1]
		case isLetter(c), i > 1 && isDigit(c):
		default:
			return ""
		}
	}
	return ""
}

// param moves past a parameter. The loop for SQLite is that of sqlite3GetToken: a name may contain
// :: and end in parentheses, which hide any text without white space.
func (l *lexer) param() kind {
	start := l.pos
	first := l.text[start]
	l.pos++
	switch {
	case first == '?':
		l.digits()
		return param
	case first == ':' && l.peek(0) == ':': // A cast of Postgres.
		l.pos++
		return kind(first)
	case l.reading != readSQLite && first == '#':
		return kind(first)
	}
	l.letters()
	if l.pos == start+1 {
		return kind(first)
	}
	if l.reading != readSQLite {
		return param
	}
	if first == '$' && isDigit(l.text[start+1]) {
		l.ambiguous = true // Postgres before version 15 reads $1FROM as two.
	}
	for l.peek(0) == ':' && l.peek(1) == ':' {
		l.ambiguous = true
		l.pos += 2
		l.letters()
	}
	if l.peek(0) == '(' {
		l.ambiguous = true
		stop := strings.IndexAny(l.text[l.pos:], ") \t\n\v\f\r")
		if stop < 0 || l.text[l.pos+stop] != ')' {
			l.void = true // What follows is left to the other reading.
			l.pos = len(l.text)
			return param
		}
		l.pos += stop + 1
	}
	return param
}
