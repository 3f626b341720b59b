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

// readings are all the ways in which each dialect's servers read a text. Those after the first are
// needed only if the lexer finds that they may make a difference, but for Other. Postgres has
// standard_conforming_strings, MySQL the modes NO_BACKSLASH_ESCAPES and ANSI_QUOTES; which of them
// a session has set is not known here, so a text that they change is refused.
var readings = [...][]reading{
	Other: {
		{server: sqlite, ansi: true, anyParam: true},
		{server: postgres, ansi: true, anyParam: true},
	},
	SQLite: {{server: sqlite, ansi: true}},
	Postgres: {
		{server: postgres, ansi: true}, {server: postgres, ansi: true, backslash: true},
	},
	MySQL: {
		{server: mysql},
		{server: mysql, older: true},
		{server: mysql, ansi: true},
		{server: mysql, ansi: true, older: true},
		{server: mysql, backslash: true},
		{server: mysql, backslash: true, older: true},
		{server: mysql, backslash: true, ansi: true},
		{server: mysql, backslash: true, ansi: true, older: true},
	},
}
