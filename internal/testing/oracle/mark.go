package oracle

import (
	"reflect"
	"strings"

	"github.com/gormtenant/gormtenant/example/saas"
)

// Mark says something about a step that decides whether a difference can be by right. Without a
// mark, the rules that ask for it never hold.
type Mark uint

const (
	// ForeignKey is a step with a value whose primary key is that of another tenant's row.
	ForeignKey Mark = 1 << iota
	// PlainKey is a step that sets a foreign-key field, not an association, to another tenant's
	// key.
	PlainKey
	// SetsKey is a step that sets a foreign-key field.
	SetsKey
	// LooseKey is a step that sets a foreign-key field to a key that may be that of no row of A.
	LooseKey
	// OtherTenant is a step with a value that names another tenant.
	OtherTenant
	// Comment is a step with raw text that no condition can follow: it holds a comment to the end
	// of the line.
	Comment
	// Reads is a step that writes nothing: the keys in what it read are not the program's.
	Reads
	// Ordered is a step whose rows come in a total order.
	Ordered
	// Restricted is a step with Select or Omit, so that a key can be in memory and not in the
	// statement.
	Restricted
	// Skips is a create that skips rows whose keys are taken.
	Skips
	// Owners is a call in association mode on a slice of owners, of whose errors GORM reports the
	// last.
	Owners
	// Parts is a step that is not atomic: GORM's own transaction was switched off, or it is several
	// statements.
	Parts
)

var markNames = []string{
	"ForeignKey", "PlainKey", "SetsKey", "LooseKey", "OtherTenant", "Comment",
	"Reads", "Ordered", "Restricted", "Skips", "Owners", "Parts",
}

// String returns the marks as Go source.
func (m Mark) String() string {
	var names []string
	for i, name := range markNames {
		if m&(1<<i) != 0 {
			names = append(names, "oracle."+name)
		}
	}
	if names == nil {
		return "0"
	}
	return strings.Join(names, "|")
}

// plainKeys are the foreign keys of the models, as fields and as columns.
var plainKeys = map[string]bool{
	"OwnerID": true, "ManagerID": true, "UserID": true, "ProjectID": true, "SubjectID": true,
	"owner_id": true, "manager_id": true, "user_id": true, "project_id": true, "subject_id": true,
}

// marksOf returns what the values given to a create, an update or an association tell.
func marksOf(value any) Mark {
	v := reflect.ValueOf(value)
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	var marks Mark
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			marks |= marksOf(v.Index(i).Interface())
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			marks |= marksOfColumn(key.String(), v.MapIndex(key).Interface())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				marks |= marksOfColumn(f.Name, v.Field(i).Interface())
			}
		}
	}
	return marks
}

// marksOfColumn returns what the value of one field or column tells.
func marksOfColumn(name string, value any) Mark {
	name = name[strings.LastIndexByte(name, '.')+1:]
	switch {
	case strings.EqualFold(strings.ReplaceAll(name, "_", ""), "TenantID"):
		if id, ok := value.(string); !ok || id != "" && id != A {
			return OtherTenant
		}
	case strings.EqualFold(name, "ID"):
		if isOthers(value) {
			return ForeignKey
		}
	case plainKeys[name]:
		switch {
		case isOthers(value):
			return PlainKey | SetsKey | LooseKey
		case !isFirst(value):
			return SetsKey | LooseKey
		case keyIn(value) != 0:
			return SetsKey
		}
	default:
		switch value.(type) {
		case string, bool:
			return 0
		}
		return marksOf(value)
	}
	return 0
}

// isOthers reports whether a key is in the ranges of B and C.
func isOthers(value any) bool {
	key := keyIn(value)
	return key >= firstOfOthers && key <= lastOfOthers
}

// isFirst reports whether a key is that of a row that A has in every table, or none.
func isFirst(value any) bool { return keyIn(value) <= 2 }

func keyIn(value any) int64 {
	v := reflect.ValueOf(value)
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	switch {
	case v.CanInt():
		return v.Int()
	case v.CanUint():
		return int64(v.Uint())
	}
	return 0
}

// typeNames are the models by name.
var typeNames = func() map[string]reflect.Type {
	types := map[string]reflect.Type{}
	for _, model := range saas.Models() {
		t := reflect.TypeOf(model).Elem()
		types[t.Name()] = t
	}
	return types
}()
