package sqltext

import "strings"

// Trace is how long something lasts that a statement left in its session, where a later statement
// can meet it.
type Trace uint8

const (
	// NoTrace is nothing that outlasts the statement, but for rows and tables.
	NoTrace Trace = iota
	// TransactionTrace ends with the transaction: SET LOCAL, a cursor without HOLD.
	TransactionTrace
	// SessionTrace may last as long as the session: a temporary table, SET, a prepared statement,
	// an advisory lock.
	SessionTrace
)

// TraceOf returns how long what a text leaves in a session of Postgres may last. What it does not
// know is SessionTrace, and so are several statements in one text. It cannot see what functions do
// that the database's owner made.
func TraceOf(text string) Trace {
	l := lexer{reading: reading{server: postgres, ansi: true}, text: text}
	trace := l.trace()
	if l.differs && trace != SessionTrace { // standard_conforming_strings may be off
		l = lexer{reading: reading{server: postgres, ansi: true, backslash: true}, text: text}
		trace = max(trace, l.trace())
	}
	return trace
}

// trace reads one statement.
func (l *lexer) trace() Trace {
	var (
		verb         verb
		begun, ended bool
		object       string // The word behind the verb.
		before       string // The name in front of this token, or "".
		previous     string // The word in front of this token, whatever stands between.
		trace        = NoTrace
	)
	for t := l.next(); t.kind != end; t = l.next() {
		name := ""
		switch {
		case ended, t.kind == coded: // U&"s\0065t_config"
			return SessionTrace
		case t.kind == ';':
			ended = begun
		case t.kind == '(':
			if before != "" && leavesByCall(before) {
				return SessionTrace
			}
		case t.kind == word || t.kind == quoted:
			name = strings.Trim(l.text[t.start:t.end], `"`)
			if isTemporary(name) {
				return SessionTrace
			}
			switch {
			case !begun && t.kind == word:
				verb = verbOf(name)
			case !begun:
			case object == "":
				object = name
				trace = verb.with(object)
			default:
				trace = max(trace, verb.among(previous, name))
			}
			if t.keyword == kwInto && !takesInto(previous) {
				return SessionTrace // SELECT ... INTO makes a table, and it can be a temporary one.
			}
			begun, previous = true, name
		}
		if trace == SessionTrace || begun && verb == otherVerb {
			return SessionTrace
		}
		before = name
	}
	if l.problem != "" {
		return SessionTrace
	}
	return trace
}

// isTemporary reports whether a name is that of a schema of temporary tables.
func isTemporary(name string) bool {
	const schema = "pg_temp"
	return len(name) >= len(schema) && strings.EqualFold(name[:len(schema)], schema) &&
		(len(name) == len(schema) || name[len(schema)] == '_')
}

func takesInto(verb string) bool {
	return strings.EqualFold(verb, "insert") || strings.EqualFold(verb, "merge")
}
