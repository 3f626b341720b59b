package oracle

import (
	"slices"

	"pgregory.net/rapid"
)

// drawProgram draws a program.
func drawProgram(t *rapid.T) program {
	g := &generator{t: t, db: "db"}
	p := program{setting: Setting{ForeignKeys: !g.rarely(2), CheckReferences: g.rarely(3)}}
	steps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) []statement {
		g.t = t
		return g.statements()
	}), 1, 6).Draw(t, "")
	for _, statements := range steps {
		p.statements = append(p.statements, statements...)
	}
	return p
}

// statements draws one step, and what it declares.
func (g *generator) statements() []statement {
	switch g.n(24) {
	case 0, 1, 2, 3, 4, 5, 6:
		return g.read()
	case 7, 8, 9:
		return g.create()
	case 10, 11:
		return g.save()
	case 12, 13, 14:
		return g.update()
	case 15, 16:
		return g.remove()
	case 17, 18, 19:
		return g.association()
	case 20, 21:
		return g.generics()
	case 22:
		return g.change()
	}
	return g.block()
}

// change sets a field of a value that an earlier step made or read.
func (g *generator) change() []statement {
	var ones []variable
	for _, v := range g.vars {
		if !v.many {
			ones = append(ones, v)
		}
	}
	if len(ones) == 0 {
		return g.read()
	}
	v := pick(g, ones)
	m := modelNamed(v.model)
	switch {
	case g.rarely(3):
		return []statement{assign{v.name, "ID", lit(g.id())}}
	case m.keyField != "" && m.keyField != "ManagerID" && g.rarely(3):
		return []statement{assign{v.name, m.keyField, lit(g.id())}}
	}
	return []statement{assign{v.name, pick(g, m.fields), lit(g.word())}}
}

// block draws a transaction with its statements.
func (g *generator) block() []statement {
	if g.depth == 2 {
		return g.update()
	}
	outer, vars := g.db, slices.Clone(g.vars)
	g.depth++
	g.db = g.name("tx")
	defer func() { g.db, g.vars = outer, vars; g.depth-- }()
	body := func() []statement {
		var list []statement
		for range 1 + g.n(2) {
			list = append(list, g.statements()...)
		}
		return list
	}
	if g.rarely(3) && g.depth == 1 {
		m := manual{on: outer, tx: g.db, before: body(), commit: !g.rarely(2)}
		if g.rarely(2) {
			m.after = body()
		}
		return []statement{m}
	}
	return []statement{transaction{on: outer, tx: g.db, statements: body(), rollback: g.rarely(2)}}
}
