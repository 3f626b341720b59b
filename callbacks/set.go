package callbacks

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/sqlscan"
)

// bothErrors is two errors of which one is told.
type bothErrors struct{ told, also error }

func (b bothErrors) Error() string   { return b.told.Error() }
func (b bothErrors) Unwrap() []error { return []error{b.told, b.also} }

// An update with a struct of another tenant would change the tenant, and it is another tenant's
// value. Which of the two it looks like depends on where the struct was given.
var (
	errRemembered = bothErrors{gormtenant.ErrOtherTenant, gormtenant.ErrTenantChange}
	errAssigned   = bothErrors{gormtenant.ErrTenantChange, gormtenant.ErrOtherTenant}
)

// buildSet keeps the tenant column out of SET. Save writes every column, the tenant's zero value
// included; Citus refuses to set a distribution column even to the value that it has.
func (g *guard) buildSet(c clause.Clause, stmt *gorm.Statement, prev clause.ClauseBuilder) {
	if g.failed(c, stmt, prev) {
		return
	}
	w := walker{guard: g, stmt: stmt}
	w.surroundings(c)
	set, ok := c.Expression.(clause.Set)
	own, err := g.target(stmt)
	s, missing := resolve(stmt.Context)
	switch {
	case err != nil:
		failBuild(stmt, stmt.Table, err)
	case !ok:
		w.unknown(c.Expression)
		if own.table != nil && !s.unscoped {
			failBuild(stmt, own.table.Name, fmt.Errorf("%w: SET is no clause.Set", gormtenant.ErrUnsupported))
		}
	case own.table == nil:
		set, ok = w.assignments(set, false)
	case missing != nil:
		failBuild(stmt, own.table.Name, missing)
	default:
		set, ok = g.scopeSet(&w, own.table, s, set)
	}
	if w.failed() {
		return
	}
	if ok { // it is another
		c.Expression = set
	}
	write(c, stmt, prev)
	if !hasClause(stmt, stmt.DB.Callback().Update().Clauses, "FROM") {
		g.finishWhere(stmt)
	}
}

// scopeSet returns set without the tenant column, and whether that is another. It refuses a set
// that would change the tenant.
func (g *guard) scopeSet(w *walker, t *table, s scope, set clause.Set) (clause.Set, bool) {
	kept := set[:0:0]
	for i, a := range set {
		switch isTenant := t.isColumn(w.stmt, a.Column.Name); {
		case isTenant && !s.unscoped:
			if err := t.checkAssigned(w.stmt, s.id, a.Value, set); err != nil {
				failBuild(w.stmt, t.Name, err)
			}
		case isTenant && isZero(a.Value):
			if _, ok := w.stmt.Dest.(map[string]any); ok && !unlinks(w.stmt.Schema, set) {
				failBuild(w.stmt, t.Name, gormtenant.ErrNoTenant)
			}
		case a.Column.Raw && !isIdentifier(a.Column.Name) && !s.unscoped:
			failBuild(w.stmt, t.Name, fmt.Errorf("%w: a raw column in SET is more than a name",
				gormtenant.ErrRawSQL))
		case len(kept) == i:
			kept = set[: i+1 : i+1] // Nothing was left out so far.
		default:
			kept = append(kept, a)
		}
	}
	if w.failed() {
		return set, false
	}
	if !s.unscoped {
		if err := g.checkAssignedReferences(w.stmt, t, s.id, kept); err != nil {
			failBuild(w.stmt, t.Name, err)
			return set, false
		}
	}
	if len(kept) == 0 {
		kept = t.sameValue(w.stmt)
	}
	scoped, changed := w.assignments(kept, !s.unscoped)
	return scoped, changed || len(scoped) != len(set) || len(set) == 1
}

// assignments returns set with the sub-queries in its values scoped, and whether that is another.
// Of a tenant's table, each text must be one value.
func (w *walker) assignments(set clause.Set, ofTenant bool) (scoped clause.Set, changed bool) {
	scoped = set
	for i, a := range set {
		if a.Column.Raw {
			w.text(a.Column.Name, nil)
		}
		value, ok := w.value(a.Value)
		if ofTenant {
			w.checkSingle(value)
			var wrapped bool
			value, wrapped = oneValue(value)
			ok = ok || wrapped
		}
		if !ok {
			continue
		}
		if !changed {
			scoped, changed = slices.Clone(set), true
		}
		scoped[i].Value = value
	}
	return scoped, changed
}

// oneValue puts parentheses around text, which could go on to the next column otherwise:
// name = 'x', tenant_id = 'b'.
func oneValue(value any) (any, bool) {
	switch e := value.(type) {
	case clause.Expr:
		if strings.EqualFold(strings.TrimSpace(e.SQL), "DEFAULT") {
			return value, false
		}
		return single{e}, true
	case clause.NamedExpr:
		return single{e}, true
	case *lateValue:
		e.single = true // It was made for this statement.
		return single{e}, true
	}
	return value, false
}

