package store

import (
	"strings"

	"gorm.io/gorm"
)

// column is one that the tables of earlier versions do not have.
type column struct{ table, name, definition string }

// added are the columns that Migrate adds to tables that are there.
var added = [...]column{
	{"gormtenant_tenants", "placement", "text NOT NULL DEFAULT '{}'"},
	{"gormtenant_tenants", "attributes", "text NOT NULL DEFAULT '{}'"},
	{"gormtenant_names", "released_at", "{time}"},
}

// add adds the column where it is missing.
func (c column) add(db *gorm.DB, dialect *strings.Replacer) error {
	statement := "ALTER TABLE " + c.table + " ADD COLUMN IF NOT EXISTS " + c.name + " " +
		dialect.Replace(c.definition)
	if db.Name() != sqlite {
		return db.Exec(statement).Error
	}
	if has, err := c.isThere(db); has || err != nil {
		return err
	}
	err := db.Exec(strings.Replace(statement, "IF NOT EXISTS ", "", 1)).Error
	if err != nil { // another process may have come first
		if has, _ := c.isThere(db); has {
			return nil
		}
	}
	return err
}

// isThere reports whether a table of SQLite has the column.
func (c column) isThere(db *gorm.DB) (has bool, err error) {
	err = db.Raw("SELECT count(*) > 0 FROM pragma_table_info(?) WHERE name = ?", c.table, c.name).
		Row().Scan(&has)
	return has, err
}
