package sqltext

// Dialect says how a server reads a text.
type Dialect uint8

const (
	// Other is a server of which nothing is known. A text is read as SQLite and as Postgres would
	// read it, and refused if that makes a difference.
	Other Dialect = iota
	// SQLite is SQLite 3.39 or newer, which knows RIGHT and FULL joins.
	SQLite
	// Postgres is PostgreSQL, and what speaks its dialect, such as Citus.
	Postgres
	// MySQL is MySQL and MariaDB.
	MySQL
)

// Options are what Read has to know of a text.
type Options struct {
	Dialect Dialect
	Tables  Tables

	// Raw says that the caller of GORM wrote the whole text, as for Raw and Exec. The zero value is
	// for a text that GORM built, in which an upsert may be guarded by its own condition.
	Raw bool

	// Vars is the number of arguments. On a dialect whose placeholder is ?, a text that names a
	// tenant table is refused if its placeholders are not as many.
	Vars int

	// First is the number of arguments, in front of the others, that no ? of the text stands for:
	// GORM puts those of the outer statement in front of those of a sub-query. Zero on Postgres,
	// whose placeholders have their numbers.
	First int

	// Numbered is what stands in front of the number of a placeholder on Other ("@p" on SQL
	// Server); "" if its placeholder is ?. A text that has placeholders shows it by itself.
	Numbered string

	// Own is the table of the statement itself, for a text that GORM built; nil if it has none or
	// if it is not known. A text in which it is not found is refused.
	Own *Table

	// OwnName is a name by which Own stands in the text and which Tables need not know, with or
	// without a schema in front ("archive.tags_2024"); "" for none.
	OwnName string

	// Nonce begins the marks; "" for none. See SealedMark.
	Nonce string
}
