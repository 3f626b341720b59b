package sqlscan_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// generator writes random statements that SQLite mostly accepts: tokens with any white space and
// comments in between, keywords in any case, names in any quotes.
type generator struct {
	*rand.Rand
	out   strings.Builder
	depth int
}

func (g *generator) pick(words ...string) string { return words[g.IntN(len(words))] }

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

// emit writes the tokens of a template, which are separated by spaces. $T is a table, $N one with a
// single column, $C a column, $E an expression, $F a FROM clause, $Q a query and $S a query in
// parentheses.
func (g *generator) emit(template string) {
	for _, token := range strings.Fields(template) {
		switch token {
		case "$T":
			g.table("projects", "users", "tags", "notes", "PROJECTS", "order",
				"copy", "lateral", "left", "only", "with")
		case "$N":
			g.table("codes")
		case "$C":
			g.token(g.quote(g.pick("id", "name", "a", "b")))
		case "$S":
			g.subselect()
		case "$E":
			g.expression()
		case "$F":
			g.from()
		case "$Q":
			g.query()
		default:
			g.token(token)
		}
	}
}

func (g *generator) token(text string) {
	if g.chance(30) && text[0] >= 'A' && text[0] <= 'Z' {
		text = strings.ToLower(text)
	}
	before := g.out.String()
	glued := before != "" && (wordByte(before[len(before)-1]) && wordByte(text[0]) ||
		strings.ContainsAny(before[len(before)-1:], "-/'\"`.0123456789<>=|*$:@#") ||
		strings.ContainsAny(text[:1], "-/'\"`.*"))
	if glued || g.chance(30) {
		g.out.WriteString(g.pick(" ", " ", "\n", "\t", "\f\r\n", "/**/", "/* FROM x ' \" */",
			" /* /* */",
			"--'\n", "-- JOIN \"\n", "/*/ ( ; [*/"))
	}
	g.out.WriteString(text)
}

