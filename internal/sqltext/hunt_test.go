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
	t.Helper()
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

// placesOfWords are texts in which a word can be a name, a label, an alias or a keyword.
var placesOfWords = []string{
	"SELECT 1 %s FROM projects", "SELECT 1 AS %s FROM projects", "SELECT %s FROM projects", "SELECT id %s, name FROM projects",
	"SELECT projects.%s FROM projects", "SELECT * FROM projects %s", "SELECT * FROM projects AS %s", "SELECT * FROM projects %s WHERE 1 = 1",
	"SELECT * FROM projects %[1]s WHERE %[1]s.id > 0", "SELECT * FROM projects %s, tasks", "SELECT * FROM projects %s JOIN tasks ON 1 = 1",
	"SELECT * FROM projects JOIN tasks %s ON 1 = 1", "SELECT * FROM projects %s tasks", "SELECT * FROM projects %s tasks ON 1 = 1",
	"SELECT * FROM projects JOIN tasks ON 1 = 1 %s users", "SELECT * FROM projects JOIN tasks ON 1 = 1 %s JOIN users ON 1 = 1",
	"SELECT * FROM %s projects", "SELECT * FROM countries %s projects", "SELECT * FROM countries, %s projects", "SELECT 1 %s projects",
	"SELECT * FROM projects WHERE id %s 1", "SELECT * FROM projects WHERE %s id = 1", "SELECT * FROM projects WHERE id = 1 %s",
	"SELECT * FROM projects WHERE tenant_id = 'b' %s name = 'x'", "SELECT * FROM projects WHERE id = 1 %s tenant_id = ?",
	"SELECT * FROM projects WHERE tenant_id = ? %s id = 1", "SELECT * FROM projects WHERE tenant_id = ? %s", "SELECT * FROM projects WHERE %s tenant_id = ?",
	"SELECT * FROM projects WHERE %s(tenant_id = ?)", "SELECT * FROM projects WHERE tenant_id %s ?", "SELECT * FROM projects WHERE tenant_id = %s ?",
	"SELECT * FROM projects WHERE (%s AND tenant_id = ?)", "SELECT * FROM projects WHERE 1 %s 2 AND tenant_id = ?",
	"SELECT * FROM projects WHERE 1 = 1 %s 2 AND tenant_id = ? %[1]s 1", "SELECT * FROM projects ORDER BY id %s", "SELECT * FROM projects ORDER BY %s",
	"SELECT * FROM projects GROUP BY %s", "SELECT count(*) FROM projects %s BY name", "SELECT * FROM projects LIMIT 1 %s 1",
	"SELECT * FROM projects %s 1", "SELECT * FROM projects %s SELECT * FROM projects", "SELECT id FROM countries %s SELECT id FROM projects",
	"SELECT id FROM countries WHERE 1 = 1 %s SELECT id FROM projects", "SELECT %s id FROM projects", "SELECT %s(id) FROM projects", "SELECT %s * FROM projects",
	"SELECT id, %s(SELECT id FROM projects LIMIT 1) FROM countries", "SELECT 1 WHERE EXISTS %s (SELECT id FROM projects)", "%s SELECT * FROM projects",
	"%s projects", "%s FROM projects", "%s * FROM projects", "%s projects SET name = 'n'", "%s INTO projects (id, tenant_id) VALUES (20, ?)",
	"UPDATE %s projects SET name = 'n'", "UPDATE projects %s SET name = 'n'", "UPDATE projects SET name = 'n' %s", "UPDATE projects SET name = 'n' %s id = 1",
	"UPDATE projects SET name = %s", "UPDATE projects SET %s = 'n'", "UPDATE projects SET name = 'n' %s tasks WHERE 1 = 1", "UPDATE projects SET name = 'n' %s tenant_id = 'b'",
	"DELETE FROM %s projects", "DELETE FROM projects %s", "DELETE FROM projects %s tasks", "DELETE FROM projects WHERE id = 1 %s id", "DELETE %s FROM projects",
	"INSERT INTO notes (id) %s SELECT id + 100 FROM projects", "INSERT INTO notes (id) SELECT id + 100 FROM projects %s", "INSERT %s INTO tags (id, tenant_id) VALUES (1, ?)",
	"INSERT INTO tags (id, tenant_id) VALUES (1, ?) %s DO NOTHING", "INSERT INTO tags (id, tenant_id) VALUES (1, ?) ON CONFLICT DO %s",
	"WITH %s AS (SELECT * FROM projects) SELECT * FROM %[1]s", "WITH x AS (SELECT * FROM projects) %s SELECT * FROM x", "WITH x AS %s (SELECT * FROM projects) SELECT * FROM x",
	"WITH %s x AS (SELECT * FROM projects) SELECT * FROM x", "SELECT * FROM (SELECT * FROM projects) %s", "SELECT * FROM (SELECT * FROM projects %s) x",
	"SELECT * FROM (projects %s)", "SELECT * FROM (projects) %s", "SELECT * FROM %s (SELECT * FROM projects) x", "SELECT * FROM countries %s (SELECT * FROM projects) x",
	"SELECT CASE %s WHEN 1 THEN 2 END FROM projects WHERE tenant_id = ?", "SELECT * FROM projects WHERE CASE WHEN %s THEN 1 END AND tenant_id = ? END",
	"SELECT * FROM projects WHERE (CASE WHEN %s THEN id = 1 AND tenant_id = ? AND 1 = 1 END)", "SELECT * FROM projects WHERE id BETWEEN %s AND tenant_id = ?",
	"SELECT max(id) AS %s FROM projects", "SELECT max(id) %s AS AS FROM projects", "SELECT id AS a, %s AS FROM FROM projects", "SELECT 'x' %s FROM projects",
	"SELECT * FROM projects NATURAL %s JOIN tasks", "SELECT * FROM projects LEFT %s JOIN tasks ON projects.id = tasks.id", "SELECT * FROM projects %s LEFT JOIN tasks ON projects.id = tasks.id",
	"SELECT count(*) %s FROM projects", "SELECT count(*) %s (ORDER BY id) FROM projects", "SELECT count(*) OVER %s FROM projects WINDOW %[1]s AS (ORDER BY id)",
	"SELECT 1 %[1]s FROM countries %[1]s, projects", "SELECT * FROM countries JOIN projects %s", "SELECT x.%s FROM countries x, projects",
}

