package sqltext

import "strings"

// statement is the tokens of one statement of a text.
type statement struct{ start, end int32 }

// statements splits the tokens at semicolons.
func (t *tokens) statements() []statement {
	var room [4]statement
	all := room[:0]
	start, body := int32(0), t.bodyEnd(0)
	for at := int32(0); ; at++ {
		switch t.list[at].kind {
		case '(', '[':
			at = t.close(at)
			continue
		case ';':
			if body > at {
				at = body - 1
				continue
			}
		case end:
		default:
			continue
		}
		if at > start {
			all = append(all, statement{start, at})
		}
		if t.list[at].kind == end {
			return all
		}
		start = at + 1
		body = t.bodyEnd(start)
	}
}

// spells reports whether a token is that word, in upper case.
func (t *tokens) spells(at int32, upper string) bool {
	tok := t.list[at]
	return tok.kind == word && equalFoldASCII(t.text[tok.start:tok.end], upper)
}

func (t *tokens) spellsAny(at int32, upper ...string) bool {
	for _, u := range upper {
		if t.spells(at, u) {
			return true
		}
	}
	return false
}

// definesBody reports whether a statement may hold others between BEGIN and END.
func (t *tokens) definesBody(start int32) bool {
	if !t.spells(start, "CREATE") {
		return false
	}
	for at := start + 1; at < start+12 && int(at) < len(t.list); at++ {
		if t.spellsAny(at, "TRIGGER", "FUNCTION", "PROCEDURE", "EVENT") {
			return true
		}
	}
	return false
}

// bodyEnd returns the token behind the END of the body that a statement defines, or none. A BEGIN
// is one only in front of a statement: Postgres lets a trigger be called begin.
func (t *tokens) bodyEnd(start int32) int32 {
	if !t.definesBody(start) {
		return none
	}
	depth := 0
	for at := start; ; at++ {
		switch {
		case t.list[at].kind == end:
			if depth > 0 {
				return at
			}
			return none
		case t.list[at].kind == ';' && depth == 0:
			return none
		case t.spells(at, "CASE"):
			if depth > 0 && !t.spells(at-1, "END") {
				depth++
			}
		case t.spells(at, "BEGIN"):
			if t.beginsBody(at) {
				depth++
			}
		case t.spells(at, "END") && depth > 0 &&
			!t.spellsAny(at+1, "IF", "LOOP", "REPEAT", "WHILE"):
			depth--
			if depth == 0 {
				return at + 1
			}
		}
	}
}

// beginsBody reports whether the BEGIN at a token begins statements.
func (t *tokens) beginsBody(at int32) bool {
	switch t.server {
	case postgres:
		return t.spells(at+1, "ATOMIC")
	case sqlite:
		return t.spellsAny(at+1, "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH",
			"VALUES")
	}
	return !t.spellsAny(at+1, "BEFORE", "AFTER", "ON")
}

// commandKind is what a statement is, by its first words.
type commandKind uint8

const (
	reads    commandKind = iota // SELECT and what changes rows: it is read.
	defines                     // It defines or administers, and reads no rows.
	runsText                    // It runs a text that is not known.
	unknown                     // No condition can limit it.
)

// classify returns what a statement is, and the token at which what is to be read begins.
func (t *tokens) classify(s statement) (commandKind, int32) {
	at := s.start
	tok := t.list[at]
	switch tok.keyword {
	case kwSelect, kwWith, kwValues, kwInsert, kwUpdate, kwDelete:
		return reads, at
	case kwTable:
		return reads, at
	case kwCreate:
		return t.creates(s), at
	case kwExecute:
		return runsText, at
	case kwSet:
		return t.setting(s), at
	case kwLock:
		return defines, at
	}
	switch {
	case tok.kind == '(':
		return reads, at
	case t.spellsAny(at, "EXPLAIN", "DESCRIBE", "DESC"):
		return t.explained(s)
	case t.spellsAny(at, "EXEC", "DEALLOCATE_AND_RUN"),
		t.spells(at, "PREPARE") && t.server == mysql:
		return runsText, at
	case t.spells(at, "BEGIN") && t.list[at+1].keyword == kwNot:
		return unknown, at
	case t.spellsAny(at, "ALTER", "CLUSTER", "COMMENT", "DROP", "GRANT", "IMPORT", "PRAGMA",
		"REINDEX", "RENAME", "REVOKE", "SECURITY", "VACUUM", "ANALYZE", "SHOW", "RESET", "BEGIN",
		"START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE", "ATTACH", "DETACH",
		"CHECKPOINT", "DISCARD", "LISTEN", "NOTIFY", "UNLISTEN", "USE", "REASSIGN", "REFRESH",
		"OPTIMIZE", "CHECK", "REPAIR", "FLUSH", "KILL", "DEALLOCATE", "CLOSE", "UNLOCK"):
		if t.holds(s, kwSelect) && !t.spellsAny(at, "ALTER", "COMMENT", "DROP") {
			return unknown, at
		}
		return defines, at
	}
	return unknown, at
}