// checkSingle refuses text for a column of a tenant's table that is more than one value. Parentheses
// alone would not do: Postgres turns ('x', false) into text.
func (w *walker) checkSingle(value any) {
	text := ""
	switch e := value.(type) {
	case clause.Expr:
		text = e.SQL
	case clause.NamedExpr:
		text = e.SQL
	}
	if sqlscan.Several(text, w.guard.dialect) {
		failBuild(w.stmt, w.stmt.Table, fmt.Errorf("%w: the text for a column goes on to another one",
			gormtenant.ErrRawSQL))
	}
}

// single is an expression that is written in parentheses.
type single struct{ clause.Expression }

func (s single) Build(b clause.Builder) {
	_ = b.WriteByte('(')
	s.Expression.Build(b)
	_ = b.WriteByte(')')
}

// checkAssigned decides on an assignment to the tenant column. The tenant itself is dropped in
// silence, and so is the zero value of a struct, which says nothing. A map says what it holds.
func (t *table) checkAssigned(stmt *gorm.Statement, id, value any, set clause.Set) error {
	bound, err := t.bind(id)
	if err != nil {
		return err
	}
	fromStruct := isStruct(stmt.Dest)
	switch {
	case t.isTenant(value, bound), fromStruct && isZero(value), unlinks(stmt.Schema, set):
		return nil
	case fromStruct:
		return errAssigned
	}
	return gormtenant.ErrTenantChange
}

// unlinks says whether set takes a key of several columns apart, as Association.Delete and Clear
// do: each column of the key becomes NULL. The tenant stays what it is.
func unlinks(model *schema.Schema, set clause.Set) bool {
	cleared := map[string]bool{}
	for _, a := range set {
		if a.Value == nil {
			cleared[a.Column.Name] = true
		}
	}
	if model == nil || len(cleared) < 2 {
		return false
	}
	defer lockRelations(model)()
	for _, relation := range model.Relationships.Relations {
		of := 0
		for _, ref := range relation.References {
			if ref.ForeignKey.Schema == model && cleared[ref.ForeignKey.DBName] {
				of++
			}
		}
		if of == len(cleared) {
			return true
		}
	}
	return false
}

// lockRelations keeps the relations of a model as they are until the function that it returns is
// called: GORM adds to them when it parses another model that refers to this one. Its mutex is looked
// up by name because GORM before 1.26 has none, and leaves that race to its callers.
func lockRelations(model *schema.Schema) (unlock func()) {
	field := reflect.ValueOf(&model.Relationships).Elem().FieldByName("Mux")
	if field.IsValid() {
		if mutex, ok := field.Addr().Interface().(*sync.RWMutex); ok {
			mutex.RLock()
			return mutex.RUnlock
		}
	}
	return func() {}
}

// sameValue returns an assignment that changes nothing, for an update of which nothing is left.
func (t *table) sameValue(stmt *gorm.Statement) clause.Set {
	model := t.Model
	if stmt.Schema != nil {
		model = stmt.Schema
	}
	same := clause.Column{}
	for _, name := range model.DBNames {
		if t.isColumn(stmt, name) {
			continue
		}
		field := model.FieldsByDBName[name]
		ordinary := field.Updatable && !field.PrimaryKey
		if same.Name == "" || ordinary {
			same.Name = name
		}
		if ordinary { // rather than the key, or what only a create writes
			break
		}
	}
	if same.Name == "" {
		failBuild(stmt, t.Name, gormtenant.ErrTenantChange)
		return nil
	}
	return clause.Set{{Column: same, Value: same}}
}

// isColumn says whether name, in whatever spelling, is the tenant column: tenant_id, TENANT_ID,
// projects.tenant_id, "tenant_id". SQLite and MySQL match columns in any case.
func (t *table) isColumn(stmt *gorm.Statement, name string) bool {
	if t.Field == nil {
		return false
	}
	if name == clause.PrimaryKey {
		return isPrimaryKey(stmt.Schema, t.Field.DBName)
	}
	return strings.EqualFold(bareName(name), t.Field.DBName)
}

func isPrimaryKey(model *schema.Schema, column string) bool {
	return model != nil && model.PrioritizedPrimaryField != nil &&
		model.PrioritizedPrimaryField.DBName == column
}

// lastPart returns the table's name without its schema.
func lastPart(name string) string {
	return name[strings.LastIndexByte(name, '.')+1:]
}

// bareName returns the last part of a qualified and quoted name.
func bareName(name string) string {
	return strings.Trim(lastPart(strings.Trim(name, " \t\r\n\"`[]")), " \t\r\n\"`[]")
}

// isIdentifier says whether text is a name, qualified and quoted or not, and nothing else.
func isIdentifier(text string) bool {
	for _, r := range text {
		if r < 0x80 && !strings.ContainsRune(
			"_.\"`$0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", r) {
			return false
		}
	}
	return text != ""
}

// isStruct says whether dest is a struct, or a slice of them, rather than a map.
func isStruct(dest any) bool {
	kind := reflect.TypeOf(dest)
	for kind != nil && (kind.Kind() == reflect.Pointer || kind.Kind() == reflect.Slice ||
		kind.Kind() == reflect.Array) {
		kind = kind.Elem()
	}
	return kind != nil && kind.Kind() == reflect.Struct
}
