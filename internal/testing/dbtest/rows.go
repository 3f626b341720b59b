package dbtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

// state is every row of all tables, as text.
type state struct {
	all    string
	shared string            // the rows that are everyone's
	of     map[string]string // those, the rows of a tenant, and those that join its rows
}

// Outcome is what came of a use of GORM: the rows of A before it and after it, and what it read.
type Outcome struct {
	Before, After string
	Read          []string
}

// Attack runs a use of GORM on the rows that Seed makes. The rows of B must be the same afterwards,
// byte for byte. It returns the error of run, and what came of it for A.
func (e *Env) Attack(t testing.TB, run func() error) (Outcome, error) {
	t.Helper()
	return e.attack(t, run, false)
}

// AttackShared is Attack of a use that may change the rows of shared tables, as everyone may.
func (e *Env) AttackShared(t testing.TB, run func() error) (Outcome, error) {
	t.Helper()
	return e.attack(t, run, true)
}

func (e *Env) attack(t testing.TB, run func() error, shared bool) (Outcome, error) {
	t.Helper()
	if !e.hears {
		e.record(t)
		e.hears = true
	}
	if !e.clean {
		e.Seed(t)
	}
	e.clean = false // run may end the test
	e.whatWasRead() // by what ended its test
	err := run()
	read := e.whatWasRead()
	now := e.look(t)
	e.clean = now.all == e.seeded.all
	theirs := now.of[B]
	if shared {
		theirs = e.seeded.shared + strings.TrimPrefix(theirs, now.shared)
	}
	require.Equal(t, e.seeded.of[B], theirs, "the rows of B")
	return Outcome{e.seeded.of[A], now.of[A], read}, err
}

// Seed puts the rows of both tenants back to what they were.
func (e *Env) Seed(t testing.TB) {
	t.Helper()
	switch {
	case e.alone:
		seed(t, e.Plain, map[int]string{0: A})
	case e.Own:
		for i, tenant := range []string{A, B} {
			seed(t, e.plainOf(tenant), map[int]string{i: tenant})
		}
	default:
		seed(t, e.Plain, map[int]string{0: A, 1: B})
	}
	if e.seeded.of == nil {
		e.seeded = e.look(t)
	}
	e.clean = true
}

// seed empties the tables of a database and inserts the rows of tenants, in one round trip.
func seed(t testing.TB, db *gorm.DB, tenants map[int]string) {
	t.Helper()
	var statements []string
	for _, table := range Tables {
		statements = append(statements, "DELETE FROM "+table)
	}
	statements = append(statements, "INSERT INTO countries (code, name) VALUES ('PT', 'Portugal')")
	for _, s := range []struct{ into, values string }{
		{
			"users (id, tenant_id, name, age, manager_id)",
			"(%[1]d1, '%[2]s', 'ann', 30, NULL), (%[1]d2, '%[2]s', 'bob', 40, %[1]d1)",
		},
		{"profiles (id, tenant_id, user_id, bio)", "(%[1]d1, '%[2]s', %[1]d1, 'bio')"},
		{
			"projects (id, tenant_id, name, budget, slug, owner_id, country_code)",
			"(%[1]d1, '%[2]s', 'site', 100, '%[2]s-site', %[1]d1, 'PT')," +
				"(%[1]d2, '%[2]s', 'app', 200, '%[2]s-app', %[1]d2, NULL)",
		},
		{
			"tasks (id, tenant_id, title, project_id)",
			"(%[1]d1, '%[2]s', 'plan', %[1]d1), (%[1]d2, '%[2]s', 'build', %[1]d1)",
		},
		{"tags (id, tenant_id, label)", "(%[1]d1, '%[2]s', 'red'), (%[1]d2, '%[2]s', 'blue')"},
		{
			"notes (id, tenant_id, text, subject_id, subject_type)",
			"(%[1]d1, '%[2]s', 'memo', %[1]d1, 'projects')",
		},
		{"project_tags (project_id, tag_id)", "(%[1]d1, %[1]d1)"},
		{"user_friends (user_id, friend_id)", "(%[1]d1, %[1]d2)"},
	} {
		for i := range 2 {
			if tenant, ok := tenants[i]; ok {
				values := fmt.Sprintf(s.values, i, tenant)
				statements = append(statements, "INSERT INTO "+s.into+" VALUES "+values)
			}
		}
	}
	switch db.Name() { // past the keys above, as below
	case "mysql":
		for _, table := range Tables[1:7] {
			statements = append(statements, "ALTER TABLE "+table+" AUTO_INCREMENT = 101")
		}
	case "postgres":
		var sequences []string
		for _, table := range Tables[1:7] {
			sequences = append(sequences, "setval(pg_get_serial_sequence('"+table+"', 'id'), 100)")
		}
		statements = append(statements, "SELECT "+strings.Join(sequences, ", "))
	}
	// Postgres takes the whole text as one transaction, the others each statement as its own.
	text := strings.Join(statements, ";\n")
	if db.Name() == "sqlite" {
		text += ";\nUPDATE sqlite_sequence SET seq = 100"
		text = "BEGIN;\n" + text + ";\nCOMMIT"
	}
	require.NoError(t, db.Exec(text).Error)
}

