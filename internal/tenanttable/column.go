package tenanttable

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/migrator"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
)

// insensitive are types and collations that take acme and ACME for one ID.
var insensitive = regexp.MustCompile(
	`(?i)\bcitext\b|\bcollate\s+["'\x60]?(nocase\b|\w+_ci(_\w+)?\b)`)

// padding are the types whose values Postgres compares without the spaces at their end.
var padding = regexp.MustCompile(`(?i)^\s*(bpchar|(national\s+)?char(acter)?|nchar)\s*(\(|$)`)

// checkColumn returns an ErrInvalidModel for a tenant column that takes two IDs for one which are
// two tenants everywhere else: in the context, in the directory, and in every cache.
func checkColumn(db *gorm.DB, field *schema.Field) error {
	kind := ColumnType(db, field)
	if insensitive.MatchString(kind) {
		return fmt.Errorf("%w: the tenant column %s.%s is a %s, which does not tell capital "+
			"letters from small ones, so two tenants could be one: use one that does",
			gormtenant.ErrInvalidModel, field.Schema.Name, field.DBName, kind)
	}
	return nil
}

// isPadded reports whether the database ignores spaces at the end of values of a column.
func isPadded(db *gorm.DB, field *schema.Field) bool {
	if field.IndirectFieldType.Kind() != reflect.String || db.Dialector == nil {
		return false
	}
	switch kind := ColumnType(db, field); db.Name() {
	case "postgres":
		return padding.MatchString(kind)
	case "sqlite":
		return strings.Contains(strings.ToLower(kind), "rtrim")
	default: // MySQL unless the collation is one of the newest, SQL Server always.
		return true
	}
}

// ColumnType returns the type that a migration gives to the column of a field.
func ColumnType(db *gorm.DB, field *schema.Field) string {
	if db.Dialector == nil {
		return string(field.DataType)
	}
	value := reflect.New(field.IndirectFieldType).Interface()
	if typed, ok := value.(migrator.GormDataTypeInterface); ok {
		if kind := typed.GormDBDataType(db, field); kind != "" {
			return kind
		}
	}
	return db.DataTypeOf(field)
}
