package callbacks

import (
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
// A statement of just that form, that would be refused, is let through where a migrator is among
// its callers. The probe gets a condition that no row meets.

// isColumnTypes reports whether the statement is the probe of a migrator's ColumnTypes.
func (g *guard) isColumnTypes(db *gorm.DB) bool {
	stmt := db.Statement
	if stmt.Model != nil || stmt.Dest != nil || stmt.Schema != nil || stmt.SQL.Len() > 0 ||
		len(stmt.Clauses) != 1 || decided(stmt.Context) || db.Error != nil {
		return false
	}
	limit, ok := stmt.Clauses["LIMIT"].Expression.(clause.Limit)
	return ok && limit.Limit != nil && *limit.Limit == 1 && calledBy("ColumnTypes")
}

// copyTable is how SQLite's migrator fills the table that replaces another.
var copyTable = regexp.MustCompile(
	"(?is)^INSERT INTO [`\"]([^`\"]+)__temp[`\"] ?\\([^()]*\\)" +
		" SELECT [^()]* FROM [`\"]([^`\"]+)[`\"]$")

// isMigration reports whether raw SQL is the copying of a migrator.
func (g *guard) isMigration(text string) bool {
	names := copyTable.FindStringSubmatch(text)
	return names != nil && names[1] == names[2] && calledBy("")
}

// calledBy reports whether a method of a GORM migrator is among the callers: gorm's own or a
// dialect's.
func calledBy(method string) bool {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		frame, more := frames.Next()
		if strings.Contains(frame.Function, ".Migrator."+method) ||
			strings.Contains(frame.Function, ".(*Migrator)."+method) {
			return true
		}
		if !more {
			return false
		}
	}
}

// columnTypesProbe is the reason of a context whose statement gets a condition that no row meets.
const columnTypesProbe = "gormtenant: types of columns"
