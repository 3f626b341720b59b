package sqltext

// A second, simple look at the tokens, which knows no grammar: it asks of each name of a tenant
// table whether it stands where a table can stand. The reader must have taken it for one. So a text
// that fools the reader is refused: in SELECT max(x) AS AS FROM projects, a reader that takes the
// second AS for the label's own AS finds no FROM.

// frame is what the second look remembers of the parentheses around.
type frame struct {
	list bool // A comma may come before a table.
	want bool // The parentheses stand where a table can stand.
}

// overlooked returns a token between start and stop that names a tenant table where one can stand,
// and that the reader has not read as a table; or none.
func (t *tokens) overlooked(start, stop int32) int32 {
	var room [32]frame
	frames := room[:0]
	var f frame
	want := false
	for at := start; at < stop; at++ {
		tok := &t.list[at]
		switch {
		case tok.keyword == kwSelect && tok.flag&sealed != 0:
			at, want = tok.match-1, false
			continue
		case tok.kind == '(':
			if tok.flag&sealed != 0 {
				at, want = tok.match, false
				continue
			}
			frames = append(frames, f)
			f = frame{list: want, want: want}
			continue
		case tok.kind == ')':
			want = false
			if len(frames) > 0 {
				f = frames[len(frames)-1]
				frames = frames[:len(frames)-1]
			}
			continue
		case tok.kind == ',':
			want = f.list
			continue
		case tok.kind == word && !t.afterDot(at):
			if next, ok := t.introduces(at, &f, want); ok {
				want = next
				continue
			}
		}
		if !want || !tok.kind.isName() && tok.kind != str {
			continue
		}
		last := at
		for last+2 < stop && t.list[last+1].kind == '.' {
			last += 2
		}
		if tok := &t.list[last]; tok.flag&tenants != 0 && tok.flag&asTable == 0 {
			return last
		}
		at, want = last, false
	}
	return none
}

func (t *tokens) afterDot(at int32) bool { return at > 0 && t.list[at-1].kind == '.' }

// introduces reports whether a word says that a table comes next, or that none does.
func (t *tokens) introduces(at int32, f *frame, want bool) (next, ok bool) {
	tok := t.list[at]
	switch tok.keyword {
	case kwFrom, kwUsing:
		if at > 1 && t.list[at-1].keyword == kwDistinct &&
			(t.list[at-2].keyword == kwIs || t.list[at-2].keyword == kwNot) {
			return false, true // IS DISTINCT FROM
		}
		f.list = true
		return true, true
	case kwJoin, kwStraightJoin, kwInto, kwTable, kwOnly:
		return true, true
	case kwUpdate:
		if at > 0 && (t.list[at-1].keyword == kwKey || t.list[at-1].keyword == kwDo) {
			return false, true // ON DUPLICATE KEY UPDATE, DO UPDATE
		}
		f.list = true
		return true, true
	case kwLateral, kwIgnore, kwOr:
		return want, want
	case kwWhere, kwSet, kwGroup, kwHaving, kwOrder, kwLimit, kwReturning:
		if tok.flag&asName != 0 {
			return false, false
		}
		f.list = false
		return false, true
	case kwSelect, kwValues:
		f.list = false
		return false, tok.flag&asTable == 0
	}
	return false, false
}
