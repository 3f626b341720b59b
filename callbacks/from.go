package callbacks

import (
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant/internal/tenanttable"
)

// buildFrom limits every joined table to the tenant's rows. Association joins have their ON clause
// built without callbacks, and nested ones share it; here all of them are seen. Where the
// statement has no WHERE, this is also where one is written.
func (g *guard) buildFrom(c clause.Clause, stmt *gorm.Statement, prev clause.ClauseBuilder) {
	if g.failed(c, stmt, prev) {
		return
	}
	w := walker{guard: g, stmt: stmt}
	w.surroundings(c)
	from, ok := c.Expression.(clause.From)
	if !ok {
		w.tableText(w.render(c.Expression), nil)
	}
	own := stmt.TableExpr
	defer func() { stmt.TableExpr = own }()
	w.tableExpr()
	for _, named := range from.Tables {
		if named.Raw {
			w.tableText(named.Name+" "+named.Alias, nil)
		}
	}
	if derivesOwn(stmt, from) {
		g.deriveOwn(stmt)
	}
	joins, changed := g.scopeJoins(&w, from.Joins)
	if w.failed() {
		return
	}
	if changed {
		from.Joins = joins
		c.Expression = from
	}
	write(c, stmt, prev)
	g.finishWhere(stmt)
}

// scopeJoins returns joins with the tenant's condition on each joined table of tenants.
func (g *guard) scopeJoins(w *walker, joins []clause.Join) (scoped []clause.Join, changed bool) {
	scoped = joins
	for i, join := range joins {
		if join.Expression != nil {
			join.Expression = w.joinText(join.Expression)
		} else if !g.scopeJoin(w, &join) {
			continue
		}
		if !changed {
			scoped, changed = slices.Clone(joins), true
		}
		scoped[i] = join
	}
	return scoped, changed
}

// scopeJoin limits one join. It reports whether it changed it.
func (g *guard) scopeJoin(w *walker, join *clause.Join) bool {
	exprs, changed := w.expressions(join.ON.Exprs)
	join.ON.Exprs = exprs
	t := g.tables.named(join.Table.Name)
	if join.Table.Raw {
		w.tableText(join.Table.Name+" "+join.Table.Alias, nil)
		t = nil
	}
	if !isJoinType(join.Type) {
		w.names("FROM _ "+string(join.Type), nil)
		if !w.unscoped() {
			failBuild(w.stmt, join.Table.Name, errNoJoin)
		}
	}
	if t == nil {
		return changed
	}
	s, err := resolve(w.stmt.Context)
	if err == nil && s.id != nil && t.Field != nil {
		_, err = t.bind(s.id)
	}
	if err != nil {
		failBuild(w.stmt, t.Name, err)
		return false
	}
	if s.unscoped {
		g.report(w.stmt, operation(w.stmt), t.Name, s.reason)
		return changed
	}
	on := &joinCondition{table: t, alias: nameOf(join.Table), exprs: join.ON.Exprs, id: s.id}
	if keepsOthers(join.Type) && len(join.Using) == 0 {
		join.ON.Exprs = []clause.Expression{on}
	} else {
		join.Expression = &derivedJoin{joinCondition: on, join: *join}
	}
	return true
}

// keepsOthers says whether a condition in ON limits the joined table and nothing else: an inner
// join, and a left join, which stays a left join. Of a right or full join it would only blank the
// other side, and a cross or natural join takes no ON.
func keepsOthers(kind clause.JoinType) bool {
	switch strings.ToUpper(string(kind)) {
	case "", "INNER", "LEFT", "LEFT OUTER":
		return true
	}
	return false
}

// isJoinType says whether kind is the name of a kind of join and nothing else.
func isJoinType(kind clause.JoinType) bool {
	for _, word := range strings.Fields(strings.ToUpper(string(kind))) {
		if word == "JOIN" || !slices.Contains(joinWords, word) && word != "ASOF" {
			return false
		}
	}
	return true
}

// joinCondition is the ON of a join of a table of tenants:
//
//	ON ("projects"."owner_id" = "Owner"."id") AND "Owner"."tenant_id" = $1
type joinCondition struct {
	table *table
	alias string
	exprs []clause.Expression
	id    any
}

func (j *joinCondition) Build(b clause.Builder) {
	stmt, ok := statementOf(b)
	if !ok {
		return
	}
	writeGiven(stmt, j.exprs)
	j.table.writeCondition(stmt, j.alias, j.id)
}

// derivedJoin is a join of the tenant's rows as a table of their own, for the kinds of join in
// which ON does not limit them:
//
//	RIGHT JOIN (SELECT * FROM "users" WHERE "users"."tenant_id" = $1) AS "Owner" ON ...
type derivedJoin struct {
	*joinCondition
	join clause.Join
}

func (d *derivedJoin) Build(b clause.Builder) {
	stmt, ok := statementOf(b)
	if !ok {
		return
	}
	derived := d.join
	derived.Expression = nil
	derived.Table = clause.Table{Name: d.table.derive(stmt, d.join.Table.Name, d.alias, d.id), Raw: true}
	derived.Build(stmt)
}

// derive returns the text of the tenant's rows as a derived table. Its argument is added to stmt.
func (t *table) derive(stmt *gorm.Statement, name, alias string, id any) string {
	scratch := &gorm.Statement{DB: stmt.DB, Context: stmt.Context, Vars: stmt.Vars}
	_, _ = scratch.WriteString("(SELECT * FROM ")
	scratch.WriteQuoted(name)
	_, _ = scratch.WriteString(" WHERE ")
	t.writeCondition(scratch, lastPart(name), id)
	_, _ = scratch.WriteString(") AS ")
	scratch.WriteQuoted(alias)
	stmt.Vars = scratch.Vars
	return scratch.SQL.String()
}

// derivesOwn says whether the statement's own table must be a derived one: a right or full join
// keeps rows of the joined table that match none of it, which a condition in WHERE would drop.
func derivesOwn(stmt *gorm.Statement, from clause.From) bool {
	if len(from.Tables) > 0 || len(from.Joins) == 0 || operation(stmt) != "query" {
		return false
	}
	return slices.ContainsFunc(from.Joins, func(j clause.Join) bool {
		kind := string(j.Type)
		if e, ok := j.Expression.(clause.NamedExpr); ok && kind == "" {
			kind = strings.TrimLeft(e.SQL, " \t\r\n")
		}
		kind = strings.ToUpper(kind[:min(len(kind), 5)])
		return strings.HasPrefix(kind, "RIGHT") || strings.HasPrefix(kind, "FULL")
	})
}

// deriveOwn makes the statement's own table a derived one while its FROM is built.
func (g *guard) deriveOwn(stmt *gorm.Statement) {
	own, err := g.target(stmt)
	s := scope{}
	if err == nil && own.table != nil {
		s, err = resolve(stmt.Context)
	}
	if err != nil {
		failBuild(stmt, stmt.Table, err)
		return
	}
	if own.table == nil || s.unscoped {
		return
	}
	name := (*tenanttable.Table)(own.table).Qualified()
	stmt.TableExpr = &clause.Expr{SQL: "?", Vars: []any{
		&derivedTable{table: own.table, name: name, alias: own.alias, id: s.id},
	}}
}

// derivedTable writes the tenant's rows of a table as a derived table.
type derivedTable struct {
	table       *table
	name, alias string
	id          any
}

func (d *derivedTable) Build(b clause.Builder) {
	if stmt, ok := statementOf(b); ok {
		text := d.table.derive(stmt, d.name, d.alias, d.id)
		_, _ = stmt.WriteString(text)
	}
}
