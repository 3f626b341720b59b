package tenanttable

import (
	"strings"
	"unicode/utf8"

	"gorm.io/gorm"
)

// name is a table's name as it is compared: folded, without quotes.
type name struct{ schema, table string }

// folding is how a database compares names.
type folding struct {
	// cuts is set where the database looks at the first 63 bytes of a name.
	cuts bool
	// schema is where the database finds unqualified names unless told otherwise.
	schema string
}

// longestName is the number of bytes of a name that Postgres looks at (NAMEDATALEN - 1).
const longestName = 63

func foldingOf(db *gorm.DB) folding {
	if db.Dialector == nil {
		return folding{cuts: true}
	}
	switch db.Name() {
	case "sqlite":
		return folding{schema: "main"}
	case "mysql":
		return folding{}
	case "sqlserver":
		return folding{schema: "dbo"}
	}
	// Postgres, and whatever else: a name that is cut needlessly is at worst a tenant's.
	return folding{cuts: true, schema: "public"}
}

// fold returns the name as it is compared.
func (f folding) fold(schema, table string) name {
	return name{strings.ToLower(f.cut(schema)), strings.ToLower(f.cut(table))}
}

// cut cuts a name as the database does, between two characters, and takes quotes off it: GORM's
// dialects disagree on a model whose TableName has them.
func (f folding) cut(part string) string {
	if part != "" && part[0] < '0' {
		part = strings.Trim(part, quotes)
	}
	if !f.cuts || len(part) <= longestName {
		return part
	}
	end := longestName
	for end > 0 && !utf8.RuneStart(part[end]) {
		end--
	}
	return part[:end]
}

// find looks a name up without an allocation.
func (f folding) find(names map[name]entry, schema, table string) (entry, bool) {
	schema, table = f.cut(schema), f.cut(table)
	if isFolded(schema) && isFolded(table) {
		e, ok := names[name{schema, table}]
		return e, ok
	}
	var first, second [2 * longestName]byte
	a, plain := lower(first[:0], schema)
	b, also := lower(second[:0], table)
	if plain && also {
		e, ok := names[name{string(a), string(b)}]
		return e, ok
	}
	e, ok := names[name{strings.ToLower(schema), strings.ToLower(table)}]
	return e, ok
}

// isFolded reports whether folding a name certainly leaves it as it is.
func isFolded(part string) bool {
	for i := range len(part) {
		if c := part[i]; 'A' <= c && c <= 'Z' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// lower appends a name in lower case to buffer. It reports false for a name that does not fit or
// has more than ASCII.
func lower(buffer []byte, part string) ([]byte, bool) {
	if len(part) > cap(buffer) {
		return buffer, false
	}
	for i := range len(part) {
		c := part[i]
		if c >= utf8.RuneSelf {
			return buffer, false
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		buffer = append(buffer, c)
	}
	return buffer, true
}

// Split returns the last two parts of a table's name, without the quotes of any dialect.
func Split(qualified string) (schema, table string) {
	table = strings.Trim(qualified, quotes)
	if i := strings.LastIndexByte(table, '.'); i >= 0 {
		schema, table = table[:i], table[i+1:]
		schema = strings.Trim(schema[strings.LastIndexByte(schema, '.')+1:], quotes)
	}
	return schema, strings.Trim(table, quotes)
}

const quotes = " \t\r\n\"`[]"
