package sqlscan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/sqlscan"
)

func TestTableRef(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]sqlscan.Ref{
		"projects":                        {Name: "projects"},
		" projects\n":                     {Name: "projects"},
		"projects p":                      {Name: "projects", Alias: "p"},
		"projects AS p":                   {Name: "projects", Alias: "p"},
		"projects as \"the p\"":           {Name: "projects", Alias: "the p"},
		`"public"."projects" p`:           {Schema: "public", Name: "projects", Alias: "p"},
		"app.public.projects":             {Schema: "public", Name: "projects"},
		"`projects`p":                     {Name: "projects", Alias: "p"},
		"[my-projects] p":                 {Name: "my-projects", Alias: "p"},
		"'projects'":                      {Name: "projects"},
		"projects /* the */ p":            {Name: "projects", Alias: "p"},
		"(?) AS t":                        {Alias: "t", Derived: true},
		"? AS t":                          {Alias: "t", Derived: true},
		"(SELECT a, b FROM users) AS t":   {Alias: "t", Derived: true},
		"(SELECT (1) FROM (users))t":      {Alias: "t", Derived: true},
		"(WITH a AS (SELECT 1) TABLE a)":  {Derived: true},
		"(VALUES (1), (2)) v":             {Alias: "v", Derived: true},
		"generate_series(1, f(2)) AS day": {Name: "generate_series", Alias: "day", Derived: true},
		"row":                             {Name: "row"},
	} {
		ref, single := sqlscan.TableRef(sql, sqlscan.Standard)
		require.True(t, single, sql)
		require.Equal(t, want, ref, sql)
	}
}

func TestTableRef_refuses_more_than_one_table(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{
		"", "?, users", "projects p, users u", "projects, users", "projects JOIN users ON 1",
		"projects p JOIN users", "projects NATURAL JOIN users", "projects LEFT", "projects CROSS",
		"projects AS", "projects AS p WHERE 1", "projects WHERE 1", "projects WHERE",
		"projects p q",
		"(projects)", "(projects) p", "(projects, users) p", "(projects JOIN users) p",
		"((SELECT 1) a JOIN users) p", "(SELECT 1) a, users", "(SELECT 1) a JOIN users",
		"(?, users) t", "ONLY projects", "LATERAL projects", "projects; DELETE FROM users",
		"projects -- x", "projects p)", "(projects", "projects 'p", "UPDATE projects",
		"FROM projects",
		"projects.", "projects.*", "projects 1", "projects ?", "projects TABLESAMPLE system (1)",
		"projects AS p (a, b)", "f(1) (2)", "projects UNION SELECT", "projects ORDER",
		"E'projects'",
		`U&"projects" UESCAPE '!'`, "projects /* /* */ , users /* */ */ p",
		"projects $a$, users $a$", "SELECT 1", "VALUES (1)", "1", "a[(1)]",
	} {
		ref, single := sqlscan.TableRef(sql, sqlscan.Standard)
		require.False(t, single, sql)
		require.Zero(t, ref, sql)
	}
}

func TestTableRef_MySQL(t *testing.T) {
	t.Parallel()
	ref, single := sqlscan.TableRef("`app`.`projects` /*! AS */ p", sqlscan.MySQL)
	require.True(t, single)
	require.Equal(t, sqlscan.Ref{Schema: "app", Name: "projects", Alias: "p"}, ref)

	_, single = sqlscan.TableRef("projects /*!50000 , users */", sqlscan.MySQL)
	require.False(t, single)
}
