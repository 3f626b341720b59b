package sqlscan

// word takes a word for the name or the keyword that it spells, and reports whether the alias of a
// table may follow.
func (s *scanner) word(t token) (alias bool) {
	k := t.keyword
	switch {
	case s.want && s.before[0] == kwOr:
		return false // UPDATE OR IGNORE projects.
	case k == plain:
		return s.name(t)
	case k.reserved():
		s.apply(k)
		return k == kwAs
	case s.want:
		return s.nameOrKeyword(t)
	case s.lookahead(0).kind == '.' && !s.reading.mysql():
		return s.name(t) // A column of a table that is called merge or copy.
	}
	s.apply(k)
	return false
}

// nameOrKeyword takes a word that not every server reserves, in the place of a table, for both:
// FROM replace r reads the table of that name in Postgres, REPLACE copy writes to one in MySQL.
func (s *scanner) nameOrKeyword(t token) (alias bool) {
	k, after := t.keyword, s.lookahead(0)
	switch k {
	case kwModifier:
		if s.reading.mysql() {
			return false
		}
	case kwOnly:
		if after.kind == '(' && s.before[0] != kwInto {
			return false
		}
	case kwReturning:
		if !s.reading.mysql() {
			s.apply(k)
			return false
		}
	case kwSet:
		if s.list == targets {
			s.apply(k)
			return false
		}
	case kwValues:
		// Postgres lets INSERT INTO values (a, b) name a table.
		if s.before[0] != kwInto && (after.kind == '(' || after.keyword == kwRow) {
			s.list, s.want = noList, false
			return false
		}
	case kwWith:
		if s.before[0] == kwOpen && s.commonTable(after) {
			s.list, s.want = noList, false
			return false
		}
	}
	if after.kind == '.' {
		return s.name(t)
	}
	copied := s.before[0] == kwCopy
	s.name(t)
	switch k {
	case kwOnly:
		s.want = true
	case kwBinary: // The old COPY BINARY projects, which Postgres still takes.
		s.want = copied
	case kwCopy, kwDelete, kwExecute, kwHandler, kwInsert, kwMerge, kwReplace, kwStraightJoin,
		kwTruncate, kwUpdate:
		s.apply(k)
	}
	return true
}

// commonTable reports whether (WITH before the token starts common table expressions. SQLite lets a
// table be called with.
func (s *scanner) commonTable(after token) bool {
	if after.keyword == kwRecursive {
		return true
	}
	second := s.lookahead(1)
	return after.kind.isName() && !after.keyword.reserved() &&
		(second.keyword == kwAs || second.kind == '(')
}

// apply does what a keyword means for the names and commas that follow.
func (s *scanner) apply(k keyword) {
	want := false
	switch k {
	case kwSelect:
		s.frame = frame{}
	case kwFrom:
		if want = !s.call && !s.distinct(); want {
			s.list = sources
		}
	case kwJoin:
		want = s.join()
	case kwStraightJoin:
		// It is an option as well: SELECT STRAIGHT_JOIN a, b FROM ...
		b := s.before[0]
		if s.reading.mysql() && b != kwSelect && b != kwDistinct && b != kwModifier {
			want = s.join()
		}
	case kwUsing:
		if want = !s.joined; want {
			s.list = sources
		}
	case kwInto:
		s.list, want = noList, true
	case kwTable:
		want = true
	case kwIn, kwCopy, kwReplace:
		want = s.nameFollows()
	case kwHandler:
		want = s.reading.mysql() && s.nameFollows()
	case kwInsert, kwMerge:
		s.joined = false
		want = s.nameFollows()
	case kwDelete, kwTruncate:
		if want = s.before[0] != kwOn && s.nameFollows(); want {
			s.list, s.joined = sources, false
		}
	case kwUpdate:
		want = s.update()
	case kwOr:
		want = s.before[0] == kwUpdate || s.before[0] == kwInsert
	case kwExecute:
		if s.mode == asBody {
			s.reportAny()
		}
	default:
		s.endList(k)
	}
	s.want = want
}

func (s *scanner) join() (want bool) {
	s.joined = true
	if s.list == noList {
		s.list = sources
	}
	return true
}

// update tells the command from FOR UPDATE, ON UPDATE and ON DUPLICATE KEY UPDATE. In PL/pgSQL,
// OPEN c FOR UPDATE is a command.
func (s *scanner) update() (want bool) {
	s.joined = false
	switch s.before[0] {
	case kwFor:
		if s.mode != asBody {
			s.list = noList
			return false
		}
	case kwKey, kwOn:
		s.list = noList
		return false
	}
	s.list = targets
	return true
}

// distinct reports whether the FROM here is that of IS [NOT] DISTINCT FROM.
func (s *scanner) distinct() bool {
	b := s.before
	return b[0] == kwDistinct && (b[1] == kwIs || b[1] == kwNot && b[2] == kwIs)
}

// nameFollows tells REPLACE projects from REPLACE(x, 'a', 'b') and from a column called replace.
func (s *scanner) nameFollows() bool {
	k := s.lookahead(0).kind
	return k.isName() || s.reading.mysql() && (k == number || k == '.' || k == '{')
}

// endList ends the list of tables at a keyword that starts another clause. Where an alias may
// stand, only the words that no server takes for one do.
func (s *scanner) endList(k keyword) {
	switch k {
	case kwGroup:
		// Not in USE INDEX FOR ORDER BY (i), nor in WITHIN GROUP (ORDER BY x).
		if s.before[0] == kwFor || s.lookahead(0).keyword != kwBy {
			return
		}
	case kwSet:
		if s.list != targets {
			return
		}
	case kwFor:
		switch s.lookahead(0).keyword {
		case kwUpdate, kwShare, kwKey:
		default:
			return
		}
	case kwReturning:
		if s.alias && s.reading.mysql() {
			return
		}
	case kwValues, kwWindow:
		if s.alias {
			return
		}
	case kwWhere:
	default:
		return
	}
	s.list = noList
}
