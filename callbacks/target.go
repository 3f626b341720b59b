package callbacks

import (
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/sqlscan"
)

// target is the table that a statement is about.
type target struct {
	table *table // nil where it is nobody's, or where the rows come from a derived table
	alias string // the name by which the statement knows the table
}

var errTableText = fmt.Errorf("%w: the text given to Table is more than a table and its alias: "+
	"name the others with Joins", gormtenant.ErrRawSQL)

// target returns the table of stmt. The name in the statement decides, not the model: a model can
// be read from another table, and a table of tenants into any struct or map.
func (g *guard) target(stmt *gorm.Statement) (target, error) {
	if stmt.TableExpr == nil {
		if stmt.Schema == nil {
			return target{g.tables.namedInText(stmt.Table), stmt.Table}, nil
		}
		t, err := g.tables.tableOf(stmt.Schema)
		if stmt.Table != stmt.Schema.Table {
			if named := g.tables.named(stmt.Table); named != nil {
				t = named
			}
		}
		return target{t, stmt.Table}, err
	}
	name, alias, err := g.tableExpr(stmt)
	if name == "" {
		return target{}, err
	}
	if t := g.tables.namedInText(name); t != nil {
		return target{t, alias}, nil
	}
	if stmt.Schema == nil {
		return target{}, nil
	}
	t, err := g.tables.tableOf(stmt.Schema)
	return target{t, alias}, err
}

// tableExpr returns the table and alias that the caller gave to Table as text, "" where the rows
// come from a derived table. Text that names several tables is refused where one is a tenant's.
func (g *guard) tableExpr(stmt *gorm.Statement) (name, alias string, err error) {
	expr := stmt.TableExpr
	if isQuoted(expr.SQL, stmt.Table) && len(expr.Vars) == 0 {
		return stmt.Table, stmt.Table, nil
	}
	text := expr.SQL
	w := walker{guard: g, stmt: stmt}
	if vars, _ := w.values(expr.Vars); writesSQL(vars) {
		text = w.render(clause.Expr{SQL: text, Vars: vars})
	}
	ref, single := sqlscan.TableRef(text, g.dialect)
	switch {
	case single && ref.Derived:
		return "", "", nil
	case single:
		if ref.Alias == "" {
			ref.Alias = ref.Name
		}
		return ref.Name, ref.Alias, nil
	}
	return "", "", g.severalTables(stmt)
}

// severalTables decides on text such as "projects p, users u". Its tables cannot be told apart
// from its conditions, so it is treated as raw SQL.
func (g *guard) severalTables(stmt *gorm.Statement) error {
	s, err := resolve(stmt.Context)
	if g.config.AllowRawSQL || s.unscoped && err == nil {
		return nil
	}
	if stmt.Schema != nil {
		if t, _ := g.tables.tableOf(stmt.Schema); t != nil {
			return errTableText
		}
	}
	return nil // The FROM builder looks at the names.
}

// isQuoted says whether text is name in the dialect's quotes, which is what GORM makes of
// Table("projects").
func isQuoted(text, name string) bool {
	if len(text) != len(name)+2 || strings.ContainsAny(name, "\"`[]. ") {
		return false
	}
	return text[1:len(text)-1] == name && strings.IndexByte("\"`[", text[0]) >= 0
}

// targets calls yield for each table of tenants to which the WHERE of stmt must put a condition:
// the statement's own, and those of a FROM clause that the caller wrote.
func (g *guard) targets(stmt *gorm.Statement, yield func(t *table, alias string)) error {
	own, err := g.target(stmt)
	if err != nil {
		return err
	}
	from, _ := stmt.Clauses["FROM"].Expression.(clause.From)
	replaced := len(from.Tables) > 0 && operation(stmt) != "update" &&
		!slices.ContainsFunc(from.Tables, func(t clause.Table) bool { return t.Name == clause.CurrentTable })
	if own.table != nil && !replaced && !derivesOwn(stmt, from) {
		yield(own.table, own.alias)
	}
	found := false
	for _, named := range from.Tables {
		if named.Name == clause.CurrentTable {
			if own.table != nil && named.Alias != "" {
				return fmt.Errorf("%w: its FROM clause gives the statement's own table an alias: "+
					"use Table", gormtenant.ErrUnsupported)
			}
			continue
		}
		if t := g.tables.named(named.Name); t != nil {
			found = true
			yield(t, nameOf(named))
		}
	}
	if replaced && own.table != nil && !found {
		return fmt.Errorf("%w: its FROM clause names tables of which no model is known: "+
			"give their models to tenantplugin.Models", gormtenant.ErrUnsupported)
	}
	return nil
}

// nameOf returns the name by which a statement knows a table of its FROM clause.
func nameOf(named clause.Table) string {
	if named.Alias != "" {
		return named.Alias
	}
	return bareName(named.Name)
}
