package sqltext

import (
	"sort"
	"strconv"
	"strings"
)

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
		start: start, end: int(r.list[l.end-1].end),
		name: strings.TrimRight(r.text[start:end], " \t\r\n\f\v"),
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
						Detail: "a common table expression has the name of a tenant table " +
							"that is needed here; give it another name",
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
