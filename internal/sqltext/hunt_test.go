package sqltext_test

import (
	"flag"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gormtenant/gormtenant/internal/sqltext"
)

var (
	huntTexts = flag.Int("sqltext.texts", 2000, "how many generated texts each judge runs")
	huntSeed  = flag.Uint64("sqltext.seed", 1, "the seed of the generated texts")
	huntMax   = flag.Int("sqltext.show", 10, "how many wrong ones to show")
)

func TestJudge_generated_SQLite(t *testing.T) { hunt(t, sqltext.SQLite) }

func TestJudge_generated_Postgres(t *testing.T) { hunt(t, sqltext.Postgres) }

// hunt judges generated texts, of which some are mutated, and counts.
func hunt(t *testing.T, d sqltext.Dialect) {
	t.Parallel()
	j := newJudge(t, d)
	g := &generator{Rand: rand.New(rand.NewPCG(*huntSeed, uint64(d))), dialect: d}
	var right, failed, refused, wrong, refusedValid int
	for range *huntTexts {
		text, ordered := g.text()
		text, args := g.place(text)
		mutated := g.chance(30)
		if mutated {
			text, args = g.mutate(text, args)
		}
		v := j.judge(text, ordered, args...)
		switch {
		case v.wrong != "":
			if wrong++; wrong <= *huntMax {
				t.Errorf("%s\nargs %v\nsent %s\n%s", text, args, v.sent, v.wrong)
			}
		case v.refusal != nil:
			refused++
			if o := j.run(j.own, text, args, writes.MatchString(text)); o.err == nil {
				if refusedValid++; refusedValid <= *huntMax && testing.Verbose() {
					t.Logf("refused %s\nargs %v: %v %v", text, args, v.refusal.Reason, v.refusal)
				}
			}
		case v.failed:
			failed++
		default:
			right++
		}
	}
	t.Logf("%d right, %d fail alone too, %d refused (%d of them valid), %d wrong", right, failed, refused, refusedValid, wrong)
}

// words are put into texts by mutation.
var words = strings.Fields(`AS FROM OFFSET WINDOW SELECT JOIN LEFT RIGHT FULL NATURAL CROSS INNER OUTER ON USING
	WHERE AND OR NOT IN IS NULL LIKE BETWEEN CASE WHEN THEN ELSE END EXISTS UNION ALL EXCEPT INTERSECT
	WITH RECURSIVE LATERAL ONLY ORDER BY GROUP HAVING LIMIT RETURNING DISTINCT VALUES TABLE FOR UPDATE
	SET INTO projects tasks users tags project_tags tenant_id id name a b x p1 t2 'x' 'a' 1 0 ( ) , . = <> * + ;
	|| :: [ ] "projects" COLLATE OVER FILTER WITHIN FETCH FIRST ROWS TABLESAMPLE INDEXED MATERIALIZED
	DELETE INSERT /* */ -- DO NOTHING CONFLICT REPLACE ISNULL NOTNULL ASC DESC count( max( $1 $2 ? 'projects'
	TRUE INTERVAL DATE GLOB ESCAPE ANY SOME ARRAY ROW CAST( EXTRACT(`)

// mutate changes tokens of a text: takes some out, puts words in, swaps or repeats some.
func (g *generator) mutate(text string, args []any) (string, []any) {
	parts := pieces(text)
	for range 1 + g.IntN(3) {
		if len(parts) == 0 {
			break
		}
		i := g.IntN(len(parts))
		switch g.IntN(6) {
		case 0:
			parts = append(parts[:i:i], parts[i+1:]...)
		case 1, 2:
			parts = append(parts[:i:i], append([]string{" " + words[g.IntN(len(words))] + " "}, parts[i:]...)...)
		case 3:
			parts[i] = " " + words[g.IntN(len(words))] + " "
		case 4:
			k := g.IntN(len(parts))
			parts[i], parts[k] = parts[k], parts[i]
		default:
			parts = append(parts[:i:i], append([]string{parts[i]}, parts[i:]...)...)
		}
	}
	switch g.IntN(12) {
	case 0:
		args = append(args, "a")
	case 1:
		if len(args) > 0 {
			args = args[1:]
		}
	}
	return strings.Join(parts, ""), args
}

// pieces splits a text into words, signs and the space between them.
func pieces(text string) []string {
	var all []string
	isWord := func(c byte) bool {
		return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '$'
	}
	for i := 0; i < len(text); {
		k := i + 1
		switch {
		case isWord(text[i]):
			for k < len(text) && isWord(text[k]) {
				k++
			}
		case text[i] == '\'':
			for k < len(text) && text[k] != '\'' {
				k++
			}
			k = min(k+1, len(text))
		}
		all = append(all, text[i:k])
		i = k
	}
	return all
}
