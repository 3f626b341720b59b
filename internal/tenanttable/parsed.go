package tenanttable

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"sync"

	"gorm.io/gorm/schema"
)

// Migrating tells that a migration is at work on the tables that text names: a CREATE, ALTER or
// COMMENT statement, or the name of the one table that a migrator asks the column types of. The
// models of these tables count as used, and so do the further names that they are migrated under.
// Any other text is passed over.
func (t *Tables) Migrating(text string) {
	if !isDefinition(text) && strings.ContainsAny(text, " \t\r\n") {
		return
	}
	text = strings.ToLower(text)
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.refreshJoins()
	t.learnParsed(func(table string) bool { return strings.Contains(text, strings.ToLower(table)) })
	t.publish()
}

// isDefinition reports whether text begins as one that a migrator defines a table with.
func isDefinition(text string) bool {
	text = strings.TrimLeft(text, " \t\r\n")
	for _, word := range [...]string{"CREATE", "ALTER", "COMMENT"} {
		if len(text) > len(word) && strings.EqualFold(text[:len(word)], word) {
			return true
		}
	}
	return false
}

// learnParsed learns the models that GORM has parsed for this database and whose table is named.
// GORM keeps them to itself; where it has no such field any more, models are learned from
// statements alone.
func (t *Tables) learnParsed(named func(table string) bool) {
	field := reflect.ValueOf(t.db.Config).Elem().FieldByName("cacheStore")
	if !field.IsValid() || field.Type() != reflect.TypeFor[*sync.Map]() || field.IsNil() {
		return
	}
	var found, renamed []*schema.Schema
	(*sync.Map)(field.UnsafePointer()).Range(func(key, value any) bool {
		parsed, ok := value.(*schema.Schema)
		if !ok || isMade(parsed) { // a prepared statement; a join table, found by its relation
			return true
		}
		if _, bare := Split(parsed.Table); !named(bare) {
			return true
		}
		// A migrator parses a model anew for Table("tags_2024"), under a key of its own.
		if _, own := key.(reflect.Type); own {
			found = append(found, parsed)
		} else {
			renamed = append(renamed, parsed)
		}
		return true
	})
	for _, parsed := range sorted(found) {
		// Parse waits: the schema may still be in the making in another goroutine.
		if model, err := t.parse(reflect.New(parsed.ModelType).Interface()); err == nil {
			t.learn(model, true)
		}
	}
	for _, parsed := range sorted(renamed) {
		model, err := t.parse(reflect.New(parsed.ModelType).Interface())
		if err != nil {
			continue
		}
		if r := t.learn(model, false); r.field != nil {
			schemaName, tableName := Split(parsed.Table)
			t.addAlias(schemaName, tableName, r, true)
		}
	}
}

// sorted orders schemas, so that what is learned of them does not depend on the order of a map.
func sorted(list []*schema.Schema) []*schema.Schema {
	slices.SortFunc(list, func(a, b *schema.Schema) int {
		return cmp.Or(cmp.Compare(a.ModelType.String(), b.ModelType.String()),
			cmp.Compare(a.Table, b.Table))
	})
	return list
}
