package sqltext

import "strings"

// Read reads a text. The error is a *Refusal.
func Read(text string, o Options) (*Plan, error) {
	all := readings[o.Dialect]
	plan, differs, refusal := readAs(text, all[0], &o)
	if !differs && o.Dialect != Other {
		all = all[:1]
	}
	for _, r := range all[1:] {
		other, _, otherRefusal := readAs(text, r, &o)
		if refusal != nil {
			break
		}
		if otherRefusal != nil {
			refusal = otherRefusal
		} else if !same(plan, other) {
			refusal = &Refusal{
				Reason: Unreadable, Detail: "servers read this text in different ways" + advice,
			}
		}
	}
	if refusal != nil {
		return nil, refusal
	}
	return plan, nil
}

// same reports whether two plans of one text do the same.
func same(a, b *Plan) bool {
	if a.clean || b.clean {
		return a.clean == b.clean
	}
	if len(a.bound) != len(b.bound) || len(a.refs) != len(b.refs) {
		return false
	}
	for i := range a.bound {
		if a.bound[i] != b.bound[i] {
			return false
		}
	}
	for _, all := range [...]bool{false, true} {
		limit := func(p *Plan) string {
			return p.write(func(ref int) uint64 {
				if all {
					return ^uint64(0)
				}
				return p.refs[ref].made
			}).Text
		}
		if limit(a) != limit(b) {
			return false
		}
	}
	return true
}

// readAs reads a text in one reading. It reports whether another may find other tokens.
func readAs(text string, r reading, o *Options) (plan *Plan, differs bool, refusal *Refusal) {
	t, refusal := split(text, r, o)
	if refusal != nil {
		return nil, false, refusal
	}
	named, refusal := t.names(o)
	if refusal != nil {
		return nil, t.differs, refusal
	}
	plan = &Plan{text: t.text, server: t.server, clean: true}
	statements := t.statements()
	for _, s := range statements {
		body, refusal := t.runs(s, o)
		if refusal != nil {
			return nil, t.differs, refusal
		}
		named = named || body
	}
	if !named && (o.Raw || o.Own == nil) {
		return plan, t.differs, nil
	}
	if t.problem != "" {
		return nil, t.differs, &Refusal{Reason: Unreadable, Detail: t.problem}
	}
	return plan, t.differs, t.plan(plan, statements, o)
}

// runs refuses a statement that runs a text that is not known, and reports whether the text of a
// function or of DO, in which a tenant table would be read, names one.
func (t *tokens) runs(s statement, o *Options) (named bool, refusal *Refusal) {
	kind, _ := t.classify(s)
	if kind == runsText {
		return false, &Refusal{
			Reason: RunsText, Pos: int(t.list[s.start].start),
			Detail: "this command runs a text, or changes how one is read" + advice,
		}
	}
	if kind != unknown || !t.spellsAny(s.start, "DO", "CREATE") {
		return false, nil
	}
	for at := s.start; at < s.end; at++ {
		if t.list[at].kind != str {
			continue
		}
		content, ok := t.content(t.list[at])
		if !ok {
			return true, nil
		}
		inner, refusal := split(content, t.reading, &Options{})
		if refusal != nil {
			return true, nil //nolint:nilerr // What cannot be read may name any table.
		}
		found, _ := inner.names(o)
		for i := range inner.list {
			found = found || inner.list[i].keyword == kwExecute
		}
		named = named || found || inner.problem != ""
	}
	return named, nil
}

// content returns the text of a string, and false if it has escapes.
func (t *tokens) content(tok token) (string, bool) {
	text := t.text[tok.start:tok.end]
	if tag := dollarTag(text); text[0] == '$' && tag != "" {
		return strings.TrimSuffix(text[len(tag):], tag), true
	}
	if text[0] != '\'' {
		return "", false
	}
	return unquote(text), true
}

