package callbacks

import (
	"database/sql"
	"database/sql/driver"
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant/scopes"
)

// walker looks through the expressions of one clause before they are built. It scopes the
// sub-queries in them and refuses raw text that names a tenant's table. What it changes it copies:
// the expressions belong to the caller, who may use the statement again.
type walker struct {
	guard *guard
	stmt  *gorm.Statement
}

func (w *walker) failed() bool { return w.stmt.Error != nil }

// expressions returns exprs with their sub-queries scoped.
func (w *walker) expressions(exprs []clause.Expression) ([]clause.Expression, bool) {
	scoped, changed := exprs, false
	for i, expr := range exprs {
		if e, ok := w.expression(expr); ok {
			if !changed {
				scoped, changed = slices.Clone(exprs), true
			}
			scoped[i] = e
		}
	}
	return scoped, changed
}

// expression returns expr with its sub-queries scoped, and whether that is another expression. One
// that stays as it is is returned as it came: putting it into an interface again would allocate.
func (w *walker) expression(expr clause.Expression) (clause.Expression, bool) {
	switch e := expr.(type) {
	case nil:
	case clause.Expr:
		return w.raw(expr, e)
	case clause.Eq:
		if value, changed := w.equal(e.Column, e.Value); changed {
			e.Value = value
			return e, true
		}
	case clause.IN:
		w.column(e.Column)
		if values, changed := w.values(e.Values); changed {
			e.Values = values
			return e, true
		}
	case clause.AndConditions:
		if exprs, changed := w.expressions(e.Exprs); changed {
			return clause.AndConditions{Exprs: exprs}, true
		}
	case clause.OrConditions:
		if exprs, changed := w.expressions(e.Exprs); changed {
			return clause.OrConditions{Exprs: exprs}, true
		}
	case clause.NotConditions:
		if exprs, changed := w.expressions(e.Exprs); changed {
			return clause.NotConditions{Exprs: exprs}, true
		}
	default:
		return w.rareExpression(expr)
	}
	return expr, false
}

// raw is expression for text with arguments, the most common kind.
func (w *walker) raw(expr clause.Expression, e clause.Expr) (clause.Expression, bool) {
	if e.SQL == "count(*)" && len(e.Vars) == 0 {
		return expr, false // GORM's own, of every Count
	}
	given := e.Vars
	vars, changed := w.arguments(given)
	text := e.SQL
	e.Vars = vars
	if writesSQL(vars) {
		text = w.render(e)
	}
	w.text(text, given)
	if changed {
		return e, true
	}
	return expr, false
}

func (w *walker) rareExpression(expr clause.Expression) (clause.Expression, bool) {
	var changed bool
	switch e := expr.(type) {
	case clause.NamedExpr:
		given := e.Vars
		e.Vars, changed = w.named(given)
		w.text(w.render(e), given)
		return e, changed
	case clause.Neq:
		e.Value, changed = w.equal(e.Column, e.Value)
		return e, changed
	case clause.Gt:
		e.Value, changed = w.compared(e.Column, e.Value)
		return e, changed
	case clause.Gte:
		e.Value, changed = w.compared(e.Column, e.Value)
		return e, changed
	case clause.Lt:
		e.Value, changed = w.compared(e.Column, e.Value)
		return e, changed
	case clause.Lte:
		e.Value, changed = w.compared(e.Column, e.Value)
		return e, changed
	case clause.Like:
		e.Value, changed = w.compared(e.Column, e.Value)
		return e, changed
	case clause.CommaExpression:
		e.Exprs, changed = w.expressions(e.Exprs)
		return e, changed
	case clause.Where:
		e.Exprs, changed = w.expressions(e.Exprs)
		return e, changed
	case *subquery, *chain, *lateValue, *derivedTable, single:
		return expr, false
	case genericChain:
		return &chain{e}, true
	}
	return w.unknown(expr), false
}

func (w *walker) compared(column, value any) (any, bool) {
	w.column(column)
	return w.value(value)
}

// equal is compared for what GORM writes as IS NULL, where the value is written as NULL.
func (w *walker) equal(column, value any) (any, bool) {
	if _, late := value.(gorm.Valuer); late && writesNull(value) {
		w.column(column)
		return value, false
	}
	return w.compared(column, value)
}

// unknown looks at an expression of a type that is not GORM's own by the text that it writes. Its
// sub-queries run with their own context.
func (w *walker) unknown(expr clause.Expression) clause.Expression {
	if expr != nil {
		w.text(w.render(expr), nil)
	}
	return expr
}

// column refuses a column that is raw text naming a tenant's table.
func (w *walker) column(column any) {
	switch c := column.(type) {
	case clause.Column:
		if c.Raw {
			w.text(c.Table, nil)
			w.text(c.Name, nil)
			w.text(c.Alias, nil)
		}
	case clause.Expression:
		w.unknown(c)
	}
}

