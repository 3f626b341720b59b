package databases

import (
	"net/url"
	"slices"
	"strings"

	"github.com/gormtenant/gormtenant/internal/option"
)

// SQLiteOption changes what [SQLite] returns.
type SQLiteOption interface {
	apply(c *sqliteConfig) error
}

type sqliteOption func(c *sqliteConfig) error

func (o sqliteOption) apply(c *sqliteConfig) error { return o(c) }

// sqliteConfig is what the options set.
type sqliteConfig struct {
	driverName string
	pragmas    []pragma
	parameters []string
	create     bool
}

func configureSQLite(options []SQLiteOption) (sqliteConfig, error) {
	c := sqliteConfig{driverName: "sqlite", pragmas: []pragma{
		{"busy_timeout", "5000"},
		{"journal_mode", "WAL"},
		{"foreign_keys", "ON"},
		{"synchronous", "NORMAL"},
	}}
	err := option.Apply("databases.SQLite", options, func(o SQLiteOption) error {
		return o.apply(&c)
	})
	return c, err
}

// SQLiteDriver names the driver as it is registered with database/sql. Defaults to "sqlite", the
// name of github.com/glebarez/go-sqlite and modernc.org/sqlite; github.com/mattn/go-sqlite3 is
// "sqlite3".
func SQLiteDriver(name string) SQLiteOption {
	return sqliteOption(func(c *sqliteConfig) error {
		c.driverName = name
		return nil
	})
}

// Pragma sets a PRAGMA on each connection. Without it busy_timeout is 5000, journal_mode WAL,
// foreign_keys ON and synchronous NORMAL.
func Pragma(name, value string) SQLiteOption {
	return sqliteOption(func(c *sqliteConfig) error {
		same := func(p pragma) bool { return strings.EqualFold(p.name, name) }
		if i := slices.IndexFunc(c.pragmas, same); i >= 0 {
			c.pragmas[i].value = value
		} else {
			c.pragmas = append(c.pragmas, pragma{name, value})
		}
		return nil
	})
}

// Parameter adds a parameter to the name by which the driver opens a file, in the driver's own
// language.
//
//	databases.Parameter("_txlock", "immediate")     // of the drivers named at SQLiteDriver
//
// makes each transaction begin as a writer, and wait for others. Without it a transaction begins as
// a reader. If it writes after another one has written, it fails at once with SQLITE_BUSY, whatever
// busy_timeout says. Use it if transactions read before they write, as GORM's do under
// tenantplugin.CheckReferences.
func Parameter(name, value string) SQLiteOption {
	return sqliteOption(func(c *sqliteConfig) error {
		c.parameters = append(c.parameters, "&"+url.QueryEscape(name)+"="+url.QueryEscape(value))
		return nil
	})
}

// CreateFiles makes the file of a tenant that has none, with the mode 0600, when it is first
// needed: whoever can name a tenant can make a file. Without it such a tenant's statements fail
// with [ErrNoDatabase].
func CreateFiles() SQLiteOption {
	return sqliteOption(func(c *sqliteConfig) error {
		c.create = true
		return nil
	})
}
