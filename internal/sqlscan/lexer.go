package sqlscan

import "strings"

// kind is the kind of a token. Punctuation is its own byte, which is never below '!'.
type kind byte

const (
	end    kind = iota
	word        // An unquoted name or a keyword.
	quoted      // "x", `x` or [x].
	coded       // U&"x", which only Postgres has.
	str         // 'x', E'x' or, in the reading of Postgres, $x$...$x$.
	number
	param // ?, $1, :x or @x.
)

// isName reports whether a token of this kind can be a part of a table's path. SQLite takes a
// string for a name where only a name can stand.
func (k kind) isName() bool { return k >= word && k <= str }

type token struct {
	kind       kind
	keyword    keyword // Of a word.
	start, end int     // Where it stands in the text, with its quotes.
}

// lexer splits a text into the tokens of one reading. It takes every byte: what a server would
// refuse comes out as punctuation.
type lexer struct {
	text    string
	pos     int
	reading reading
	// escapes makes E'...' an escape string in every reading.
	escapes bool

	ambiguous bool   // The other reading of the dialect may find other tokens.
	void      bool   // The server of this reading refuses the text.
	running   bool   // Inside of a /*! comment.
	problem   string // Why the text does not end where it seems to end.
}

func (l *lexer) next() token {
	l.skipSpace()
	start := l.pos
	if start >= len(l.text) {
		if l.running {
			l.problem = problemComment
		}
		return token{kind: end, start: start, end: start}
	}
	t := token{start: start}
	switch c := l.text[start]; {
	case l.startsWord(c):
		t.kind, t.keyword = l.word()
	case isDigit(c), c == '.' && isDigit(l.peek(1)):
		t.kind = number
		l.number()
	case c == '\'':
		t.kind = str
		l.quote('\'', l.reading.mysql())
	case c == '"':
		t.kind = quoted
		l.quote('"', l.reading.mysql())
	case c == '`':
		t.kind = quoted
		l.quote('`', false)
	case c == '[' && l.reading == readSQLite:
		t.kind = quoted
		l.bracket()
	case c == '$':
		t.kind = l.dollar()
	case c == '?', c == ':', c == '@', c == '#':
		t.kind = l.param()
	default:
		if c == ']' && l.reading == readSQLite {
			l.void, l.ambiguous = true, true
		}
		t.kind = kind(c)
		l.pos++
	}
	t.end = l.pos
	return t
}

// peek returns the byte n places on, or zero past the end.
func (l *lexer) peek(n int) byte {
	if l.pos+n < len(l.text) {
		return l.text[l.pos+n]
	}
	return 0
}

// lookahead returns the token after the next n without taking any.
func (l *lexer) lookahead(n int) token {
	ahead := *l
	for range n {
		ahead.next()
	}
	return ahead.next()
}

func (l *lexer) startsWord(c byte) bool {
	return isLetter(c) || c == '$' && l.reading.mysql()
}

func (l *lexer) word() (kind, keyword) {
	start := l.pos
	l.letters()
	text := l.text[start:l.pos]
	if len(text) == 1 && !l.reading.mysql() {
		switch c := text[0] | 0x20; {
		case c == 'e' && l.peek(0) == '\'':
			l.ambiguous = l.ambiguous || strings.IndexByte(l.text[l.pos:], '\\') >= 0
			if l.reading == readPostgres || l.escapes {
				l.escapeString()
				return str, plain
			}
		case c == 'u' && l.peek(0) == '&' && l.peek(1) == '"':
			l.ambiguous = true
			if l.reading == readPostgres {
				l.pos++
				l.quote('"', false)
				return coded, plain
			}
		}
	}
	return word, keywordOf(text)
}

// letters moves past the bytes that can go on a word.
func (l *lexer) letters() {
	for l.pos < len(l.text) && isWord(l.text[l.pos]) {
		l.pos++
	}
}

// number leaves the letters that follow a number to the next token: Postgres before version 15
// reads 1FROM as two.
func (l *lexer) number() {
	l.digits()
	if l.peek(0) == '.' {
		l.pos++
		l.digits()
	}
	if l.peek(0)|0x20 != 'e' {
		return
	}
	exponent := 1
	if c := l.peek(1); c == '+' || c == '-' {
		exponent = 2
	}
	switch {
	case isDigit(l.peek(exponent)):
		l.pos += exponent
		l.digits()
	case l.reading.mysql() && l.text[l.pos-1] == '.':
		// MySQL before 8.0.27 drops "1.e": it reads FROM 1.e(projects) as FROM (projects).
		l.pos++
	}
}

func (l *lexer) digits() {
	for isDigit(l.peek(0)) {
		l.pos++
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// isLetter takes every byte of a multi-byte character for a letter, as the servers do.
func isLetter(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c >= 0x80
}

func isWord(c byte) bool { return isLetter(c) || isDigit(c) || c == '$' }
