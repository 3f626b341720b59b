package sqltext

import "strings"

const (
	problemComment  = "a comment does not end"
	problemNUL      = "there is a NUL byte, at which SQLite ends the statement"
	problemQuote    = "a quote does not end"
	problemBrackets = "parentheses are not in pairs"
	problemTcl      = "a parameter has the form of a variable of Tcl"
	problemDigit    = "a number and a word are not apart; put a space between, or quote the name"
	problemSize     = "the text is longer than is read"
)

// byteOrderMark is white space to SQLite where a token can start, and a letter to the others.
const byteOrderMark = "\uFEFF"

// skipSpace moves past white space and comments. Control characters count as white space: some
// server takes each of the usual ones for it, and all refuse the rest.
func (l *lexer) skipSpace() {
	for l.pos < len(l.text) {
		switch c := l.text[l.pos]; {
		case c <= ' ' && c != 0:
			l.pos++
		case c == '-' && l.peek(1) == '-' && l.dashes():
			l.lineComment()
		case c == '#' && l.server == mysql:
			l.lineComment()
		case c == '/' && l.peek(1) == '*':
			l.blockComment()
		case c == '*' && l.running && l.peek(1) == '/':
			l.pos += 2
			l.running = false
		case c == '!' && l.mark():
		case c == byteOrderMark[0] && l.server == sqlite &&
			strings.HasPrefix(l.text[l.pos:], byteOrderMark):
			l.pos += len(byteOrderMark)
			l.differs = true
		default:
			return
		}
	}
}

// dashes reports whether the -- here starts a comment. MySQL wants white space after it, and reads
// 5--3 as a subtraction.
func (l *lexer) dashes() bool {
	return l.server != mysql || l.peek(2) <= ' '
}

func (l *lexer) lineComment() {
	rest := l.text[l.pos:]
	stop := strings.IndexByte(rest, '\n')
	line := rest
	if stop >= 0 {
		line = rest[:stop]
	}
	if ret := strings.IndexByte(line, '\r'); ret >= 0 && l.server != mysql {
		// A return right before the newline ends the comment at the same place in both readings.
		l.differs = l.differs || ret < len(line)-1 || stop < 0
		if l.server == postgres {
			stop = ret
		}
	}
	if stop < 0 {
		l.pos = len(l.text)
		return
	}
	l.pos += stop + 1
}

func (l *lexer) blockComment() {
	nests := l.server == postgres
	if l.server == mysql {
		mark, version := l.runMark()
		l.differs = l.differs || version
		if skipped := version && l.older; mark > 0 && !skipped {
			l.pos += mark
			l.running = true
			return
		}
		// A comment that MySQL skips for its version may contain comments.
		nests = version
	}
	l.pos += 2
	for depth := 1; l.pos < len(l.text); {
		switch {
		case l.peek(0) == '/' && l.peek(1) == '*':
			l.differs = l.differs || l.server == sqlite
			l.pos++
			if nests {
				depth++
				l.pos++
			}
		case l.peek(0) == '*' && l.peek(1) == '/':
			depth--
			l.pos += 2
			if depth == 0 {
				return
			}
		default:
			l.pos++
		}
	}
	l.problem = problemComment
}

// runMark returns the length of the opening of a comment that MySQL or MariaDB runs (/*!, /*!50110,
// /*M!), zero if it is not one, and whether only some versions run it.
func (l *lexer) runMark() (length int, version bool) {
	length = 2
	if l.peek(length) == 'M' {
		length++
		version = true
	}
	if l.peek(length) != '!' {
		return 0, false
	}
	length++
	for range 6 {
		if !isDigit(l.peek(length)) {
			break
		}
		length++
		version = true
	}
	return length, version
}