func (w *walker) columns(columns []clause.Column) {
	for i := range columns {
		if columns[i].Raw {
			w.column(columns[i])
		}
	}
}

// values returns values with the sub-queries among them scoped.
func (w *walker) values(values []any) ([]any, bool) { return w.each(values, (*walker).value) }

func (w *walker) each(values []any, of func(*walker, any) (any, bool)) ([]any, bool) {
	scoped, changed := values, false
	for i, value := range values {
		if v, ok := of(w, value); ok {
			if !changed {
				scoped, changed = slices.Clone(values), true
			}
			scoped[i] = v
		}
	}
	return scoped, changed
}

// arguments is values for the arguments of text.
func (w *walker) arguments(values []any) ([]any, bool) { return w.each(values, (*walker).argument) }

// argument is value for an argument of text. Behind a parenthesis GORM lists the elements of a slice
// there, also of one that could turn into SQL by itself. So that is looked at, and stays what it is.
func (w *walker) argument(value any) (any, bool) {
	valuer, ok := value.(gorm.Valuer)
	if kind := reflect.ValueOf(value).Kind(); !ok || kind != reflect.Slice && kind != reflect.Array {
		return w.value(value)
	}
	_, _ = w.expression(valuer.GormValue(w.stmt.Context, w.stmt.DB))
	return w.elements(value)
}

// value returns an argument scoped, and whether that is another value.
func (w *walker) value(value any) (any, bool) {
	switch v := value.(type) {
	case nil, string, bool, int, int64, uint, []byte, []string, []int, []int64, []uint,
		clause.Table, scopes.BoundID:
		return value, false // A Table is seen with the text around it.
	case clause.Column:
		w.column(v)
		return value, false
	case *gorm.DB:
		return &subquery{guard: w.guard, db: v}, true
	case []any:
		if values, changed := w.values(v); changed {
			return values, true
		}
		return value, false
	case gorm.Valuer:
		if reflected := reflect.ValueOf(v); reflected.Kind() == reflect.Pointer && reflected.IsNil() {
			return value, false // GORM writes NULL.
		}
		return &lateValue{guard: w.guard, valuer: v}, true
	case clause.Expression:
		return w.expression(v)
	case driver.Valuer:
		return value, false // GORM binds it whole, whatever its elements are.
	}
	return w.elements(value)
}

// elements looks into a slice whose elements can be sub-queries or expressions.
func (w *walker) elements(value any) (any, bool) {
	reflected := reflect.ValueOf(value)
	if reflected.Kind() != reflect.Slice && reflected.Kind() != reflect.Array {
		return value, false
	}
	switch reflected.Type().Elem().Kind() {
	case reflect.Interface, reflect.Struct, reflect.Pointer:
	default:
		return value, false
	}
	values := make([]any, reflected.Len())
	for i := range values {
		values[i] = reflected.Index(i).Interface()
	}
	if scoped, changed := w.values(values); changed {
		return list(scoped), true
	}
	return value, false
}

// list is what becomes of a slice that was no []any. GORM writes clause.Eq with a []any as IN, and
// with any other slice as an argument.
type list []any

// named is values for arguments that have names.
func (w *walker) named(vars []any) ([]any, bool) {
	scoped, changed := slices.Clone(vars), false
	for i, v := range vars {
		switch arg := v.(type) {
		case sql.NamedArg:
			if value, ok := w.value(arg.Value); ok {
				arg.Value = value
				scoped[i], changed = arg, true
			}
		case map[string]any:
			values := make(map[string]any, len(arg))
			for name, value := range arg {
				values[name], _ = w.value(value)
			}
			scoped[i], changed = values, true
		default:
			value, ok := w.value(v)
			if _, late := value.(*lateValue); ok && !late {
				scoped[i], changed = value, true
			}
		}
	}
	return scoped, changed
}

// writesNull says whether a value is written as NULL.
func writesNull(value any) bool {
	valuer, ok := value.(driver.Valuer)
	if reflected := reflect.ValueOf(value); !ok || reflected.Kind() == reflect.Pointer && reflected.IsNil() {
		return false
	}
	written, err := valuer.Value()
	return err == nil && written == nil
}

// lateValue is a value that turns into SQL when it is written, such as a geometry. It is looked at
// then, so that its method is called once, as without this package.
type lateValue struct {
	guard  *guard
	valuer gorm.Valuer
	single bool // It is the value of one column.
}

func (l *lateValue) Build(b clause.Builder) {
	stmt, ok := statementOf(b)
	if !ok {
		return
	}
	w := walker{guard: l.guard, stmt: stmt}
	value := l.valuer.GormValue(stmt.Context, stmt.DB)
	if l.single {
		w.checkSingle(value)
	}
	expr, _ := w.expression(value)
	if !w.failed() {
		stmt.AddVar(stmt, expr)
	}
}
