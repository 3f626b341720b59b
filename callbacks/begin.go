package callbacks

import (
	"fmt"
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"
)

// beginName is GORM's name of the callback that begins the transaction of a single statement.
const beginName = "gorm:begin_transaction"

// lightenBegin wraps GORM's own callback of that name. It copies the statement for the sake of its
// pool alone, and the clauses with it, of which the run is one: they are put aside meanwhile.
func lightenBegin(db *gorm.DB) error {
	callback := db.Callback()
	for _, processor := range []struct {
		get     func(name string) func(*gorm.DB)
		replace func(name string, fn func(*gorm.DB)) error
	}{
		{callback.Create().Get, callback.Create().Replace},
		{callback.Update().Get, callback.Update().Replace},
		{callback.Delete().Get, callback.Delete().Replace},
	} {
		if !isSame(processor.get(beginName), callbacks.BeginTransaction) {
			continue // There are no transactions, or another plugin's.
		}
		if err := processor.replace(beginName, begin); err != nil {
			return fmt.Errorf("gormtenant: registering callback %s: %w", beginName, err)
		}
	}
	return nil
}

func begin(db *gorm.DB) {
	stmt := db.Statement
	clauses := stmt.Clauses
	stmt.Clauses = map[string]clause.Clause{}
	callbacks.BeginTransaction(db)
	stmt.Clauses = clauses
}

// isSame reports whether two functions have the same code.
func isSame(a, b func(*gorm.DB)) bool {
	return a != nil && reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer()
}
