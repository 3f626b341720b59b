package sqlscan

import "strings"

// createBody skips the definition of a trigger or a function, whose body may hold semicolons
// between BEGIN and END. If there is no END, the body is scanned as if it were statements.
func (s *scanner) createBody() {
	for {
		t := s.next()
		switch {
		case t.kind == end:
			return
		case t.kind == ';':
			s.reset()
			return
		case s.spells(t, "BEGIN"):
			if s.block() {
				continue
			}
			s.reset()
			return
		}
	}
}

// block moves past the END of the BEGIN before it, or stays and returns false. It also returns true
// for a BEGIN that is a name, as in CREATE TRIGGER begin AFTER ...
func (s *scanner) block() bool {
	start := s.lexer
	found := false
	if s.reading.mysql() {
		found = s.mysqlBlock()
	} else {
		switch upper(s.wordAhead()) {
		case "ATOMIC", "DELETE", "INSERT", "REPLACE", "SELECT", "UPDATE", "VALUES", "WITH":
			found = s.standardBlock()
		default:
			return true
		}
	}
	if !found {
		s.lexer = start
	}
	return found
}

// standardBlock finds the first END that follows a semicolon. The body of a trigger in SQLite, and
// of a function in Postgres, is a list of statements with a semicolon after each, and no CASE
// contains one.
func (s *scanner) standardBlock() bool {
	for before := s.next(); ; {
		t := s.next()
		if t.kind == end {
			return false
		}
		if s.spells(t, "END") && (before.kind == ';' || s.spells(before, "ATOMIC")) {
			after := s.lookahead(0).kind
			return after == ';' || after == end
		}
		before = t
	}
}

// mysqlBlock counts the blocks within. A BEGIN counts only where a statement can start, so that in
// doubt the block ends early, and what follows is scanned.
func (s *scanner) mysqlBlock() bool {
	var before token
	for depth := 1; depth > 0; {
		t := s.next()
		switch {
		case t.kind == end:
			return false
		case s.spells(t, "CASE"):
			depth++
		case s.spells(t, "BEGIN"):
			if before.kind == ';' || before.kind == ':' || s.opensBlock(before) {
				depth++
			}
		case s.spells(t, "END"):
			switch upper(s.wordAhead()) {
			case "IF", "LOOP", "REPEAT", "WHILE":
			case "CASE":
				s.next()
				depth--
			default:
				depth--
			}
		}
		before = t
	}
	return true
}

func (s *scanner) opensBlock(t token) bool {
	switch upper(s.text[t.start:t.end]) {
	case "BEGIN", "DO", "ELSE", "LOOP", "REPEAT", "THEN":
		return true
	}
	return false
}

func (s *scanner) wordAhead() string {
	t := s.lookahead(0)
	return s.text[t.start:t.end]
}

func (s *scanner) spells(t token, keyword string) bool {
	return t.kind == word && strings.EqualFold(s.text[t.start:t.end], keyword)
}

// anonymousBlock finds the body of DO $$ ... $$ in Postgres, which runs at once.
func (s *scanner) anonymousBlock() {
	s.ambiguous = true // SQLite has no DO, and its reading would not see $$.
	var body, unknown, language bool
	var text string
	for {
		t := s.next()
		switch {
		case t.kind == end || t.kind == ';':
			if s.reading == readPostgres {
				if unknown {
					s.reportAny()
				} else if body {
					s.report(found{name: text, body: true})
				}
			}
			s.reset()
			return
		case language:
			name, _ := s.spelling(t)
			unknown = unknown || !strings.EqualFold(name, "plpgsql")
			language = false
		case s.spells(t, "LANGUAGE"):
			language = true
		case t.kind == str:
			// Postgres joins strings on several lines, and E'...' is not worth decoding.
			unknown = unknown || body || s.text[t.start]|0x20 == 'e'
			text, body = s.content(t), true
		default:
			unknown = true // U&'...'
		}
	}
}

// content returns the text of a string.
func (s *scanner) content(t token) string {
	text := s.text[t.start:t.end]
	if tag := dollarTag(text); text[0] == '$' && tag != "" {
		return strings.TrimSuffix(text[len(tag):], tag)
	}
	return unquote(text)
}
