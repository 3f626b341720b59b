package sqlscan

import "strings"

// scanner walks through the tokens of one reading and finds each name where a table can stand.
type scanner struct {
	lexer
	mode mode

	found  [2]found // By the last advance.
	founds int

	frame             // Of the innermost parentheses.
	outer  frames     // Of the parentheses around them.
	want   bool       // The next name is that of a table.
	first  bool       // No token was taken yet.
	fresh  bool       // A statement starts here.
	alias  bool       // The next word may be the alias of a table, even if it is a keyword.
	before [3]keyword // The last words, the latest first.
}

// found is a table, or the body of a DO block.
type found struct {
	schema, name string
	body         bool
}

// frame is what a comma, a word or a parenthesis means at one depth.
type frame struct {
	list   list
	joined bool // A JOIN came, so that USING starts a list of columns.
	call   bool // The arguments of a function that separates them by FROM.
}

// list says whether a comma is followed by another table.
type list uint8

const (
	noList  list = iota
	sources      // After FROM, JOIN, USING, ...
	targets      // After UPDATE, up to SET.
)

// frames is a stack that allocates only beyond a usual depth.
type frames struct {
	depth int
	near  [16]frame
	far   []frame
}

func (f *frames) push(top frame) {
	if f.depth < len(f.near) {
		f.near[f.depth] = top
	} else {
		f.far = append(f.far, top)
	}
	f.depth++
}

func (f *frames) pop() frame {
	f.depth--
	if f.depth < len(f.near) {
		return f.near[f.depth]
	}
	top := f.far[len(f.far)-1]
	f.far = f.far[:len(f.far)-1]
	return top
}

// advance moves on until something is found. It returns false at the end of the text if nothing
// was.
func (s *scanner) advance() bool {
	s.founds = 0
	for s.founds == 0 {
		t := s.next()
		if t.kind == end {
			return false
		}
		if s.fresh && t.kind == word {
			s.fresh = false
			if s.utility(t) {
				continue
			}
		}
		s.step(t)
	}
	return true
}

func (s *scanner) report(f found) {
	s.found[s.founds] = f
	s.founds++
}

// reportAny reports that a text which is not known runs.
func (s *scanner) reportAny() { s.report(found{name: AnyTable}) }

func (s *scanner) step(t token) {
	first, k, alias := s.first, plain, false
	s.first, s.fresh = false, false
	switch t.kind {
	case ';':
		s.reset()
		return
	case '(':
		s.open()
		k = kwOpen
	case ')':
		s.shut()
		alias = true
	case ',':
		if first {
			// The rest of a FROM clause, as in Joins(", projects").
			s.list = sources
		}
		s.want = s.list != noList
	case word:
		k = t.keyword
		alias = s.word(t)
	case quoted, coded, str:
		alias = s.name(t)
	case number:
		s.number(t)
	case '{':
		// MySQL takes FROM {OJ a LEFT JOIN b ON ...}.
		if s.want {
			s.next()
		}
	case '.', '}':
		// MySQL before 8.0 takes FROM .projects.
	default:
		s.want = false
	}
	s.alias = alias
	s.before = [3]keyword{k, s.before[0], s.before[1]}
}

// reset starts a new statement.
func (s *scanner) reset() {
	s.frame, s.outer, s.want, s.alias = frame{}, frames{}, false, false
	s.before = [3]keyword{}
	s.fresh = s.mode == asStatements
}

// open enters parentheses. Those in the place of a table hold tables, unless a SELECT follows.
func (s *scanner) open() {
	s.outer.push(s.frame)
	s.frame = frame{call: s.before[0] == kwCall}
	if s.want {
		s.list = sources
	}
}

// shut leaves parentheses. What is around those that the text did not open is not known, so that a
// comma after them may be one of a FROM clause.
func (s *scanner) shut() {
	s.want = false
	if s.outer.depth == 0 {
		s.frame = frame{list: sources}
		return
	}
	s.frame = s.outer.pop()
}

// name reports a table if one is wanted, and else moves past the path. It reports whether an alias
// may follow.
func (s *scanner) name(t token) bool {
	schema, name := s.path(t)
	if !s.want {
		return false
	}
	s.want = false
	var f found
	var known bool
	if f.name, known = s.spelling(name); known && schema.kind != end {
		f.schema, _ = s.spelling(schema)
	}
	s.report(f)
	return true
}

// number takes 2fa for a name where MySQL does.
func (s *scanner) number(t token) {
	if !s.reading.mysql() {
		s.want = false
	}
	if !s.want {
		return
	}
	after := s.pos
	s.pos = t.start
	s.letters()
	if strings.Trim(s.text[t.start:s.pos], "0123456789") == "" {
		s.pos = after
		return
	}
	s.name(token{kind: word, start: t.start, end: s.pos})
}
