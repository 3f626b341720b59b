package callbacks

import (
	"fmt"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/tenanttable"
)

// target is the table that a statement is about.
type target struct {
	table *table // nil where it is nobody's, or where only the gate can tell
	name  string // the name of the table in the text
	alias string // the name by which the statement knows the table
}

// isFurtherName reports whether the table is a model's under another name than the model's own.
func (t target) isFurtherName() bool {
	return t.table != nil && !strings.EqualFold(t.table.Name, lastPart(t.table.Model.Table))
}

// target returns the table of stmt, and learns from it. The name in the statement decides, not the
// model: a model can be read from another table, and a table of tenants into any struct or map.
// What the caller gave to Table as text of more than a table and its alias is left to the gate.
func (g *guard) target(stmt *gorm.Statement, op string) (target, error) {
	schemaName, name, ok := tenanttable.NameOf(stmt)
	alias := stmt.Table
	if !ok {
		if schemaName, name, alias, ok = tenanttable.TableAndAlias(tableText(stmt)); !ok {
			return target{}, nil
		}
	}
	use := tenanttable.Write
	if op == "query" || op == "row" {
		use = tenanttable.Read
	}
	t, err := g.tables.Resolve(stmt.Schema, schemaName, name, use)
	if schemaName != "" {
		name = schemaName + "." + name
	}
	return target{(*table)(t), name, alias}, err
}

// tableText returns what the caller gave to Table, with the names among its arguments written out.
func tableText(stmt *gorm.Statement) string {
	expr := stmt.TableExpr
	if len(expr.Vars) == 0 {
		return expr.SQL
	}
	for _, v := range expr.Vars {
		switch v := v.(type) {
		case clause.Table:
		case clause.Expr:
			if len(v.Vars) > 0 {
				return ""
			}
		default:
			return ""
		}
	}
	scratch := gorm.Statement{DB: stmt.DB}
	expr.Build(&scratch)
	return scratch.SQL.String()
}

// isDeclared returns an ErrInvalidModel for a model that is neither a tenant's nor declared shared.
func (g *guard) isDeclared(stmt *gorm.Statement, own target) error {
	if stmt.Schema == nil || own.name == "" || stmt.Schema.ModelType.Name() == "" {
		return nil
	}
	schemaName, name := tenanttable.Split(own.name)
	if g.tables.View().Kind(stmt.Schema, schemaName, name) != tenanttable.Unknown {
		return nil
	}
	return fmt.Errorf("%w: %s is neither a tenant's model nor declared shared: embed "+
		"models.TenantModel, or give it to tenantplugin.Shared", gormtenant.ErrInvalidModel,
		stmt.Schema.Name)
}