// plan reads the statements of a text that names a tenant table.
func (t *tokens) plan(p *Plan, statements []statement, o *Options) *Refusal {
	for i, s := range statements {
		kind, start := t.classify(s)
		if kind == defines || kind == unknown && !t.mentions(s) && len(statements) > 1 {
			continue
		}
		if len(statements) > 1 {
			if !t.mentions(s) {
				continue
			}
			return &Refusal{
				Reason: SeveralStatements, Pos: int(t.list[s.start].start),
				Detail: "a statement on a tenant table must be alone in its text",
			}
		}
		if kind == unknown {
			return &Refusal{
				Reason: Command, Pos: int(t.list[s.start].start),
				Detail: "no condition can limit this command to the rows of a tenant; " +
					"run it Unscoped",
			}
		}
		_ = i
		return t.planStatement(p, statement{start, s.end}, o)
	}
	if !o.Raw && o.Own != nil {
		return notFound(o)
	}
	return nil
}

func notFound(o *Options) *Refusal {
	return &Refusal{
		Reason: NotFound, Table: o.Own.Name,
		Detail: "the table of the statement was not found in its text" + advice,
	}
}

// mentions reports whether a statement has a name that is that of a tenant table.
func (t *tokens) mentions(s statement) bool {
	for at := s.start; at < s.end; at++ {
		if t.list[at].flag&tenants != 0 {
			return true
		}
	}
	return false
}

// planStatement reads one statement.
func (t *tokens) planStatement(p *Plan, s statement, o *Options) *Refusal {
	r := &reader{tokens: t, o: o, pos: s.start, last: s.end, block: none}
	r.blocks, r.items, r.open = make([]block, 0, 4), make([]item, 0, 4), make([]item, 0, 4)
	if !r.statement() {
		return r.refusal
	}
	if at := t.overlooked(s.start, s.end); at != none {
		r.pos = at
		r.unexpected()
		return r.refusal
	}
	found := false
	for i := range r.items {
		found = found || r.items[i].table != nil
	}
	if !o.Raw && o.Own != nil && !r.hasOwn() {
		return notFound(o)
	}
	if !found {
		return nil
	}
	if r.into {
		r.fail(Command, "a table or a variable that holds rows of a tenant is not limited to it"+
			advice)
		return r.refusal
	}
	if refusal := r.changes(); refusal != nil {
		return refusal
	}
	if refusal := p.setParams(t, o); refusal != nil {
		return refusal
	}
	prover := prove(r)
	placer := placer{prover: prover}
	p.clean = false
	p.refs = placer.references()
	p.slots = placer.slots
	if r.refusal != nil {
		return r.refusal
	}
	p.setBound(prover)
	for _, l := range r.labels {
		p.labels = append(p.labels, r.nameOf(l))
	}
	return p.setFresh(r)
}

// statement moves past a whole statement.
func (r *reader) statement() bool {
	ok := false
	if r.keyword() == kwWith && !r.with(none) {
		return false
	}
	switch r.keyword() {
	case kwInsert, kwUpdate, kwDelete, kwMerge:
		ok = r.change(none)
	default:
		ok = r.body(none)
	}
	return ok && (r.pos == r.last || r.unexpected())
}

func (r *reader) hasOwn() bool {
	for i := range r.items {
		if r.items[i].table == r.o.Own {
			return true
		}
	}
	return false
}

// changes refuses an assignment to a tenant column, or to a key of a join table.
func (r *reader) changes() *Refusal {
	for _, c := range r.changed {
		b := &r.blocks[c.block]
		for i := b.lo; i < b.hi; i++ {
			t := r.items[i].table
			if t == nil {
				continue
			}
			bad := false
			for _, column := range t.Columns {
				bad = bad || r.mayBeColumn(c.token, column)
			}
			for s := range t.Sides {
				if !r.o.Raw {
					break
				}
				bad = bad || t.Sides[s].TypeColumn != "" && r.mayBeColumn(c.token,
					t.Sides[s].TypeColumn)
				for _, column := range t.Sides[s].Columns {
					bad = bad || r.mayBeColumn(c.token, column)
				}
			}
			if bad {
				return &Refusal{
					Reason: TenantChange, Table: t.Name, Pos: int(r.list[c.token].start),
					Detail: "whose a row is cannot be changed",
				}
			}
		}
	}
	return nil
}
