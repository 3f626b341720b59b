package sqltext

import (
	"sort"
	"strconv"
	"strings"
)

// Read reads a text. The error is a *Refusal.
func Read(text string, o Options) (*Plan, error) {
	var room [4]reading
	all := readings(room[:0], &o)
	plan, differs, refusal := readAs(text, all[0], &o)
	if !differs && o.Dialect != Other || o.Dialect == SQLite {
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
	plan = &Plan{text: t.text, server: t.server, open: t.open, clean: true}
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
				Detail: "no condition can limit this command to the rows of a tenant; run it Unscoped",
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
		r.fail(Command, "a table or a variable that holds rows of a tenant is not limited to it"+advice)
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
				bad = bad || t.Sides[s].TypeColumn != "" && r.mayBeColumn(c.token, t.Sides[s].TypeColumn)
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

// setParams keeps how placeholders look and where they are.
func (p *Plan) setParams(t *tokens, o *Options) *Refusal {
	p.vars, p.first, p.highest, p.sign = o.Vars, t.params.first, t.params.highest, t.params.sign
	refuse := func(detail string) *Refusal { return &Refusal{Reason: Placeholders, Detail: detail} }
	if t.params.plain == 0 && p.sign == "" && o.Dialect == Other {
		p.sign = o.Numbered
	}
	switch {
	case t.params.named, t.params.plain > 0 && t.params.sign != "":
		return refuse("the placeholders have names or are of several kinds; use " +
			"those that GORM writes")
	case t.server == postgres && !t.anyParam:
		p.sign = "$"
		fallthrough
	case p.sign != "":
		if t.params.highest > o.Vars {
			return refuse("the text has a placeholder for an argument that is not there: $" +
				strconv.Itoa(t.params.highest))
		}
		return nil
	}
	if t.params.plain != o.Vars-o.First {
		return refuse("there are " + strconv.Itoa(t.params.plain) + " placeholders for " +
			strconv.Itoa(o.Vars-o.First) + " arguments")
	}
	for i := range t.list {
		if t.list[i].kind == param {
			p.params = append(p.params, t.list[i].start)
		}
	}
	return nil
}

// setBound keeps the placeholders that have to hold the tenant, in the order of the references.
func (p *Plan) setBound(v *prover) {
	sort.SliceStable(v.facts, func(i, j int) bool { return v.facts[i].part < v.facts[j].part })
	sort.SliceStable(v.types, func(i, j int) bool { return v.types[i].part < v.types[j].part })
	sort.SliceStable(v.bonds, func(i, j int) bool { return v.bonds[i].item < v.bonds[j].item })
	facts, types, bonds := v.facts, v.types, v.bonds
	ref := 0
	for i := range v.items {
		t := v.items[i].table
		if t == nil {
			continue
		}
		add := func(column, arg int32, must bool, value string) {
			p.bound = append(p.bound, Bound{
				Var: int(arg), Table: t, Column: int(column), Ref: ref, Must: must, Value: value,
			})
		}
		for part := v.base[i]; part < v.base[i+1]; part++ {
			column := part - v.base[i]
			for ; len(facts) > 0 && facts[0].part == part; facts = facts[1:] {
				add(column, facts[0].arg, false, "")
			}
			for ; len(types) > 0 && types[0].part == part; types = types[1:] {
				add(column, types[0].arg, false, types[0].value)
			}
			p.needs = p.needs || v.state[part] == made
		}
		for ; len(bonds) > 0 && int(bonds[0].item) == i; bonds = bonds[1:] {
			add(bonds[0].column, bonds[0].arg, true, "")
		}
		ref++
	}
}

// nameOf returns an item and the name that SQLite and MySQL give to its column: its text, up to the
// next token.
func (r *reader) nameOf(l label) namedItem {
	start, end := int(r.list[l.start].start), int(r.list[l.end].start)
	return namedItem{
		start: start, end: int(r.list[l.end-1].end), name: strings.TrimRight(r.text[start:end], " \t\r\n\f\v"),
	}
}

// setFresh finds an alias that the text does not have, for the EXISTS of a join table. Its target
// must not be hidden by a common table expression of the same name.
func (p *Plan) setFresh(r *reader) *Refusal {
	sides := false
	for i := range p.refs {
		for s := range p.refs[i].table.Sides {
			target := p.refs[i].table.Sides[s].Target
			sides = true
			if target.Schema != "" || p.refs[i].created {
				continue
			}
			for _, name := range r.withNames {
				if r.mayBeColumn(name, target.Name) {
					return &Refusal{
						Reason: Unreadable, Table: target.Name, Pos: int(r.list[name].start),
						Detail: "a common table expression has the name of a tenant table that is " +
							"needed here; give it another name",
					}
				}
			}
		}
	}
	if !sides {
		return nil
	}
	p.fresh = "tenant_side"
	for n := 0; strings.Contains(p.text, p.fresh); n++ {
		p.fresh = "tenant_side_" + strconv.Itoa(n)
	}
	return nil
}