// Rows returns every row of a tenant as text, in order, and the rows that join its rows. Where
// tenants have tables of their own, it returns all that is there.
func (e *Env) Rows(t testing.TB, tenant string) string {
	t.Helper()
	return e.look(t).of[tenant]
}

// look reads all rows, with one query for each database.
func (e *Env) look(t testing.TB) state {
	t.Helper()
	if e.query == "" {
		e.query = rowsQuery(t, e.Plain)
	}
	if !e.Own {
		return read(t, e.Plain, e.query)
	}
	s := state{of: map[string]string{}}
	for _, tenant := range []string{A, B} {
		own := read(t, e.plainOf(tenant), e.query)
		if tenant == B {
			s.shared = own.shared
		}
		s.of[tenant] = own.all
		s.all += tenant + "\n" + own.all
	}
	return s
}

// rowsQuery is a query for the rows of all tables as text, and for the one or two tenants of each.
func rowsQuery(t testing.TB, db *gorm.DB) string {
	t.Helper()
	of := func(table, key string) string {
		return "coalesce((SELECT tenant_id FROM " + table + " o WHERE o.id = r." + key + "), '')"
	}
	var parts []string
	for _, table := range Tables {
		first, second := "coalesce(r.tenant_id, '')", "''"
		switch table {
		case "countries":
			first = "'*'" // everyone's
		case "project_tags":
			first, second = of("projects", "project_id"), of("tags", "tag_id")
		case "user_friends":
			first, second = of("users", "user_id"), of("users", "friend_id")
		}
		text := "'" + table + " ' || r::text"
		var columns []string
		switch db.Name() {
		case "sqlite":
			names := "SELECT 'quote(r.' || name || ')' FROM pragma_table_info('" + table + "')"
			require.NoError(t, db.Raw(names).Scan(&columns).Error)
			text = "'" + table + " ' || " + strings.Join(columns, " || ',' || ")
		case "mysql":
			names := "SELECT concat('quote(r.', column_name, ')') " +
				"FROM information_schema.columns " +
				"WHERE table_schema = database() AND table_name = '" + table + "' " +
				"ORDER BY ordinal_position"
			require.NoError(t, db.Raw(names).Scan(&columns).Error)
			text = "concat('" + table + " ', " + strings.Join(columns, ", ',', ") + ")"
		}
		parts = append(parts, fmt.Sprintf("SELECT %s, %s, %s FROM %s r",
			text, first, second, table))
	}
	return strings.Join(parts, "\nUNION ALL ")
}

func read(t testing.TB, db *gorm.DB, query string) state {
	t.Helper()
	rows, err := db.Raw(query).Rows()
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	type row struct{ text, first, second string }
	var all []row
	for rows.Next() {
		var r row
		require.NoError(t, rows.Scan(&r.text, &r.first, &r.second))
		all = append(all, r)
	}
	require.NoError(t, rows.Err())
	slices.SortFunc(all, func(a, b row) int { return strings.Compare(a.text, b.text) })
	s := state{of: map[string]string{}}
	for _, r := range all {
		s.all += r.text + "\n"
		if r.first == "*" {
			s.shared += r.text + "\n"
		}
		for _, tenant := range []string{A, B} {
			if r.first == "*" || r.first == tenant || r.second == tenant {
				s.of[tenant] += r.text + "\n"
			}
		}
	}
	return s
}
