package sqlscan

// reading is the way in which one server splits a text into tokens.
type reading uint8

const (
	// readSQLite ends /* at the first */ and -- at a newline only, takes [x] for a name, $x$ for a
	// parameter, and the parentheses of the parameter $x(...) for a part of it.
	readSQLite reading = iota
	// readPostgres nests comments, ends -- at a carriage return as well, takes a[x] for a
	// subscript, $x$...$x$ for a string, and knows E'...' and U&"...".
	readPostgres
	// readMySQL takes every /*! comment for code.
	readMySQL
	// readMySQLOlder takes a /*! comment that asks for a version for a comment.
	readMySQLOlder
)

var (
	standardReadings = [...]reading{readSQLite, readPostgres}
	mysqlReadings    = [...]reading{readMySQL, readMySQLOlder}
)

// readings returns the readings of a dialect. The second is needed only if the first finds the
// text ambiguous.
func readings(d Dialect) []reading {
	if d == MySQL {
		return mysqlReadings[:]
	}
	return standardReadings[:]
}

func (r reading) mysql() bool { return r >= readMySQL }
