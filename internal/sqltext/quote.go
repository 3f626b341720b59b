package sqltext

import "strings"

// quote moves past a quoted text, whose opening quote is here. A doubled quote stands for itself.
func (l *lexer) quote(q byte, backslash bool) {
	for l.pos++; l.pos < len(l.text); l.pos++ {
		switch c := l.text[l.pos]; {
		case c == '\\':
			if next := l.peek(1); next == q || next == '\\' {
				l.differs = true
			}
			if backslash {
				l.pos++
			}
		case c == q && l.peek(1) == q:
			l.pos++
		case c == q:
			l.pos++
			return
		case c == 0:
			l.problem = problemNUL
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
		ahead.marks = nil
		ahead.skipSpace()
		if ahead.peek(0) != '\'' || !strings.ContainsAny(l.text[l.pos:ahead.pos], "\r\n") {
			return
		}
		if strings.Contains(l.text[l.pos:ahead.pos], "*/") {
			l.problem = problemQuote // Only a line comment may stand between the two.
		}
		l.pos = ahead.pos
		l.quote('\'', true)
	}
}

// bracket moves past [x] as SQLite reads it, up to the first closing bracket.
func (l *lexer) bracket() {
	l.differs = true
	stop := strings.IndexByte(l.text[l.pos:], ']')
	if stop < 0 {
		l.problem = problemQuote
		l.pos = len(l.text)
		return
	}
	l.pos += stop + 1
}

// dollar moves past what starts with a dollar sign. To SQLite that is always a parameter, whose
// name may contain more of them.
func (l *lexer) dollar() kind {
	tag := dollarTag(l.text[l.pos:])
	l.differs = l.differs || tag != ""
	if l.server != postgres {
		return l.param()
	}
	if tag == "" {
		l.pos++
		if !isDigit(l.peek(0)) {
			return '$'
		}
		l.digits()
		l.apart()
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

// param moves past a placeholder or a variable, or past one sign of an operator of Postgres.
func (l *lexer) param() kind {
	start := l.pos
	first := l.text[start]
	l.pos++
	switch {
	case first == ':' && l.peek(0) == ':' && l.server != sqlite:
		l.pos++
		l.differs = true
		return cast
	case l.server == postgres && !l.anyParam, first == '#' && l.server != sqlite:
		return kind(first)
	case first == '?':
		l.digits()
		return param
	case l.server == mysql:
		return l.userVariable(first)
	}
	l.letters()
	if l.pos == start+1 {
		return kind(first)
	}
	if l.server != sqlite {
		return param
	}
	if l.peek(0) == ':' && l.peek(1) == ':' || l.peek(0) == '(' {
		// sqlite3GetToken goes on with :: and with anything in parentheses, as Tcl does.
		l.problem = problemTcl
	}
	return param
}

// userVariable moves past @x, @`x` or @@x of MySQL.
func (l *lexer) userVariable(first byte) kind {
	if first != '@' {
		return kind(first)
	}
	if l.peek(0) == '@' {
		l.pos++
	}
	switch c := l.peek(0); c {
	case '\'', '"', '`':
		l.quote(c, l.backslash && c != '`')
	default:
		for l.pos < len(l.text) && (isWord(l.text[l.pos]) || l.text[l.pos] == '.') {
			l.pos++
		}
	}
	return variable
}
