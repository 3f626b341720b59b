package oracle

import (
	"fmt"
	"strings"
)

// The tenants. Programs run as A.
const (
	A = "acme"
	B = "zeta"
	C = "onyx"
)

// The keys of A's rows are 1 to 9, those of B's 11 to 19, those of C's 21 to 29. New rows get keys
// from 1001 on, in both databases.
const (
	firstOfOthers, lastOfOthers = 11, 29
	firstNew                    = 1001
)

// entity is a model, its table and what a snapshot needs of it.
type entity struct {
	name, table string
	// reference is the column of its foreign key, target the table that the key is of.
	reference, target string
	columns           []string // the others
}

const commentsTable, joinTable = "comments", "project_tags"

// entities are the models, each after those that it refers to.
var entities = []entity{
	{"User", "users", "manager_id", "users", []string{"name"}},
	{"Profile", "profiles", "user_id", "users", []string{"bio"}},
	{"Tag", "tags", "NULL", "", []string{"label"}},
	{"Project", "projects", "owner_id", "users", []string{"slug", "name"}},
	{"Task", "tasks", "project_id", "projects", []string{"title", "done"}},
	{"Comment", commentsTable, "subject_id", "", []string{"text", "subject_type", "deleted_at"}},
}

// secrets are texts of rows of B and C that no program holds, and how their tenant is shown.
var secrets = func() (list []string) {
	for _, tenant := range []string{B, C} {
		list = append(list, tenant+" bio", tenant+" tag", tenant+" task",
			`TenantID: "`+tenant+`"`, `"tenant_id": "`+tenant+`"`)
	}
	return list
}()

// rows of one tenant. %[1]d is the ten of its keys, %[2]s its ID.
var seeds = []string{
	"INSERT INTO users (id, tenant_id, name, manager_id) VALUES (%[1]d1, '%[2]s', 'ann', NULL), " +
		"(%[1]d2, '%[2]s', 'bob', %[1]d1), (%[1]d3, '%[2]s', 'cid', %[1]d2)",
	"INSERT INTO profiles (id, tenant_id, user_id, bio) VALUES (%[1]d1, '%[2]s', %[1]d1, 'red'), " +
		"(%[1]d2, '%[2]s', %[1]d2, '%[2]s bio')",
	"INSERT INTO tags (id, tenant_id, label) VALUES (%[1]d1, '%[2]s', 'red'), " +
		"(%[1]d2, '%[2]s', 'blue'), (%[1]d3, '%[2]s', '%[2]s tag')",
	"INSERT INTO projects (id, tenant_id, slug, name, owner_id) " +
		"VALUES (%[1]d1, '%[2]s', 'web', 'ann', %[1]d1), " +
		"(%[1]d2, '%[2]s', 'app', 'red', %[1]d2), (%[1]d3, '%[2]s', '%[2]s', '%[2]s own', %[1]d1)",
	"INSERT INTO tasks (id, tenant_id, title, done, project_id) " +
		"VALUES (%[1]d1, '%[2]s', 'red', true, %[1]d1), " +
		"(%[1]d2, '%[2]s', 'blue', false, %[1]d1), " +
		"(%[1]d3, '%[2]s', '%[2]s task', true, %[1]d2), (%[1]d4, '%[2]s', 'blue', false, %[1]d2)",
	"INSERT INTO comments (id, tenant_id, text, subject_id, subject_type, deleted_at) " +
		"VALUES (%[1]d1, '%[2]s', 'red', %[1]d1, 'projects', NULL), " +
		"(%[1]d2, '%[2]s', 'blue', %[1]d2, 'tasks', NULL), " +
		"(%[1]d3, '%[2]s', '%[2]s', %[1]d2, 'projects', '2026-01-01 00:00:00'), " +
		"(%[1]d4, '%[2]s', 'ann', %[1]d1, 'tasks', NULL)",
	"INSERT INTO project_tags (project_id, tag_id) VALUES (%[1]d1, %[1]d1), (%[1]d1, %[1]d2), " +
		"(%[1]d2, %[1]d2), (%[1]d3, %[1]d1)",
}

// Links across tenants, where no foreign key forbids them: what a bug before this library, or a
// plain foreign key today, left behind. Nothing may be read through them. Those in A's rows are in
// both databases.
var (
	linksOfA = []string{
		"INSERT INTO users (id, tenant_id, name, manager_id) VALUES (4, 'acme', 'dan', 13)",
		"INSERT INTO profiles (id, tenant_id, user_id, bio) VALUES (3, 'acme', 11, 'blue')",
		"INSERT INTO projects (id, tenant_id, slug, name, owner_id) " +
			"VALUES (4, 'acme', 'old', 'blue', 12)",
		"INSERT INTO tasks (id, tenant_id, title, done, project_id) " +
			"VALUES (5, 'acme', 'ann', true, 11)",
		"INSERT INTO comments (id, tenant_id, text, subject_id, subject_type) " +
			"VALUES (5, 'acme', 'dan', 11, 'projects')",
	}
	linksOfOthers = []string{
		"INSERT INTO users (id, tenant_id, name, manager_id) VALUES (14, 'zeta', 'dan', 1)",
		"INSERT INTO profiles (id, tenant_id, user_id, bio) VALUES (13, 'zeta', 3, 'blue'), " +
			"(14, 'zeta', 1, 'zeta')",
		"INSERT INTO projects (id, tenant_id, slug, name, owner_id) " +
			"VALUES (14, 'zeta', 'old', 'blue', 1)",
		"INSERT INTO tasks (id, tenant_id, title, done, project_id) " +
			"VALUES (15, 'zeta', 'ann', true, 1)",
		"INSERT INTO comments (id, tenant_id, text, subject_id, subject_type) " +
			"VALUES (15, 'zeta', 'dan', 1, 'projects')",
		"INSERT INTO project_tags (project_id, tag_id) VALUES (1, 13), (11, 1), (11, 23)",
	}
)

// restore returns the statements that put a database back to its first rows and sequences.
func restore(dialect string, shared, foreignKeys bool) string {
	statements := []string{"DELETE FROM " + joinTable}
	for i := len(entities) - 1; i >= 0; i-- {
		statements = append(statements, "DELETE FROM "+entities[i].table)
	}
	tenants := []string{A}
	if shared {
		tenants = append(tenants, B, C)
	}
	for i, tenant := range tenants {
		ten := fmt.Sprint(i)
		if i == 0 {
			ten = ""
		}
		for _, seed := range seeds {
			statements = append(statements, fmt.Sprintf(strings.ReplaceAll(seed, "%[1]d", "%[1]s"),
				ten, tenant))
		}
	}
	if !foreignKeys {
		statements = append(statements, linksOfA...)
		if shared {
			statements = append(statements, linksOfOthers...)
		}
	}
	for _, e := range entities {
		if dialect == "postgres" {
			statements = append(statements, fmt.Sprintf("SELECT setval('%s_id_seq', %d, false)",
				e.table, firstNew))
		} else {
			statements = append(statements, fmt.Sprintf("UPDATE sqlite_sequence SET seq = %d "+
				"WHERE name = '%s'", firstNew-1, e.table))
		}
	}
	return "BEGIN;\n" + strings.Join(statements, ";\n") + ";\nCOMMIT"
}
