package store_test

import (
	"path/filepath"
	"strconv"
	"testing"

	"github.com/glebarez/sqlite"
	"github.com/jackc/pgx/v5"
	pgdriver "gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
)

func portOf(c *pgx.ConnConfig) string { return strconv.Itoa(int(c.Port)) }

func emptySQLite(t testing.TB) gorm.Dialector {
	t.Helper()
	return sqlite.Open(filepath.Join(t.TempDir(), "empty.db"))
}

// emptyReplica is a database of the kind of db, with nothing in it.
func emptyReplica(t testing.TB, db *gorm.DB) gorm.Dialector {
	t.Helper()
	if db.Name() == "postgres" {
		return pgdriver.Open(pgtest.New(t))
	}
	return emptySQLite(t)
}

// mysql is a dialect that a store does not know.
type mysql struct{ gorm.Dialector }

func (mysql) Name() string { return "mysql" }