func TestJudge_words_SQLite(t *testing.T) { huntWords(t, sqltext.SQLite) }

func TestJudge_words_Postgres(t *testing.T) { huntWords(t, sqltext.Postgres) }

// huntWords puts every keyword of the servers into every place.
func huntWords(t *testing.T, d sqltext.Dialect) {
	t.Helper()
	t.Parallel()
	if testing.Short() {
		t.Skip("40,000 texts")
	}
	j := newJudge(t, d)
	wrong, valid, refused := 0, 0, 0
	for _, word := range append(strings.Fields(keywords), signs...) {
		for i, place := range placesOfWords {
			if *huntTexts < 10000 && (i*7+len(word)*5+int(word[0]))%20 != 0 {
				continue // One of twenty, unless many are asked for.
			}
			var text string
			if !strings.Contains(place, "%[1]s") {
				text = strings.Replace(place, "%s", word, 1)
			} else {
				text = strings.NewReplacer("%[1]s", word, "%s", word).Replace(place)
			}
			text = numbered(d, text)
			args := make([]any, strings.Count(place, "?"))
			for i := range args {
				args[i] = "a"
			}
			if word == "EXPLAIN" {
				continue // It returns how, not what.
			}
			v := j.judge(text, false, args...)
			switch {
			case v.wrong != "":
				if wrong++; wrong <= *huntMax {
					t.Errorf("%s\nsent %s\n%s", text, v.sent, v.wrong)
				}
			case v.refusal != nil:
				if o := j.run(j.own, text, args, writes.MatchString(text)); o.err == nil {
					if refused++; testing.Verbose() {
						t.Logf("refused %s: %v", text, v.refusal)
					}
				}
			case !v.failed:
				valid++
			}
		}
	}
	t.Logf("%d right, %d valid ones refused, %d wrong", valid, refused, wrong)
}
