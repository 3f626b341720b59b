package tenanttable

import (
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// Use is how a statement uses a model.
type Use uint8

const (
	// Read builds a query on the model.
	Read Use = iota
	// Write creates, updates or deletes rows.
	Write
)

// Resolve returns the table of a statement, as [View.Of] does, and learns from the statement: its
// model if the table is the model's own, and else the name as a further one of the model's table.
// The first statement on a model waits until all models it is related to are known, so nobody sees
// a model before its join tables.
func (t *Tables) Resolve(
	model *schema.Schema, schemaName, tableName string, use Use,
) (*Table, error) {
	v := t.View()
	if model != nil && tableName != "" && teaches(v, model, schemaName, tableName, use) {
		v = t.learnUse(model, schemaName, tableName, use)
	}
	return v.Of(model, schemaName, tableName)
}

// Scanned learns the model that rows of a text are scanned into, if the text names the model's own
// table. model may be nil.
func (t *Tables) Scanned(model *schema.Schema, text string) {
	if model == nil {
		return
	}
	if b := t.View().models[model]; b != nil && b.confirmed {
		return
	}
	schemaName, tableName := Split(model.Table)
	if tableName != "" && strings.Contains(strings.ToLower(text), strings.ToLower(tableName)) {
		_, _ = t.Resolve(model, schemaName, tableName, Read)
	}
}

// teaches reports whether a statement tells something new.
func teaches(v *View, model *schema.Schema, schemaName, tableName string, use Use) bool {
	b := v.models[model]
	if b == nil {
		return true
	}
	for _, j := range b.joins {
		if j.changed() {
			return true
		}
	}
	if b.isOwn(schemaName, tableName) {
		return !b.confirmed
	}
	if b.table == nil {
		return false
	}
	e := v.named(schemaName, tableName)
	if e.further && b.table.Model == model {
		return v.furtherOf(b, e, model, schemaName, tableName) == nil
	}
	return e.table == nil && !e.shared &&
		(use == Write || !e.known || isPart(e.model, b.table.Model))
}

// isPart reports whether a model has no column that whole does not have, so that it can be a
// smaller struct over the same table.
func isPart(model, whole *schema.Schema) bool {
	return !slices.ContainsFunc(model.DBNames, func(column string) bool {
		return whole.FieldsByDBName[column] == nil
	})
}

func (t *Tables) learnUse(model *schema.Schema, schemaName, tableName string, use Use) *View {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.refreshJoins()
	own, ok := t.byModel[model]
	if !ok {
		s, n := Split(model.Table)
		own = &record{schema: s, name: n}
	}
	isOwn := own.schema == schemaName && own.name == tableName
	r := t.learn(model, isOwn)
	t.publish()
	if v := t.View(); !isOwn && teaches(v, model, schemaName, tableName, use) {
		t.addAlias(schemaName, tableName, r, false)
		t.publish()
	}
	return t.View()
}

// NameOf returns the name of a statement's table, where the caller did not write it as text that
// has to be read. GORM keeps a qualified name as quoted text.
func NameOf(stmt *gorm.Statement) (schemaName, tableName string, ok bool) {
	expr := stmt.TableExpr
	if expr == nil {
		if strings.Contains(stmt.Table, ".") {
			schemaName, tableName = Split(stmt.Table)
			return schemaName, tableName, true
		}
		return "", stmt.Table, true
	}
	text, bare := expr.SQL, stmt.Table
	if len(expr.Vars) > 0 || strings.ContainsAny(bare, quotes+".") {
		return "", "", false
	}
	before, found := strings.CutSuffix(text, bare+text[max(0, len(text)-1):])
	if !found || len(before) == 0 || !strings.ContainsAny(before[len(before)-1:], "\"`[") {
		return "", "", false
	}
	before = before[:len(before)-1]
	if before == "" {
		return "", bare, true
	}
	schemaName, dot := strings.CutSuffix(before, ".")
	if !dot || len(schemaName) < 2 || !strings.ContainsAny(schemaName[:1], "\"`[") {
		return "", "", false
	}
	schemaName = schemaName[1 : len(schemaName)-1]
	return schemaName, bare, !strings.ContainsAny(schemaName, quotes+".")
}
