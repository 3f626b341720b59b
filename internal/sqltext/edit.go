package sqltext

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Edited is a text that is limited to the tenant, with places for more arguments.
type Edited struct {
	Text string

	// Insert holds, in rising order, the places in the final list of arguments at which the tenant
	// goes: list = slices.Insert(list, Insert[i], tenant) for each i in turn. Insert[i] counts the
	// arguments in front that Options.First left out.
	Insert []int

	// Tables and Columns hold the table, and the index in its Columns, of the tenant column that
	// Insert[i] is compared with: how a value is bound depends on the column.
	Tables  []*Table
	Columns []int
}

// The order of edits at one place of the text.
const (
	closesOn = iota
	replaces
	closesWhere
	labels
	opens
)

// edit is a change at one place of a text.
type edit struct {
	at, until int // What is replaced; nothing if they are equal.
	order     int
	text      string // What is written, up to the first condition.
	refs      []int32
	joint     string // What is written between conditions.
	behind    string // What is written behind the last one.
}

// writer writes a limited text.
type writer struct {
	*Plan

	b      strings.Builder
	edited Edited
	passed int // How many placeholders stand in front of what has been written.
}

// write returns the text with the given parts of its references limited.
func (p *Plan) write(limit func(ref int) uint64) *Edited {
	w := writer{Plan: p}
	edits := p.edits(limit)
	size := len(p.text) + 64*len(edits)
	w.edited.Insert, w.edited.Columns = make([]int, 0, len(edits)), make([]int, 0, len(edits))
	w.edited.Tables = make([]*Table, 0, len(edits))
	w.b.Grow(size)
	last := 0
	for i := range edits {
		e := &edits[i]
		w.copy(last, e.at)
		w.b.WriteString(e.text)
		for n, ref := range e.refs {
			if n > 0 {
				w.b.WriteString(e.joint)
			}
			w.condition(&p.refs[ref], limit(int(ref)))
		}
		w.b.WriteString(e.behind)
		last = e.until
	}
	w.copy(last, len(p.text))
	w.edited.Text = w.b.String()
	return &w.edited
}

// copy copies a part of the text, and counts its placeholders.
func (w *writer) copy(from, to int) {
	w.b.WriteString(w.text[from:to])
	for w.passed < len(w.params) && int(w.params[w.passed]) < to {
		w.passed++
	}
}

// edits returns the changes that limit the given references, in order.
func (p *Plan) edits(limit func(ref int) uint64) []edit {
	edits := make([]edit, 0, 2*len(p.refs))
	bySlot := make([]int, len(p.slots))
	for i := range p.refs {
		r := &p.refs[i]
		if r.created || limit(i) == 0 {
			continue
		}
		ref := int32(i)
		if r.slot == none {
			edits = append(edits, edit{
				at: r.from, until: r.to, order: replaces, refs: []int32{ref},
				text: "(SELECT * FROM " + r.inner + " WHERE ", behind: ")" + r.alias,
			})
			continue
		}
		if known := bySlot[r.slot]; known > 0 {
			edits[known-1].refs = append(edits[known-1].refs, ref)
			continue
		}
		s := p.slots[r.slot]
		e := edit{
			at: s.close, until: s.close, order: closesWhere, refs: []int32{ref},
			joint: " AND ",
		}
		switch {
		case s.open < 0:
			e.text = " WHERE "
		case s.on:
			e.order = closesOn
			fallthrough
		default:
			e.text = ") AND "
			edits = append(edits, edit{at: s.open, until: s.open, order: opens, text: "("})
		}
		e.behind = p.gap(s.close)
		if s.table >= 0 {
			edits = append(edits, edit{
				at: s.table, until: s.table + len("TABLE"), order: opens, text: "SELECT * FROM",
			})
		}
		edits = append(edits, e)
		bySlot[r.slot] = len(edits)
	}
	slices.SortStableFunc(edits, compareEdits)
	if labelled := p.withLabels(edits); len(labelled) > len(edits) {
		slices.SortStableFunc(labelled, compareEdits)
		return labelled
	}
	return edits
}

func compareEdits(a, b edit) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.order, b.order))
}

// gap returns a space if what follows could be read as a part of a placeholder: $8GROUP.
func (p *Plan) gap(at int) string {
	if at < len(p.text) && isWord(p.text[at]) {
		return " "
	}
	return ""
}

