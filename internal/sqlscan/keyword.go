package sqlscan

// keyword is a word that can make the next one a table, or stop it from being one.
type keyword uint8

const (
	plain keyword = iota // Any other word.
	kwAs
	kwBinary
	kwBy
	kwCall // A function whose arguments are separated by FROM.
	kwCopy
	kwDelete
	kwDistinct
	kwExecute
	kwFor
	kwFrom
	kwGroup // Or ORDER, which also starts a clause only before BY.
	kwHandler
	kwIn
	kwInsert
	kwInto
	kwIs
	kwJoin
	kwKey
	kwMerge
	kwModifier // A word of MySQL that may come between a command and its table.
	kwNever    // Reserved everywhere, so that it is never the name of a table.
	kwNot
	kwOn
	kwOnly // Or LATERAL.
	kwOpen // An opening parenthesis, where what came before matters.
	kwOr
	kwRecursive
	kwReplace
	kwReturning
	kwRow
	kwSelect
	kwSet
	kwShare // Or NO, which also follows FOR in a locking clause.
	kwStraightJoin
	kwTable
	kwTruncate
	kwUescape
	kwUpdate
	kwUsing
	kwValues
	kwWhere // Or HAVING or LIMIT, which also end a list of tables.
	kwWindow
	kwWith
)

// longestKeyword is the length of STRAIGHT_JOIN and HIGH_PRIORITY.
const longestKeyword = 13

func keywordOf(text string) keyword {
	if len(text) > longestKeyword {
		return plain
	}
	var upper [longestKeyword]byte
	for i := range len(text) {
		c := text[i]
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		upper[i] = c
	}
	switch string(upper[:len(text)]) {
	case "AND", "CASE", "DEFAULT", "ELSE", "NULL", "THEN", "WHEN":
		return kwNever
	case "AS":
		return kwAs
	case "BINARY":
		return kwBinary
	case "BY":
		return kwBy
	case "COPY":
		return kwCopy
	case "DELAYED", "HIGH_PRIORITY", "IGNORE", "LOW_PRIORITY":
		return kwModifier
	case "DELETE":
		return kwDelete
	case "DISTINCT":
		return kwDistinct
	case "EXECUTE":
		return kwExecute
	case "EXTRACT", "OVERLAY", "SUBSTRING", "TRIM":
		return kwCall
	case "FOR":
		return kwFor
	case "FROM":
		return kwFrom
	case "GROUP", "ORDER":
		return kwGroup
	case "HANDLER":
		return kwHandler
	case "HAVING", "LIMIT", "WHERE":
		return kwWhere
	case "IN":
		return kwIn
	case "INSERT":
		return kwInsert
	case "INTO":
		return kwInto
	case "IS":
		return kwIs
	case "JOIN":
		return kwJoin
	case "KEY":
		return kwKey
	case "LATERAL", "ONLY":
		return kwOnly
	case "MERGE":
		return kwMerge
	case "NO", "SHARE":
		return kwShare
	case "NOT":
		return kwNot
	case "ON":
		return kwOn
	case "OR":
		return kwOr
	case "RECURSIVE":
		return kwRecursive
	case "REPLACE":
		return kwReplace
	case "RETURNING":
		return kwReturning
	case "ROW":
		return kwRow
	case "SELECT":
		return kwSelect
	case "SET":
		return kwSet
	case "STRAIGHT_JOIN":
		return kwStraightJoin
	case "TABLE":
		return kwTable
	case "TRUNCATE":
		return kwTruncate
	case "UESCAPE":
		return kwUescape
	case "UPDATE":
		return kwUpdate
	case "USING":
		return kwUsing
	case "VALUES":
		return kwValues
	case "WINDOW":
		return kwWindow
	case "WITH":
		return kwWith
	}
	return plain
}

// reserved reports whether no server takes the word for the name of a table.
func (k keyword) reserved() bool {
	switch k {
	case kwAs, kwDistinct, kwFrom, kwGroup, kwIn, kwInto, kwIs, kwJoin, kwNever, kwNot, kwOn, kwOr,
		kwSelect, kwTable, kwUsing, kwWhere:
		return true
	}
	return false
}
