package callbacks

import (
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant/internal/tenanttable"
)

// Where the tenant is part of a primary key, (tenant_id, id), GORM builds the key of a row from the
// value that it was given. The tenant is empty there more often than not, since the context names
// it: such a key would match nothing, in silence. So it is filled in before GORM builds the key.

// holdsTenant reports whether a key of t has the tenant in it.
func (t *table) holdsTenant() bool {
	return t.Field != nil && (t.Field.PrimaryKey || t.Joins)
}

// fillKeys fills the tenant into the values that an update or delete takes its key from.
func (r *run) fillKeys() {
	t, stmt := r.own.table, r.stmt
	if t.Field == nil || !t.Field.PrimaryKey {
		return
	}
	if row := stmt.ReflectValue; t.isModel(row) && !row.CanAddr() {
		copied := reflect.New(row.Type())
		copied.Elem().Set(row)
		if reflect.TypeOf(stmt.Model) == row.Type() {
			stmt.Model = copied.Interface()
		}
		stmt.Dest, stmt.ReflectValue = copied.Interface(), copied.Elem()
	}
	for _, value := range [...]any{stmt.Model, stmt.Dest} {
		eachRow(reflect.ValueOf(value), func(row reflect.Value) bool {
			if t.isModel(row) && row.CanAddr() && t.hasKey(stmt, row) {
				if zero, _ := t.tenantOf(stmt.Context, row, r.bound); zero {
					_ = stmt.AddError(t.Field.Set(stmt.Context, row, r.bound))
				}
			}
			return stmt.Error == nil
		})
	}
}

// hasKey reports whether a row has another part of its key than the tenant. The tenant alone is no
// condition.
func (t *table) hasKey(stmt *gorm.Statement, row reflect.Value) bool {
	return slices.ContainsFunc(t.Model.PrimaryFields, func(field *schema.Field) bool {
		_, zero := field.ValueOf(stmt.Context, row)
		return !zero && field != t.Field
	})
}

// saveByKey makes an upsert of the INSERT that Save makes of a row whose key is not whole because
// its tenant is still to be filled in.
func (r *run) saveByKey() {
	t, stmt := r.own.table, r.stmt
	row := stmt.ReflectValue
	if !t.Field.PrimaryKey || r.scope.id == nil || !t.isModel(row) ||
		len(t.Model.PrimaryFields) < 2 {
		return
	}
	if _, has := stmt.Clauses["ON CONFLICT"]; has {
		return
	}
	if zero, _ := t.tenantOf(stmt.Context, row, r.bound); !zero || !executedBy("gorm.(*DB).Save") {
		return
	}
	whole := !slices.ContainsFunc(t.Model.PrimaryFields, func(field *schema.Field) bool {
		_, zero := field.ValueOf(stmt.Context, row)
		return zero && field != t.Field
	})
	if whole {
		stmt.AddClause(clause.OnConflict{UpdateAll: true})
	}
}

// fillConditions fills the tenant into the conditions on whole keys that an Association has made
// of its owner.
func (r *run) fillConditions() {
	if !r.own.table.holdsTenant() {
		return
	}
	stmt, view := r.stmt, r.guard.tables.View()
	if c, ok := stmt.Clauses["WHERE"]; ok {
		if where, ok := c.Expression.(clause.Where); ok {
			if exprs, changed := r.filled(view, where.Exprs); changed {
				c.Expression = clause.Where{Exprs: exprs}
				stmt.Clauses["WHERE"] = c
			}
		}
	}
	c, ok := stmt.Clauses["FROM"]
	from, isFrom := c.Expression.(clause.From)
	if !ok || !isFrom {
		return
	}
	joins := slices.Clone(from.Joins)
	for i := range joins {
		joins[i].ON.Exprs, _ = r.filled(view, joins[i].ON.Exprs)
	}
	from.Joins = joins
	c.Expression = from
	stmt.Clauses["FROM"] = c
}

// filled returns conditions with the tenant in keys of several columns. What it changes it copies.
func (r *run) filled(
	view *tenanttable.View, exprs []clause.Expression,
) ([]clause.Expression, bool) {
	changed := false
	for i, expr := range exprs {
		var filled clause.Expression
		switch e := expr.(type) {
		case clause.IN:
			if values, ok := r.filledKeys(view, e); ok {
				filled = clause.IN{Column: e.Column, Values: values}
			}
		case clause.AndConditions:
			if inner, ok := r.filled(view, e.Exprs); ok {
				filled = clause.AndConditions{Exprs: inner}
			}
		}
		if filled == nil {
			continue
		}
		if !changed {
			exprs, changed = slices.Clone(exprs), true
		}
		exprs[i] = filled
	}
	return exprs, changed
}

func (r *run) filledKeys(view *tenanttable.View, in clause.IN) (values []any, changed bool) {
	columns, ok := in.Column.([]clause.Column)
	if !ok {
		return nil, false
	}
	values = slices.Clone(in.Values)
	for i, column := range columns {
		name := column.Table
		if name == clause.CurrentTable {
			name = r.own.name
		}
		schemaName, tableName := tenanttable.Split(name)
		t := view.Named(schemaName, tableName)
		if t == nil || !t.IsColumn(column.Name) {
			continue
		}
		for j := range values {
			key, ok := values[j].([]any)
			if !ok || i >= len(key) || !isZero(key[i]) {
				continue
			}
			key = slices.Clone(key)
			key[i] = r.bound
			values[j], changed = key, true
		}
	}
	return values, changed
}
