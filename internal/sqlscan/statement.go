package sqlscan

import "strings"

// utility skips a statement that starts with the word t if it reads no rows, and reports whether it
// is done with that word.
func (s *scanner) utility(t token) bool {
	switch upper(s.text[t.start:t.end]) {
	case "ALTER", "CLUSTER", "COMMENT", "DROP", "GRANT", "IMPORT", "LOCK", "PRAGMA", "REINDEX",
		"RENAME", "REVOKE", "SECURITY", "VACUUM":
		s.skip(plain)
	case "SHOW":
		// SHOW COLUMNS FROM t WHERE x IN (SELECT ...) is MySQL.
		s.skip(kwSelect)
	case "CREATE":
		s.create()
	case "DO":
		if s.reading.mysql() {
			return false // DO evaluates an expression.
		}
		s.anonymousBlock()
	case "EXEC", "EXECUTE":
		s.reportAny()
	case "PREPARE":
		if s.reading.mysql() {
			s.reportAny() // PREPARE s FROM @text.
		}
		return false
	default:
		return false
	}
	return true
}

// upper returns the word in upper case, or "" for one that is longer than any that matters.
func upper(text string) string {
	if len(text) > 16 {
		return ""
	}
	return strings.ToUpper(text)
}

// skip moves past the statement, or up to the given word.
func (s *scanner) skip(until keyword) {
	for {
		t := s.next()
		switch t.kind {
		case end:
			return
		case ';':
			s.reset()
			return
		case word:
			if until != plain && t.keyword == until {
				s.step(t)
				return
			}
		}
	}
}

// create skips a definition up to the query that it runs. The words before the kind of the object
// are OR REPLACE, TEMP, DEFINER = x and the like.
func (s *scanner) create() {
	for {
		t := s.next()
		switch t.kind {
		case end:
			return
		case ';':
			s.reset()
			return
		case word:
		default:
			continue
		}
		switch upper(s.text[t.start:t.end]) {
		case "TABLE", "MATERIALIZED":
			s.createAs()
			return
		case "EVENT", "FUNCTION", "PROCEDURE", "TRIGGER":
			s.createBody()
			return
		case "DATABASE", "DOMAIN", "EXTENSION", "FOREIGN", "INDEX", "OPERATOR", "POLICY", "ROLE",
			"RULE", "SCHEMA", "SEQUENCE", "SERVER", "TYPE", "USER", "VIEW", "VIRTUAL":
			s.skip(plain)
			return
		}
	}
}

// createAs skips to the query of CREATE TABLE ... AS. In MySQL the AS may be missing and the query
// may stand in parentheses.
func (s *scanner) createAs() {
	for depth := 0; ; {
		t := s.next()
		switch t.kind {
		case end:
			return
		case ';':
			s.reset()
			return
		case '(':
			depth++
		case ')':
			depth--
		}
		switch t.keyword {
		case kwSelect, kwTable:
			s.step(t)
			return
		case kwAs:
			if depth > 0 {
				continue // GENERATED ALWAYS AS (x).
			}
			if s.lookahead(0).keyword == kwExecute {
				s.reportAny()
			}
			return
		}
	}
}
