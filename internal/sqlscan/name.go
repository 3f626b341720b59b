package sqlscan

import (
	"strconv"
	"strings"
)

// path moves past the rest of a dotted path whose first part is t, and returns its last two parts.
// The schema of a single name is the zero token.
// A word after a dot is a name, whatever it spells: Postgres and MySQL take t.select for a column.
func (l *lexer) path(t token) (schema, name token) {
	name = t
	for l.dot() {
		if p := l.lookahead(0); p.kind.isName() {
			schema, name = name, l.next()
		} else if l.reading.mysql() && p.kind == number && isDigit(l.text[p.start]) {
			l.pos = p.start
			l.letters()
			schema, name = name, token{kind: word, start: p.start, end: l.pos}
		}
	}
	return schema, name
}

// dot moves past a dot, unless it starts a number. In MySQL a.1b is a path, and a .1b is not.
func (l *lexer) dot() bool {
	before := *l
	l.skipSpace()
	if l.peek(0) == '.' && (!isDigit(l.peek(1)) || l.reading.mysql() && l.pos == before.pos) {
		l.pos++
		return true
	}
	*l = before
	return false
}

// spelling returns the name that a token spells, and false if that needs more than its text.
func (l *lexer) spelling(t token) (string, bool) {
	text := l.text[t.start:t.end]
	switch t.kind {
	case word:
		return text, true
	case coded:
		if l.lookahead(0).keyword == kwUescape {
			return AnyTable, false
		}
		return decode(unquote(text[2:]))
	case str:
		if text[0] != '\'' {
			return AnyTable, false
		}
	}
	return unquote(text), true
}

// unquote strips the quotes of a token, of which the last may be missing, and undoubles the quotes
// within.
func unquote(text string) string {
	q, text := text[:1], text[1:]
	if q == "[" {
		return strings.TrimSuffix(text, "]")
	}
	text = strings.TrimSuffix(text, q)
	if strings.Contains(text, q) {
		text = strings.ReplaceAll(text, q+q, q)
	}
	return text
}

// decode resolves the \XXXX and \+XXXXXX of U&"x".
// See https://www.postgresql.org/docs/current/sql-syntax-lexical.html.
func decode(text string) (string, bool) {
	var b strings.Builder
	for {
		plain, rest, found := strings.Cut(text, `\`)
		b.WriteString(plain)
		if !found {
			return b.String(), true
		}
		digits := 4
		switch {
		case strings.HasPrefix(rest, `\`):
			b.WriteByte('\\')
			text = rest[1:]
			continue
		case strings.HasPrefix(rest, "+"):
			rest, digits = rest[1:], 6
		}
		if len(rest) < digits {
			return AnyTable, false
		}
		code, err := strconv.ParseUint(rest[:digits], 16, 32)
		if err != nil || code >= 0xD800 && code < 0xE000 {
			return AnyTable, false // Half of a surrogate pair: not worth decoding.
		}
		b.WriteRune(rune(code)) //nolint:gosec // At most six hexadecimal digits.
		text = rest[digits:]
	}
}
