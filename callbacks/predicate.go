package callbacks

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// writeCondition writes what holds for the rows of t that are the tenant's: the tenant column, or,
// for a join table without one, that the rows that it joins are the tenant's. id may be an
// ownTenant.
func (t *table) writeCondition(stmt *gorm.Statement, alias string, id any) {
	bound, err := t.argument(id)
	if err != nil {
		failBuild(stmt, t.Name, err)
		return
	}
	and := ""
	for _, field := range t.Fields {
		_, _ = stmt.WriteString(and)
		if field == t.Field && alias == t.Name {
			_, _ = stmt.WriteString(t.Column)
		} else {
			stmt.QuoteTo(stmt, clause.Column{Table: alias, Name: field.DBName})
		}
		writeEqual(stmt, bound)
		and = clause.AndWithSpace
	}
	for _, side := range t.References {
		if t.Field != nil {
			break // The tenant column says enough.
		}
		_, _ = stmt.WriteString(and)
		(*reference)(side).writeExists(stmt, alias, id)
		and = clause.AndWithSpace
	}
}

// argument returns the tenant as an argument for a comparison with the tenant column.
func (t *table) argument(id any) (any, error) {
	if t.Field == nil {
		return id, nil
	}
	own, ok := id.(ownTenant)
	if !ok {
		return t.bind(id)
	}
	bound, err := t.bind(own.id)
	return ownTenant{own.id, bound}, err
}

func writeEqual(stmt *gorm.Statement, bound any) {
	_, _ = stmt.WriteString(" = ")
	if _, ok := bound.(string); ok {
		stmt.Vars = append(stmt.Vars, bound)
		stmt.DB.BindVarTo(stmt, stmt, bound)
	} else {
		stmt.AddVar(stmt, bound)
	}
}

// writeExists writes that the row that the key of alias names is the tenant's. A row of a
// polymorphic key that names a row of another kind passes.
func (r *reference) writeExists(stmt *gorm.Statement, alias string, id any) {
	if r.TypeField != nil {
		_ = stmt.WriteByte('(')
		stmt.QuoteTo(stmt, clause.Column{Table: alias, Name: r.TypeField.DBName})
		_, _ = stmt.WriteString(" <> ")
		stmt.AddVar(stmt, r.TypeValue)
		_, _ = stmt.WriteString(clause.OrWithSpace)
		defer func() { _ = stmt.WriteByte(')') }()
	}
	_, _ = stmt.WriteString("EXISTS (SELECT 1 FROM ")
	stmt.WriteQuoted(r.Target.Qualified())
	_, _ = stmt.WriteString(" WHERE ")
	for i := range r.ForeignKeys {
		stmt.QuoteTo(stmt, clause.Column{Table: r.Target.Name, Name: r.PrimaryKeys[i].DBName})
		_, _ = stmt.WriteString(" = ")
		stmt.QuoteTo(stmt, clause.Column{Table: alias, Name: r.ForeignKeys[i].DBName})
		_, _ = stmt.WriteString(clause.AndWithSpace)
	}
	(*table)(r.Target).writeCondition(stmt, r.Target.Name, id)
	_ = stmt.WriteByte(')')
}