// holds reports whether a statement has a keyword, but for what is sealed.
func (t *tokens) holds(s statement, k keyword) bool {
	for at := s.start; at < s.end; at++ {
		if t.list[at].flag&sealed != 0 {
			at = t.list[at].match - 1
		} else if t.list[at].keyword == k && !t.afterDot(at) {
			return true
		}
	}
	return false
}

// setting classifies SET, which may change how the texts behind it are read.
func (t *tokens) setting(s statement) commandKind {
	for at := s.start; at < s.end; at++ {
		tok := t.list[at]
		mode := tok.kind == variable &&
			strings.HasSuffix(strings.ToLower(t.text[tok.start:tok.end]), "sql_mode")
		if mode || t.spellsAny(at, "SQL_MODE", "STANDARD_CONFORMING_STRINGS") {
			return runsText
		}
	}
	if t.holds(s, kwSelect) {
		return unknown
	}
	return defines
}

// explained classifies EXPLAIN, behind which the statement that it explains is read.
func (t *tokens) explained(s statement) (commandKind, int32) {
	for at := s.start + 1; at < s.end; at++ {
		switch t.list[at].keyword {
		case kwSelect, kwWith, kwInsert, kwUpdate, kwDelete, kwValues:
			if at == s.end-1 {
				return defines, s.start
			}
			return reads, at
		case kwCreate, kwExecute:
			return unknown, at
		}
		if t.list[at].kind == '(' {
			if next := t.list[at+1].keyword; next == kwSelect || next == kwWith ||
				t.list[at+1].kind == '(' {
				return reads, at
			}
			at = t.close(at)
		}
	}
	return defines, s.start
}

// creates classifies CREATE. What holds the rows or the text of a query is not limited by one.
func (t *tokens) creates(s statement) commandKind {
	for at := s.start + 1; at < s.end; at++ {
		switch {
		case t.spellsAny(at, "TABLE", "MATERIALIZED", "VIEW"):
			if rest := (statement{at + 1, s.end}); t.holds(rest, kwSelect) || t.holdsTable(rest) {
				return unknown
			}
			return defines
		case t.spellsAny(at, "FUNCTION", "PROCEDURE", "EVENT", "RULE"):
			return unknown
		case t.spellsAny(at, "TRIGGER", "DATABASE", "DOMAIN", "EXTENSION", "FOREIGN", "INDEX",
			"OPERATOR", "POLICY", "ROLE", "SCHEMA", "SEQUENCE", "SERVER", "TYPE", "USER", "VIRTUAL",
			"STATISTICS", "COLLATION", "CAST", "AGGREGATE", "PUBLICATION", "SUBSCRIPTION"):
			return defines
		}
	}
	return defines
}

// holdsTable reports whether CREATE TABLE takes its rows from TABLE, VALUES, EXECUTE or a LIKE.
func (t *tokens) holdsTable(s statement) bool {
	for at := s.start; at < s.end; at++ {
		if t.list[at].kind == '(' {
			at = t.close(at)
			continue
		}
		if t.list[at].keyword == kwAs {
			switch t.list[at+1].keyword {
			case kwTable, kwValues, kwWith, kwExecute:
				return true
			}
		}
	}
	return false
}
