package sqltext

// kind is the kind of a token. Punctuation is its own byte, which is never below '!'.
type kind byte

const (
	end    kind = iota
	word        // An unquoted name or a keyword.
	quoted      // "x", `x` or [x].
	coded       // U&"x", which only Postgres has.
	str         // 'x', E'x' or, in the reading of Postgres, $x$...$x$.
	number
	param    // A placeholder.
	variable // @x of MySQL.
	cast     // ::
)

// token is a piece of the text, with its quotes.
type token struct {
	start, end int32
	match      int32 // The index of the other parenthesis of a pair, or that of an argument.
	kind       kind
	keyword    keyword // Of a word.
	flag       flag
}

// flag is what the reader noted of a token.
type flag uint8

const (
	asTable     flag = 1 << iota // It was read as the name of a table, a CTE or a function in FROM.
	sealed                       // A parenthesis around a sub-query that was decided by itself.
	tenants                      // It spells the name of a tenant table.
	asName                       // It was read as a label, an alias or a part of a path.
	grouping                     // A parenthesis around one operand that is not a query.
	conjunction                  // An AND whose both sides must hold for the whole to hold.
)

// lexer splits a text into the tokens of one reading. It takes every byte: what a server would
// refuse comes out as punctuation.
type lexer struct {
	reading

	text  string
	pos   int
	nonce string
	marks []mark

	differs bool   // Another reading of the dialect may find other tokens.
	running bool   // Inside of a /*! comment.
	problem string // Why the text does not end where it seems to end.
}

func (l *lexer) next() token {
	l.skipSpace()
	start := l.pos
	if start >= len(l.text) {
		if l.running {
			l.problem = problemComment
		}
		return l.token(end, start)
	}
	switch c := l.text[start]; {
	case isLetter(c), c == '$' && l.server == mysql:
		k, keyword := l.word()
		t := l.token(k, start)
		t.keyword = keyword
		return t
	case isDigit(c), c == '.' && isDigit(l.peek(1)):
		l.number()
		return l.token(number, start)
	case c == '\'':
		l.quote('\'', l.backslash)
		return l.token(str, start)
	case c == '"':
		l.quote('"', l.backslash && !l.ansi)
		if !l.ansi {
			return l.token(str, start)
		}
		return l.token(quoted, start)
	case c == '`':
		l.quote('`', false)
		return l.token(quoted, start)
	case c == '[' && l.server == sqlite:
		l.bracket()
		return l.token(quoted, start)
	case c == '$':
		return l.token(l.dollar(), start)
	case c == '?', c == ':', c == '@', c == '#':
		return l.token(l.param(), start)
	case c == 0:
		l.problem = problemNUL
	}
	l.pos++
	return l.token(kind(l.text[start]), start)
}

func (l *lexer) token(k kind, start int) token {
	//nolint:gosec // Read bounds the text.
	return token{kind: k, start: int32(start), end: int32(l.pos), match: -1}
}

// peek returns the byte n places on, or zero past the end.
func (l *lexer) peek(n int) byte {
	if l.pos+n < len(l.text) {
		return l.text[l.pos+n]
	}
	return 0
}

func (l *lexer) word() (kind, keyword) {
	start := l.pos
	l.letters()
	text := l.text[start:l.pos]
	if len(text) == 1 && l.server != mysql {
		switch c := text[0] | 0x20; {
		case c == 'e' && l.peek(0) == '\'':
			l.differs = true
			if l.server == postgres {
				l.escapeString()
				return str, plain
			}
		case c == 'u' && l.peek(0) == '&' && (l.peek(1) == '"' || l.peek(1) == '\''):
			l.differs = true
			if l.server == postgres {
				l.pos++
				q := l.peek(0)
				l.quote(q, false)
				if q == '"' {
					return coded, plain
				}
				return str, plain
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

// number moves past a number. The servers read one that runs into a word in different ways: as a
// name, as two tokens, or as an error.
func (l *lexer) number() {
	if l.peek(0) == '0' && l.peek(1)|0x20 == 'x' {
		l.letters()
		return
	}
	l.digits()
	if l.peek(0) == '.' {
		l.pos++
		l.digits()
	}
	if l.peek(0)|0x20 == 'e' {
		exponent := 1
		if c := l.peek(1); c == '+' || c == '-' {
			exponent = 2
		}
		if isDigit(l.peek(exponent)) {
			l.pos += exponent
			l.digits()
		}
	}
	l.apart()
}

// apart wants that no word begins here.
func (l *lexer) apart() {
	if isLetter(l.peek(0)) || l.peek(0) == '$' && l.server == mysql {
		l.problem = problemDigit
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