func wordByte(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

func (g *generator) quote(name string) string {
	switch g.IntN(8) {
	case 0:
		return `"` + name + `"`
	case 1:
		return "`" + name + "`"
	case 2:
		return "[" + name + "]"
	}
	return name
}

func (g *generator) table(names ...string) {
	name := g.pick(names...)
	switch {
	case name == "order":
		name = g.pick(`"order"`, "[order]", "`order`", "'order'")
	case g.chance(10):
		name = "'" + name + "'"
	default:
		name = g.quote(name)
	}
	if g.chance(15) {
		g.emit(g.pick("main", `"main"`, "[MAIN]", "'main'") + " .")
	}
	g.token(name)
}

func (g *generator) subselect() {
	g.token("(")
	g.query()
	g.token(")")
}

func (g *generator) expression() {
	if g.depth++; g.depth > 4 {
		g.token(g.pick("1", "'x'", "NULL"))
	} else {
		g.emit(g.pick(
			"1", "'FROM,it''s'", "1.5", ".5", "1e5", "x'00'", "NULL", "?", "?2", ":from", "@a",
			"$b", "$c::d(e)",
			"( $E )", "- $E", "NOT $E", "$E + $E", "$E || $E", "$E AND $E", "$E OR $E",
			"$E IS NOT $E",
			"$E IS DISTINCT FROM $E", "$E IS NOT DISTINCT FROM $E", "$E BETWEEN $E AND $E",
			"$E ISNULL",
			"$S", "EXISTS $S", "$E IN $S", "$E NOT IN ( $E , $E )", "$E IN $N", "$E NOT IN $N",
			"( $E , $E ) IN ( SELECT $E , $E FROM $F )", "CASE WHEN $E THEN $E ELSE $E END",
			"CASE $E WHEN $E THEN $S END",
			"coalesce ( $E , $S )", "max ( $E , $E )", "CAST ( $E AS TEXT )",
			"( $E LIKE 'a' ESCAPE '#' )",
			"replace ( $E , $E , $E )", "( SELECT count ( * ) FROM $T )", "substr ( $E , 1 )",
			"$E COLLATE nocase", "( VALUES ( $E ) )", "$E -> '$'", "trim ( $E IN $N )",
		))
	}
	g.depth--
}

func (g *generator) from() {
	if g.depth++; g.depth > 4 {
		g.emit("$T")
	} else {
		g.emit(g.pick(
			"$T", "$T", "$T AS p", "$T p", "$N", "( SELECT * FROM $F )", "$T [p_q]", "$T replace",
			"$T AS 'key'", "$S", "$S AS s", "$S window",
			"$F , $F", "$F , $F", "$F JOIN $F", "$F LEFT JOIN $F ON $E", "$F CROSS JOIN $F",
			"$F NATURAL JOIN $F", "$F INNER JOIN $T USING ( $C )", "( $F )", "( ( $T ) )",
			"( $F , $F )",
			"( $F JOIN $F ON $E ) , $F", "$T NOT INDEXED", "( VALUES ( $E ) , ( $E ) )",
			"json_each ( $E ) , $T",
		))
	}
	g.depth--
}

func (g *generator) query() {
	if g.depth++; g.depth > 4 {
		g.emit("SELECT 1 FROM $T")
	} else {
		g.emit(g.pick(
			"SELECT 1", "SELECT 1 FROM $F", "SELECT 1 FROM $F WHERE $E", "SELECT $E FROM $F",
			"SELECT DISTINCT $E FROM $F ORDER BY 1", "SELECT 1 FROM $T WHERE $C = $E",
			"SELECT ALL $E AS 'from' FROM $F GROUP BY $E HAVING $E",
			"SELECT 1 FROM $F LIMIT $S OFFSET 1",
			"SELECT $E FROM $F UNION SELECT $E FROM $F", "SELECT $E EXCEPT SELECT 1 FROM $F",
			"SELECT 1 FROM $F UNION ALL VALUES ( $E ) , ( $E )", "VALUES ( $E )",
			"WITH w AS $S SELECT 1 FROM w , $F",
			"WITH w ( x ) AS MATERIALIZED $S , v AS $S SELECT 1 FROM v",
			"SELECT 1 IN $N", "SELECT count ( * ) FILTER ( WHERE $E ) FROM $F",
			"SELECT sum ( 1 ) OVER w FROM $F WINDOW w AS ( PARTITION BY $E ORDER BY $E )",
			"SELECT 1 FROM $F ORDER BY $E , $E DESC",
		))
	}
	g.depth--
}

func (g *generator) statement() string {
	g.out.Reset()
	g.emit(g.pick(
		"$Q", "$Q", "$Q", "INSERT INTO $T ( id , name ) SELECT $E , $E FROM $F",
		"INSERT OR IGNORE INTO $T ( id , name ) VALUES ( $E , $E ) , ( $E , $S )",
		"REPLACE INTO $T DEFAULT VALUES",
		"INSERT INTO $T AS t ( name ) VALUES ( $E ) ON CONFLICT DO UPDATE SET a = $E , b = $S",
		"INSERT OR REPLACE INTO $T ( name ) SELECT $E FROM $F RETURNING name , $E",
		"WITH w AS $S DELETE FROM $T WHERE a IN w",
		"UPDATE $T SET a = $E , b = $E WHERE $E",
		"UPDATE OR IGNORE $T AS t SET ( a , b ) = ( $E , $E )",
		"UPDATE OR REPLACE $T SET a = $E FROM $F , $T WHERE $E", "UPDATE $T SET a = $S RETURNING *",
		"DELETE FROM $T", "DELETE FROM $T WHERE $E",
		"DELETE FROM $T AS d WHERE $E RETURNING $E AS x",
	))
	return g.out.String()
}

func TestStatement_finds_what_SQLite_finds(t *testing.T) {
	t.Parallel()
	statements := 2500
	if testing.Short() {
		statements = 250 // The race detector makes SQLite, which is Go here, slow.
	}
	lite := openSQLite(t)
	// The same statements each time.
	g := &generator{Rand: rand.New(rand.NewPCG(1, 2))}
	accepted := 0
	for range statements {
		statement := g.statement()
		missed, ok := lite.missed(statement)
		require.Empty(t, missed, statement)
		if ok {
			accepted++
		}
	}
	t.Logf("SQLite accepted %d of %d statements", accepted, statements)
	require.Greater(t, accepted, statements*6/10, "too few statements to prove anything")
}
