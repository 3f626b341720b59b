package sqltext

// keyword is a word that means something to the reader. Which of them a server reserves differs:
// see words.go.
type keyword uint8

const (
	plain      keyword = iota // Any other word.
	kwOperator                // An infix operator that is a word, as LIKE.
	kwAll
	kwAnd
	kwAs
	kwAt
	kwBetween
	kwBinary
	kwBy
	kwCase
	kwCollate
	kwConflict
	kwCopy
	kwCreate
	kwCross
	kwDefault
	kwDelete
	kwDistinct
	kwDo
	kwDuplicate
	kwElse
	kwEnd
	kwExcept
	kwExecute
	kwExists
	kwFetch
	kwFilter
	kwFor
	kwForce
	kwFrom
	kwFull
	kwGroup
	kwGrouping
	kwHaving
	kwIf
	kwIgnore
	kwIn
	kwIndexed
	kwInner
	kwInsert
	kwIntersect
	kwInterval
	kwInto
	kwIs
	kwIsnull
	kwJoin
	kwKey
	kwLateral
	kwLeft
	kwLimit
	kwLock
	kwMaterialized
	kwMember
	kwMerge
	kwMod
	kwNatural
	kwNot
	kwNothing
	kwNotnull
	kwNull
	kwOf
	kwOffset
	kwOn
	kwOnly
	kwNamedOperator // OPERATOR(pg_catalog.=).
	kwOr
	kwOrder
	kwOuter
	kwOver
	kwOverriding
	kwPartition
	kwRecursive
	kwReplace
	kwReturning
	kwRight
	kwRow
	kwSelect
	kwSet
	kwSets
	kwSimilar
	kwStraightJoin
	kwTable
	kwTablesample
	kwThen
	kwTruncate
	kwUnion
	kwUpdate
	kwUse
	kwUsing
	kwValue
	kwValues
	kwWhen
	kwWhere
	kwWindow
	kwWith
	kwWithin
	kwXor
)

// longestKeyword is the length of STRAIGHT_JOIN.
const longestKeyword = 13

var keywords = map[string]keyword{
	"ALL": kwAll, "AND": kwAnd, "AS": kwAs, "AT": kwAt, "BETWEEN": kwBetween,
	"BINARY": kwBinary, "BY": kwBy, "CASE": kwCase, "COLLATE": kwCollate,
	"CONFLICT": kwConflict, "COPY": kwCopy, "CREATE": kwCreate, "CROSS": kwCross,
	"DEFAULT": kwDefault, "DELETE": kwDelete, "DISTINCT": kwDistinct, "DO": kwDo,
	"DUPLICATE": kwDuplicate, "ELSE": kwElse, "END": kwEnd, "EXCEPT": kwExcept,
	"EXECUTE": kwExecute, "EXISTS": kwExists, "FETCH": kwFetch, "FILTER": kwFilter,
	"FOR": kwFor, "FORCE": kwForce, "FROM": kwFrom, "FULL": kwFull, "GROUP": kwGroup,
	"GROUPING": kwGrouping, "HAVING": kwHaving, "IF": kwIf, "IGNORE": kwIgnore, "IN": kwIn,
	"INDEXED": kwIndexed, "INNER": kwInner, "INSERT": kwInsert, "INTERSECT": kwIntersect,
	"INTERVAL": kwInterval, "INTO": kwInto, "IS": kwIs, "ISNULL": kwIsnull, "JOIN": kwJoin,
	"KEY": kwKey, "LATERAL": kwLateral, "LEFT": kwLeft, "LIMIT": kwLimit, "LOCK": kwLock,
	"MATERIALIZED": kwMaterialized, "MEMBER": kwMember, "MERGE": kwMerge, "MOD": kwMod,
	"NATURAL": kwNatural, "NOT": kwNot, "NOTHING": kwNothing, "NOTNULL": kwNotnull,
	"NULL": kwNull, "OF": kwOf, "OFFSET": kwOffset, "ON": kwOn, "ONLY": kwOnly,
	"OPERATOR": kwNamedOperator, "OR": kwOr, "ORDER": kwOrder, "OUTER": kwOuter, "OVER": kwOver,
	"OVERRIDING": kwOverriding, "PARTITION": kwPartition, "RECURSIVE": kwRecursive,
	"REPLACE": kwReplace, "RETURNING": kwReturning, "RIGHT": kwRight, "ROW": kwRow,
	"SELECT": kwSelect, "SET": kwSet, "SETS": kwSets, "SIMILAR": kwSimilar,
	"STRAIGHT_JOIN": kwStraightJoin, "TABLE": kwTable, "TABLESAMPLE": kwTablesample,
	"THEN": kwThen, "TRUNCATE": kwTruncate, "UNION": kwUnion, "UPDATE": kwUpdate, "USE": kwUse,
	"USING": kwUsing, "VALUE": kwValue, "VALUES": kwValues, "WHEN": kwWhen, "WHERE": kwWhere,
	"WINDOW": kwWindow, "WITH": kwWith, "WITHIN": kwWithin, "XOR": kwXor, "DIV": kwOperator,
	"ESCAPE": kwOperator, "GLOB": kwOperator, "ILIKE": kwOperator, "LIKE": kwOperator,
	"MATCH": kwOperator, "OVERLAPS": kwOperator, "REGEXP": kwOperator, "RLIKE": kwOperator,
	"SOUNDS": kwOperator, "AGAINST": kwOperator,
}

func keywordOf(text string) keyword {
	if len(text) > longestKeyword || len(text) < 2 {
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
	return keywords[string(upper[:len(text)])]
}
