package sqltext

import "strings"

// Reaches returns the statement of a text of SQLite that reaches past the file of the connection:
// ATTACH, DETACH, VACUUM INTO, and a PRAGMA that names a directory or lets the schema be written as
// rows. It is "" if there is none. All statements of the text are read; only their beginnings
// count, as SQLite runs these nowhere else.
func Reaches(text string) (statement string) {
	if !mayReach(text) {
		return ""
	}
	l := lexer{reading: reading{server: sqlite, ansi: true}, text: text}
	verb := ""
	for t := l.next(); t.kind != end; t = l.next() {
		name := strings.Trim(l.text[t.start:t.end], "\"`[]'")
		switch {
		case t.kind == ';':
			verb = ""
		case t.kind == word && verb == "":
			switch verb = strings.ToUpper(name); verb {
			case "ATTACH", "DETACH":
				return verb
			case "EXPLAIN", "QUERY", "PLAN": // a PRAGMA works when it is compiled
				verb = ""
			}
		case verb == "VACUUM" && t.keyword == kwInto:
			return "VACUUM INTO"
		case verb == "PRAGMA" && isOneOf(name, pragmas[:]...):
			return "PRAGMA " + strings.ToLower(name)
		}
	}
	return ""
}

// pragmas are those that a tenant has no use for.
var pragmas = [...]string{
	"writable_schema", "trusted_schema", "temp_store_directory", "data_store_directory",
}

// mayReach reports whether one of the words is in a text, wherever.
func mayReach(text string) bool {
	for i := range len(text) {
		var w string
		switch text[i] | 0x20 {
		case 'a':
			w = "attach"
		case 'd':
			w = "detach"
		case 'v':
			w = "vacuum"
		case 'p':
			w = "pragma"
		default:
			continue
		}
		if len(text)-i >= len(w) && strings.EqualFold(text[i:i+len(w)], w) {
			return true
		}
	}
	return false
}
