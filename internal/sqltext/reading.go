package sqltext

// server is whose grammar a text is read by.
type server uint8

const (
	sqlite server = iota
	postgres
	mysql
)

// reading is one way to split a text into tokens, and to understand them.
type reading struct {
	server    server
	backslash bool // A backslash escapes in '...'.
	ansi      bool // "x" is a name. Always so but in MySQL.
	older     bool // MySQL: a /*! comment that asks for a version is a comment.
	anyParam  bool // Placeholders of all kinds are known: ?, $1, :x and @x.
}

// readings appends to all the ways in which a text can be read. Those after the first are needed
// only if the lexer finds that they may make a difference, but for Other.
func readings(all []reading, o *Options) []reading {
	switch o.Dialect {
	case SQLite:
		return append(all, reading{server: sqlite, ansi: true})
	case Postgres:
		for _, escapes := range o.BackslashEscapes.values() {
			all = append(all, reading{server: postgres, ansi: true, backslash: escapes})
		}
	case MySQL:
		for _, escapes := range o.BackslashEscapes.values() {
			for _, ansi := range o.ANSIQuotes.values() {
				all = append(all, reading{server: mysql, backslash: escapes, ansi: ansi},
					reading{server: mysql, backslash: escapes, ansi: ansi, older: true})
			}
		}
	default:
		return append(all, reading{server: sqlite, ansi: true, anyParam: true},
			reading{server: postgres, ansi: true, anyParam: true})
	}
	return all
}

// values returns what the setting can be.
func (s Setting) values() []bool {
	switch s {
	case On:
		return onValues[:]
	case Off:
		return offValues[:]
	}
	return anyValues[:]
}

var (
	onValues  = [...]bool{true}
	offValues = [...]bool{false}
	anyValues = [...]bool{false, true}
)
