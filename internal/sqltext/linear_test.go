package sqltext_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/sqltext"
	"github.com/gormtenant/gormtenant/internal/testing/race"
)

// counting is a registry that counts how often it is asked.
type counting struct {
	registry
	asked *int
}

func (c counting) Lookup(schema, name string) *sqltext.Table {
	*c.asked++
	return c.registry.Lookup(schema, name)
}

// growing are texts that grow in one place each.
var growing = []struct{ name, before, part, after string }{
	{"arms", "SELECT 1", " UNION SELECT tag_id FROM project_tags", ""},
	{"proved_arms", "SELECT 1", " UNION SELECT id FROM projects WHERE tenant_id = $1", ""},
	{
		"joins_in_arms", "SELECT 1", " UNION SELECT (SELECT 1 FROM tasks) " +
			"FROM projects a JOIN tasks b ON a.tenant_id = b.tenant_id", "",
	},
	{"conjuncts", "SELECT * FROM projects p WHERE p.tenant_id = $1", " AND p.budget > 1", ""},
	{
		"equalities", "SELECT 1 FROM projects p, tasks t WHERE p.tenant_id = $1",
		" AND t.project_id = p.id", "",
	},
	{"list", "SELECT * FROM projects WHERE id IN (0", ", 1", ")"},
	{"rows", "INSERT INTO countries VALUES (1)", ", (2)", ""},
	{"sub_selects", "SELECT 1 WHERE true", " AND EXISTS (SELECT 1 FROM tasks)", ""},
	{"columns", "SELECT id", `, name AS "n"`, " FROM projects"},
	{"branches", "SELECT CASE", " WHEN id = 1 THEN 'x'", " ELSE '' END FROM projects"},
	{"strings", "SELECT ''", " || 'it''s' -- x\n /* y */", " FROM projects"},
	{"assignments", "UPDATE projects SET name = ''", ", budget = 1", " WHERE id = 1"},
	{"order", "SELECT * FROM projects ORDER BY id", ", name DESC", ""},
	{"casts", "SELECT id", "::int", " FROM projects"},
	{"functions", "SELECT count(*)", " + coalesce(max(id), 0)", " FROM projects GROUP BY id"},
	{"nobodys", "SELECT * FROM countries WHERE code = ''", " OR name <> 'x' AND code > 'y'", ""},
	{"joins", "SELECT 1 FROM tasks", " JOIN countries ON true", ""},
	{"expressions", "WITH a AS (SELECT 1)", ", b AS (SELECT * FROM tasks)", " SELECT 1 FROM a"},
}

// TestRead_is_linear counts what reading and limiting a text take: names that are looked up, and
// what is allocated. Twice the text, at most a little more than twice as much.
func TestRead_is_linear(t *testing.T) {
	if race.Enabled {
		return // It allocates by itself.
	}
	for _, g := range growing {
		t.Run(g.name, func(t *testing.T) {
			measure := func(n int) (asked int, objects, bytes float64) {
				text := g.before + strings.Repeat(g.part, n) + g.after
				o := sqltext.Options{
					Dialect: sqltext.Postgres, Tables: counting{known, &asked}, Raw: true, Vars: 1,
				}
				var start, end runtime.MemStats
				runtime.ReadMemStats(&start)
				got := result(text, o, always)
				runtime.ReadMemStats(&end)
				require.NotContains(t, got, "[unreadable]")
				return asked, float64(end.Mallocs - start.Mallocs),
					float64(end.TotalAlloc - start.TotalAlloc)
			}
			measure(10)
			for _, n := range []int{100, 200, 400} {
				asked, objects, bytes := measure(n)
				asked2, objects2, bytes2 := measure(2 * n)
				// A slice that outgrows its room takes up to twice as much at once.
				require.LessOrEqual(t, asked2, 2*asked+10, "names looked up, n = %d", n)
				require.LessOrEqual(t, objects2, 2*objects+50, "allocations, n = %d", n)
				require.LessOrEqual(t, bytes2, 3*bytes+4<<10, "bytes, n = %d", n)
			}
		})
	}
}
