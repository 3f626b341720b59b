package sqlscan

import "strings"

// Ref is one table in a table expression.
type Ref struct {
	// Schema is the part right before the name, or "".
	Schema string
	// Name is the name of the table or the function. It is "" for a sub-select and a placeholder.
	Name string
	// Alias is "" if there is none.
	Alias string
	// Derived tells a sub-select, a placeholder and the call of a function from a table.
	Derived bool
}

// TableRef reads what stands after FROM. It returns false for anything but exactly one table with
// an optional alias: a list, a join, parentheses around a table, a list of columns after the alias,
// TABLESAMPLE, ONLY, a name with UESCAPE. To find the tables of such a text, put FROM in front of
// it and call [Fragment]; the tables inside of a Derived one are found in the same way.
func TableRef(expr string, d Dialect) (ref Ref, single bool) {
	if Problem(expr, d) != "" {
		return Ref{}, false
	}
	for i, r := range readings(d) {
		l := lexer{text: expr, reading: r, escapes: true}
		read, ok := l.tableRef()
		if !ok || i > 0 && read != ref {
			return Ref{}, false
		}
		ref = read
		if !l.ambiguous {
			break
		}
	}
	return ref, true
}

func (l *lexer) tableRef() (ref Ref, ok bool) {
	t := l.next()
	switch {
	case t.kind == '(':
		ref.Derived = true
		ok = l.derived()
	case t.kind == param:
		ref.Derived, ok = true, true
	case t.kind == word && !t.keyword.mayName(), t.kind == str && l.text[t.start] != '\'':
	case t.kind.isName():
		ref, ok = l.namedRef(t)
	}
	if !ok {
		return Ref{}, false
	}
	t = l.next()
	if t.keyword == kwAs {
		if t = l.next(); t.kind == end {
			return Ref{}, false
		}
	}
	switch {
	case t.kind == end:
		return ref, true
	case t.kind == word && !l.mayAlias(t), !t.kind.isName(), l.next().kind != end:
		return Ref{}, false
	}
	ref.Alias, ok = l.spelling(t)
	return ref, ok
}

func (l *lexer) namedRef(t token) (ref Ref, ok bool) {
	schema, name := l.path(t)
	if ref.Name, ok = l.spelling(name); !ok || l.pos > name.end {
		return Ref{}, false // A dot at the end has moved past the name.
	}
	if schema.kind != end {
		if ref.Schema, ok = l.spelling(schema); !ok {
			return Ref{}, false
		}
	}
	if l.lookahead(0).kind == '(' {
		l.next()
		ref.Derived = true
		l.closeParenthesis()
	}
	return ref, true
}

// derived moves past the rest of parentheses that hold a query or a placeholder.
func (l *lexer) derived() bool {
	t := l.next()
	switch t.keyword {
	case kwSelect, kwTable, kwValues, kwWith:
		l.closeParenthesis()
		return true
	}
	return t.kind == param && l.next().kind == ')'
}

// closeParenthesis moves past the end of the parentheses, which are known to be balanced.
func (l *lexer) closeParenthesis() {
	for depth := 1; depth > 0; {
		switch l.next().kind {
		case '(':
			depth++
		case ')':
			depth--
		case end:
			return
		}
	}
}

// mayName reports whether a word of this kind is taken for a table. Words that can start a
// statement or a clause have to be quoted.
func (k keyword) mayName() bool {
	switch k {
	case plain, kwCall, kwHandler, kwKey, kwRow, kwShare:
		return true
	}
	return false
}

// mayAlias reports whether a word can end a table expression as an alias. The words that go on with
// a join or a clause are refused, though one server or another takes some of them.
func (l *lexer) mayAlias(t token) bool {
	if t.keyword != plain {
		return false
	}
	switch strings.ToUpper(l.text[t.start:t.end]) {
	case "CROSS", "EXCEPT", "FETCH", "FORCE", "FULL", "INDEXED", "INNER", "INTERSECT", "LEFT",
		"LOCK", "NATURAL", "OFFSET", "OUTER", "PARTITION", "RIGHT", "TABLESAMPLE", "UNION", "USE":
		return false
	}
	return true
}