// withLabels adds the name that the server would have given to each column that is changed. The
// edits are in order.
func (p *Plan) withLabels(edits []edit) []edit {
	changed := edits
	for _, l := range p.labels {
		first, _ := slices.BinarySearchFunc(changed, l.start, func(e edit, at int) int {
			return cmp.Compare(e.at, at)
		})
		if first < len(changed) && changed[first].at <= l.end {
			edits = append(edits, edit{
				at: l.end, until: l.end, order: labels, text: " AS " + quoteName(p.server, l.name),
			})
		}
	}
	return edits
}

// condition writes what holds for the rows of a reference that are the tenant's, by the given
// parts.
func (w *writer) condition(r *reference, parts uint64) {
	qualifier := r.qualifier
	if r.slot == none {
		qualifier = r.name
	}
	joint := ""
	for i := range len(r.table.Columns) + len(r.table.Sides) {
		if parts&(1<<i) == 0 {
			continue
		}
		w.b.WriteString(joint)
		joint = " AND "
		if i < len(r.table.Columns) {
			w.equal(qualifier, r.table, i)
		} else {
			w.side(qualifier, &r.table.Sides[i-len(r.table.Columns)])
		}
	}
}

func (w *writer) column(qualifier, column string) {
	w.b.WriteString(qualifier)
	w.b.WriteByte('.')
	w.b.WriteString(quoteName(w.server, column))
}

func (w *writer) equal(qualifier string, t *Table, column int) {
	w.column(qualifier, t.Columns[column])
	w.b.WriteString(" = ")
	w.placeholder(t, column)
}

// side writes that the row that a join table's key refers to is the tenant's. A row of another
// type passes.
func (w *writer) side(qualifier string, s *Side) {
	if s.TypeColumn != "" {
		w.b.WriteByte('(')
		w.otherType(qualifier, s)
		w.b.WriteString(" OR ")
	}
	w.b.WriteString("EXISTS (SELECT 1 FROM ")
	if s.Target.Schema != "" {
		w.b.WriteString(quoteName(w.server, s.Target.Schema))
		w.b.WriteByte('.')
	}
	w.b.WriteString(quoteName(w.server, s.Target.Name))
	w.b.WriteString(" AS ")
	w.b.WriteString(w.fresh)
	w.b.WriteString(" WHERE ")
	for i := range s.Columns {
		w.column(w.fresh, s.Keys[i])
		w.b.WriteString(" = ")
		w.column(qualifier, s.Columns[i])
		w.b.WriteString(" AND ")
	}
	for i := range s.Target.Columns {
		if i > 0 {
			w.b.WriteString(" AND ")
		}
		w.equal(w.fresh, s.Target, i)
	}
	w.b.WriteByte(')')
	if s.TypeColumn != "" {
		w.b.WriteByte(')')
	}
}

func (w *writer) otherType(qualifier string, s *Side) {
	value := "'" + strings.ReplaceAll(s.TypeValue, "'", "''") + "'"
	switch w.server {
	case mysql:
		w.b.WriteString("NOT (")
		w.column(qualifier, s.TypeColumn)
		w.b.WriteString(" <=> " + value + ")")
	case sqlite:
		w.column(qualifier, s.TypeColumn)
		w.b.WriteString(" IS NOT " + value)
	default:
		w.column(qualifier, s.TypeColumn)
		w.b.WriteString(" IS DISTINCT FROM " + value)
	}
}

// placeholder writes a placeholder for the tenant. Where placeholders have numbers, one serves all
// references to a column.
func (w *writer) placeholder(t *Table, column int) {
	e := &w.edited
	at := len(e.Insert)
	if w.sign == "" {
		w.b.WriteByte('?')
		e.add(w.first+w.passed+at, t, column)
		return
	}
	for i := range e.Tables {
		if e.Tables[i] == t && e.Columns[i] == column {
			at = i
		}
	}
	if at == len(e.Insert) {
		e.add(w.vars+at, t, column)
	}
	w.b.WriteString(w.sign)
	w.b.WriteString(strconv.Itoa(w.vars + at + 1))
}

func (e *Edited) add(at int, t *Table, column int) {
	e.Insert = append(e.Insert, at)
	e.Tables = append(e.Tables, t)
	e.Columns = append(e.Columns, column)
}
