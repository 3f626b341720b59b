package sqltext

// with moves past WITH and its common table expressions, which can then be seen.
func (r *reader) with(outer int32) bool {
	r.pos++
	recursive := r.take(kwRecursive)
	first := len(r.commons)
	// All names of a WITH see one another on SQLite, and on Postgres if it is RECURSIVE.
	ahead := r.server == sqlite || recursive
	if ahead && !r.names() {
		return false
	}
	for i := first; ; i++ {
		name := r.pos
		if !r.header() {
			return false
		}
		stop := r.list[r.pos].match
		if r.list[r.pos].flag&sealed != 0 {
			r.pos = stop
		} else {
			r.pos++
			if !r.enter() || !r.common(outer) {
				return false
			}
			r.leave()
		}
		if r.pos != stop {
			return r.unexpected()
		}
		r.pos++
		if !ahead {
			r.commons = append(r.commons, common{name: name})
		}
		if len(r.commons) > mostCommon {
			return r.fail(TooLarge, detailTooBig+advice)
		}
		if !r.takeSign(',') {
			return true
		}
	}
}

// common moves past the query or, on Postgres, the command in a common table expression.
func (r *reader) common(outer int32) bool {
	switch r.keyword() {
	case kwInsert, kwUpdate, kwDelete, kwMerge:
		return r.change(outer)
	case kwWith:
		defer r.forget(len(r.commons))
		if !r.with(outer) {
			return false
		}
		return r.common(outer)
	}
	return r.body(outer)
}

// header moves past name (a, b) AS NOT MATERIALIZED, up to the parentheses of the query.
func (r *reader) header() bool {
	if k := r.kind(); !k.isName() && (k != str || r.server != sqlite) {
		return r.unexpected()
	}
	r.list[r.pos].flag |= asName
	r.withNames = append(r.withNames, r.pos)
	r.pos++
	if r.kind() == '(' {
		r.pos = r.list[r.pos].match + 1
	}
	if !r.want(kwAs) {
		return false
	}
	r.take(kwNot)
	r.take(kwMaterialized)
	return r.kind() == '(' || r.unexpected()
}

// names notes all names of a WITH ahead of their queries.
func (r *reader) names() bool {
	start := r.pos
	for {
		name := r.pos
		if !r.header() {
			return false
		}
		r.commons = append(r.commons, common{name: name})
		r.pos = r.list[r.pos].match + 1
		if !r.takeSign(',') {
			r.pos = start
			return true
		}
	}
}

func (r *reader) forget(commons int) { r.commons = r.commons[:commons] }
