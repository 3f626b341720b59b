package callbacks

import (
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/sqlscan"
	"github.com/gormtenant/gormtenant/internal/tenanttable"
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
	schemaName, tableName, alias, err := g.tableName(stmt)
	if err != nil || tableName == "" {
		return target{alias: alias}, err
	}
	t, err := g.tables.View().Of(stmt.Schema, schemaName, tableName)
	return target{(*table)(t), alias}, err
}

// learn learns what the statement tells of its model and its table.
func (g *guard) learn(stmt *gorm.Statement, op string) error {
	if stmt.Schema == nil || stmt.SQL.Len() > 0 {
		return nil
	}
	schemaName, tableName, _, err := g.tableName(stmt)
	if err != nil {
		return err
	}
	use := tenanttable.Read
	if op == "create" || op == "update" || op == "delete" {
		use = tenanttable.Write
	}
	_, err = g.tables.Resolve(stmt.Schema, schemaName, tableName, use)
	return err
}

// tableName returns the name and the alias of the statement's table, "" where the rows come from a
// derived table. Text that names several tables is refused where one is a tenant's.
func (g *guard) tableName(stmt *gorm.Statement) (schemaName, tableName, alias string, err error) {
	if schemaName, tableName, ok := tenanttable.NameOf(stmt); ok {
		return schemaName, tableName, stmt.Table, nil
	}
	expr := stmt.TableExpr
	text := expr.SQL
	w := walker{guard: g, stmt: stmt}
	if vars, _ := w.values(expr.Vars); writesSQL(vars) {
		text = w.render(clause.Expr{SQL: text, Vars: vars})
	}
	ref, single := sqlscan.TableRef(text, g.dialect)
	switch {
	case single && ref.Derived:
		return "", "", "", nil
	case single:
		if ref.Alias == "" {
			ref.Alias = ref.Name
		}
		return ref.Schema, ref.Name, ref.Alias, nil
	}
	return "", "", "", g.severalTables(stmt)
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
