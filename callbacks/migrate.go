package callbacks

import (
	"reflect"
	"regexp"
	"runtime"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// GORM's migrators work without a tenant, and two things that they do look like access to rows:
//
//   - ColumnTypes runs SELECT * FROM "projects" LIMIT 1, for the types of the result's columns.
//   - SQLite's, which cannot alter a column, copies the table with INSERT ... SELECT.
//
// A statement of just that form, that would be refused, is let through where the database's own
// migrator is among its callers. The probe gets a condition that no row meets.

// isColumnTypes reports whether the statement is the probe of a migrator's ColumnTypes.
func isColumnTypes(db *gorm.DB) bool {
	stmt := db.Statement
	if stmt.Model != nil || stmt.Dest != nil || stmt.Schema != nil || stmt.SQL.Len() > 0 ||
		len(stmt.Clauses) != 1 || len(stmt.Selects) > 0 || len(stmt.Joins) > 0 || db.Error != nil {
		return false
	}
	limit, ok := stmt.Clauses["LIMIT"].Expression.(clause.Limit)
	return ok && limit.Limit != nil && *limit.Limit == 1 && migrates(db, "ColumnTypes")
}

// copyTable is how SQLite's migrator fills the table that replaces another.
var copyTable = regexp.MustCompile(
	"(?is)^INSERT INTO [`\"]([^`\"]+)__temp[`\"] ?\\([^()]*\\)" +
		" SELECT [^()]* FROM [`\"]([^`\"]+)[`\"]$")

// isMigration reports whether raw SQL is the copying of a migrator.
func isMigration(db *gorm.DB, text string) bool {
	names := copyTable.FindStringSubmatch(text)
	return names != nil && names[1] == names[2] && migrates(db, "")
}

// migrates reports whether a method of the database's own migrator, whose name begins like that, is
// among the callers.
func migrates(db *gorm.DB, method string) bool {
	if db.Dialector == nil {
		return false
	}
	types := migratorTypes(reflect.ValueOf(db.Dialector.Migrator(db)))
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		frame, more := frames.Next()
		for _, of := range types {
			// A dot in the last part of a package's path is written in another way.
			name := strings.ReplaceAll(frame.Function, "%2e", ".")
			if strings.HasPrefix(name, of.PkgPath()+"."+of.Name()+"."+method) ||
				strings.HasPrefix(name, of.PkgPath()+".(*"+of.Name()+")."+method) {
				return true
			}
		}
		if !more {
			return false
		}
	}
}

// migratorTypes returns the type of a migrator and of those in it: a dialect's has gorm's own.
func migratorTypes(migrator reflect.Value) []reflect.Type {
	if migrator = indirect(migrator); migrator.Kind() != reflect.Struct {
		return nil
	}
	types := []reflect.Type{migrator.Type()}
	for i := range migrator.NumField() {
		if field := migrator.Field(i); field.Type().Implements(reflect.TypeFor[gorm.Migrator]()) {
			types = append(types, migratorTypes(field)...)
		}
	}
	return types
}

// columnTypesProbe is the reason of a context whose statement gets a condition that no row meets.
const columnTypesProbe = "gormtenant: types of columns"

// probeScope is the scope of that statement, whatever its context says.
var probeScope = scope{reason: columnTypesProbe, unscoped: true}
