package quota

import (
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/tenanttable"
)

// limitedOf returns the limited model of whose table stmt is, nil where it is of another. The table
// decides, not the model: a map or a smaller struct makes rows too.
func (g *guard) limitedOf(stmt *gorm.Statement) *limited {
	name := stmt.Table
	if insert, ok := stmt.Clauses["INSERT"].Expression.(clause.Insert); ok &&
		insert.Table.Name != "" && insert.Table.Name != clause.CurrentTable {
		name = insert.Table.Name
	} else if stmt.TableExpr != nil {
		name = tableIn(stmt)
	}
	return g.models[tableKey(name)]
}

// tableIn returns the table in what the caller gave to Table as text: of "projects AS p" it is
// projects, where GORM knows the statement's table as p.
func tableIn(stmt *gorm.Statement) string {
	look := stmt.DB.Session(&gorm.Session{NewDB: true, Initialized: true}).Statement
	stmt.TableExpr.Build(look)
	if _, name, _, ok := tenanttable.TableAndAlias(look.SQL.String()); ok {
		return name
	}
	return stmt.Table
}

// shares returns how many rows stmt creates for each tenant that has a limit.
func (g *guard) shares(stmt *gorm.Statement, l *limited) ([]*share, error) {
	ctx := stmt.Context
	var all []*share
	if id, ok := gormtenant.FromContext(ctx); ok {
		n := countRows(stmt.ReflectValue)
		if n == 0 {
			return nil, nil // GORM has an error for it.
		}
		s, err := l.shareOf(ctx, id)
		if err != nil {
			return nil, err
		}
		s.rows = n
		all = []*share{s}
	} else if _, ok, err := gormtenant.UnscopedReason(ctx); ok && err == nil {
		if all, err = g.namedShares(stmt, l); err != nil {
			return nil, err
		}
	}
	for _, s := range all {
		if err := g.limitOf(ctx, l.name, s); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(all, func(s *share) bool { return s.limit < 0 }), nil
}

// namedShares returns the shares of the tenants that the rows themselves name, sorted, so that two
// statements take the locks in the same order.
func (g *guard) namedShares(stmt *gorm.Statement, l *limited) (all []*share, err error) {
	field := l.field
	if stmt.Schema != nil {
		if field, err = g.plugin.TenantField(stmt.Schema); err != nil {
			return nil, err
		}
	}
	byKey := map[string]*share{}
	for row := range rows(stmt.ReflectValue) {
		id, ok := named(stmt, row, field)
		if !ok {
			return nil, gormtenant.ErrNoTenant
		}
		s, err := l.shareOf(stmt.Context, id)
		if err != nil {
			return nil, err
		}
		if byKey[s.key] == nil {
			byKey[s.key] = s
			all = append(all, s)
		}
		byKey[s.key].rows++
	}
	slices.SortFunc(all, func(a, b *share) int { return strings.Compare(a.key, b.key) })
	return all, nil
}

// named returns the tenant that a row names, a struct of the statement's model or a map.
func named(stmt *gorm.Statement, row reflect.Value, field *schema.Field) (id any, ok bool) {
	if field == nil {
		return nil, false
	}
	if row.Kind() == reflect.Struct && stmt.Schema != nil && row.Type() == stmt.Schema.ModelType {
		id, zero := field.ValueOf(stmt.Context, row)
		return id, !zero
	}
	if values, isMap := row.Interface().(map[string]any); isMap {
		for name, value := range values {
			if name == field.Name || tableKey(name) == strings.ToLower(field.DBName) {
				value := indirect(reflect.ValueOf(value))
				return value.Interface(), !value.IsZero()
			}
		}
	}
	return nil, false
}

// countRows returns how many rows value makes, which is what a create was given.
func countRows(value reflect.Value) (n int64) {
	for range rows(value) {
		n++
	}
	return n
}

// rows yields the elements of a slice, or the one value that is no slice. What is no row, such as a
// nil pointer, is left out: GORM has errors of its own for it.
func rows(value reflect.Value) func(yield func(row reflect.Value) bool) {
	return func(yield func(row reflect.Value) bool) {
		value := indirect(value)
		if value.Kind() != reflect.Slice && value.Kind() != reflect.Array {
			if value.IsValid() {
				yield(value)
			}
			return
		}
		for i := range value.Len() {
			if row := indirect(value.Index(i)); row.IsValid() && !yield(row) {
				return
			}
		}
	}
}

func indirect(value reflect.Value) reflect.Value {
	for value.Kind() == reflect.Pointer || value.Kind() == reflect.Interface {
		value = value.Elem()
	}
	return value
}
