package distribute_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/example/saas/sharded"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/distribute"
	"github.com/gormtenant/gormtenant/isolation/rls"
)

var four = distribute.HashPartitions(4)

// done asserts that nothing is left to do.
func done(t *testing.T, db *gorm.DB) {
	t.Helper()
	require.NoError(t, distribute.Check(db, four))
	statements, err := distribute.Statements(db, four)
	require.NoError(t, err)
	require.Empty(t, statements)
}

func TestApply_partitions_tables_with_their_rows(t *testing.T) {
	t.Parallel()
	db := shardedRows(t)
	require.ErrorContains(t, distribute.Check(db, four), "users is not partitioned")
	rows, before := contents(t, db), shape(t, db)

	require.NoError(t, distribute.Apply(t.Context(), db, four))
	require.Equal(t, rows, contents(t, db))
	require.Equal(t, before, shape(t, db), "keys, indexes and defaults are what they were")
	done(t, db)
	require.NoError(t, db.AutoMigrate(sharded.Models()...))
	require.Equal(t, before, shape(t, db), "a migration has nothing to do")
	require.NoError(t, distribute.Apply(t.Context(), db, four), "again")

	task := sharded.Task{Title: "three", ProjectID: 1}
	require.NoError(t, db.WithContext(asTenant(t, "acme")).Create(&task).Error)
	require.EqualValues(t, 7, task.ID, "the sequence goes on")
	plan := value[string](t, db, "SELECT count(*) FROM pg_inherits "+
		"WHERE inhparent = 'tasks'::regclass")
	require.Equal(t, "4", plan)
	pool, err := db.DB()
	require.NoError(t, err)
	lines, err := pool.QueryContext(t.Context(), "EXPLAIN SELECT * FROM tasks WHERE id = 1 "+
		"AND tenant_id = 'acme'")
	require.NoError(t, err)
	defer func() { _ = lines.Close() }()
	var explained strings.Builder
	for lines.Next() {
		var line string
		require.NoError(t, lines.Scan(&line))
		explained.WriteString(line)
	}
	require.NoError(t, lines.Err())
	require.Equal(t, 1, strings.Count(explained.String(), "Scan"), explained.String())
}

// What tables have besides their rows is not lost with them: least of all what protects them.
func TestApply_keeps_policies_rights_and_triggers(t *testing.T) {
	t.Parallel()
	db := shardedRows(t)
	role := "app_" + value[string](t, db, "SELECT current_database()")
	exec(t, db, "CREATE ROLE "+role+" LOGIN PASSWORD 'secret'")
	t.Cleanup(func() {
		_ = db.Exec("DROP OWNED BY " + role).Error
		_ = db.Exec("DROP ROLE " + role).Error
	})
	exec(t, db,
		"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO "+role,
		"GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO "+role,
		"GRANT SELECT ON tasks TO PUBLIC",
		// New tables get more rights than the old ones have left.
		"ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO "+role,
		"CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS "+
			"$$ BEGIN NEW.title := upper(NEW.title); RETURN NEW; END $$",
		"CREATE TRIGGER shout BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION note()",
		"CREATE POLICY less ON tasks AS RESTRICTIVE FOR SELECT TO "+role+" USING (title <> 'x')",
		"COMMENT ON COLUMN tasks.title IS 'what to do'",
		"CREATE INDEX idx_tasks_open ON tasks (tenant_id, lower(title)) WHERE NOT done",
		"ALTER TABLE tasks ADD CONSTRAINT titled CHECK (title <> '')",
	)
	rights := func() string {
		return value[string](t, db, "SELECT string_agg(line, E'\n' ORDER BY line) FROM ("+
			"SELECT table_name || grantee || privilege_type AS line "+
			"FROM information_schema.table_privileges WHERE grantee <> current_user "+
			"AND table_name = ANY ($1) UNION ALL "+
			"SELECT tablename || policyname || permissive || roles::text || cmd || "+
			"coalesce(qual, '') || coalesce(with_check, '') FROM pg_policies UNION ALL "+
			"SELECT relname || relrowsecurity || relforcerowsecurity FROM pg_class "+
			"WHERE relname = ANY ($1) UNION ALL SELECT tgname FROM pg_trigger WHERE NOT "+
			"tgisinternal AND tgparentid = 0 UNION ALL SELECT "+
			"col_description('tasks'::regclass, attnum) FROM pg_attribute "+
			"WHERE attrelid = 'tasks'::regclass AND attname = 'title') AS lines",
			tableNames)
	}
	require.NoError(t, rls.Enable(db))
	before, rows, columns := rights(), contents(t, db), shape(t, db)
	require.NoError(t, distribute.Apply(t.Context(), db, four))
	require.Equal(t, before, rights())
	require.Equal(t, rows, contents(t, db))
	require.Equal(t, columns, shape(t, db))
	require.False(t, value[bool](t, db, "SELECT bool_or(has_table_privilege($1, inhrelid, "+
		"'SELECT, INSERT, UPDATE, DELETE')) FROM pg_inherits WHERE inhparent = 'users'::regclass",
		role), "a partition cannot be read past the policy of its table")
	require.NoError(t, rls.Enable(db), "again")
}

// The owner of a table is held by a forced policy too, and would copy no rows.
func TestApply_copies_rows_that_a_policy_hides_from_the_owner(t *testing.T) {
	t.Parallel()
	db := shardedRows(t)
	role := "owner_" + value[string](t, db, "SELECT current_database()")
	exec(t, db, "CREATE ROLE "+role)
	t.Cleanup(func() { _ = db.Exec("DROP ROLE " + role).Error })
	exec(t, db, "GRANT CREATE ON SCHEMA public TO "+role)
	for _, table := range tableNames {
		exec(t, db, "ALTER TABLE "+table+" OWNER TO "+role)
	}
	require.NoError(t, rls.Enable(db))
	rows := contents(t, db)
	pool, err := db.DB()
	require.NoError(t, err)
	pool.SetMaxOpenConns(1)
	exec(t, db, "SET ROLE "+role)
	require.NoError(t, distribute.Apply(t.Context(), db, four))
	exec(t, db, "RESET ROLE")
	require.Equal(t, rows, contents(t, db))
	require.Equal(t, role, value[string](t, db,
		"SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'users'::regclass"))
	exec(t, db, "DROP OWNED BY "+role)
}

func TestApply_brings_tables_from_id_keys_to_keys_with_the_tenant(t *testing.T) {
	t.Parallel()
	db := idRows(t)
	require.NoError(t, distribute.Apply(t.Context(), db, four))
	done(t, db)
	before := shape(t, db)
	require.NoError(t, db.AutoMigrate(sharded.Models()...))
	require.Equal(t, before, shape(t, db), "a migration has nothing to do")
	require.Equal(t, 4, value[int](t, db, "SELECT count(*) FROM projects"))
	require.Equal(t, 6, value[int](t, db, "SELECT count(*) FROM project_tags"))

	var project sharded.Project
	acme := db.WithContext(asTenant(t, "acme"))
	require.NoError(t, acme.Preload("Tags").Preload("Tasks").Preload("Owner").
		First(&project, "slug = ?", "mobile").Error)
	require.Len(t, project.Tags, 2)
	require.Len(t, project.Tasks, 1)
	require.Equal(t, "Bob", project.Owner.Name)
	pool, err := db.DB()
	require.NoError(t, err)
	_, err = pool.ExecContext(t.Context(), "UPDATE projects SET owner_id = "+
		"(SELECT id FROM users WHERE tenant_id = 'globex') WHERE slug = 'mobile'")
	require.ErrorContains(t, err, "fk_projects_owner", "the database itself keeps tenants apart "+
		"now")
}

// A link from one tenant's row to another's, which id keys allow, is found by the new foreign key.
func TestApply_refuses_rows_that_cross_tenants(t *testing.T) {
	t.Parallel()
	db := idRows(t)
	exec(t, db, "UPDATE projects SET owner_id = (SELECT id FROM users "+
		"WHERE tenant_id = 'globex') WHERE slug = 'mobile'")
	rows, before := contents(t, db), shape(t, db)
	err := distribute.Apply(t.Context(), db, four)
	require.ErrorContains(t, err, "rows refer to another tenant's")
	require.ErrorContains(t, err, "fk_projects_owner")
	require.Equal(t, rows, contents(t, db))
	require.Equal(t, before, shape(t, db), "nothing was changed")
}

// A table that is large is not written anew by a program that starts: the steps are printed.
func TestApply_prints_the_steps_for_a_large_table(t *testing.T) {
	t.Parallel()
	db := idRows(t)
	exec(t, db, "ALTER TABLE comments SET (fillfactor = 10)",
		"INSERT INTO comments (tenant_id, text) SELECT 'acme', repeat('x', 700) "+
			"FROM generate_series(1, 8800)")
	before := shape(t, db)
	err := distribute.Apply(t.Context(), db, four)
	require.ErrorIs(t, err, distribute.ErrLarge)
	require.ErrorContains(t, err, "comments has 6")
	require.Equal(t, before, shape(t, db), "nothing was changed")
	_, steps, _ := strings.Cut(err.Error(), "nobody writes:\n")

	exec(t, db, "BEGIN;"+steps+"COMMIT")
	done(t, db)
	require.Equal(t, 8800, value[int](t, db, "SELECT count(*) FROM comments"))
}

func TestApply_may_be_called_by_several_at_once(t *testing.T) {
	t.Parallel()
	db := shardedRows(t)
	var group sync.WaitGroup
	errs := make([]error, 3)
	for i := range errs {
		group.Go(func() { errs[i] = distribute.Apply(t.Context(), db, four) })
	}
	group.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	done(t, db)
}

// Each is a state of the database in which nothing can be done, and what is said of it.
func TestApply_refuses_what_it_would_lose_or_cannot_do(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, makes, says string }{
		{
			"half_partitioned", "DROP TABLE comments; CREATE TABLE comments (tenant_id text, id " +
				"bigint, text text, subject_id bigint, subject_type text, deleted_at " +
				"timestamptz, " +
				"PRIMARY KEY (tenant_id, id)) PARTITION BY HASH (tenant_id); CREATE TABLE " +
				"comments_p0 " +
				"PARTITION OF comments FOR VALUES WITH (MODULUS 4, REMAINDER 0)",
			"comments has 1 partitions and not 4",
		},
		{
			"partitioned_otherwise", "DROP TABLE comments; CREATE TABLE comments (tenant_id " +
				"text, id " +
				"bigint, text text, subject_id bigint, subject_type text, deleted_at " +
				"timestamptz, " +
				"PRIMARY KEY (tenant_id, id)) PARTITION BY RANGE (id)",
			"comments is partitioned already, by RANGE (id) and not by HASH (tenant_id)",
		},
		{
			"two_types", "ALTER TABLE comments ALTER tenant_id TYPE varchar(40)",
			"they cannot be together: ALTER TABLE",
		},
		{"nullable", "ALTER TABLE comments DROP CONSTRAINT comments_pkey, ALTER tenant_id DROP " +
			"NOT " +
			"NULL, " +
			"ADD PRIMARY KEY (id)", `comments.tenant_id may be NULL`},
		{"no_key", "ALTER TABLE comments DROP CONSTRAINT comments_pkey", "comments has no " +
			"primary key"},
		{"view", "CREATE VIEW talk AS SELECT * FROM comments", "comments: the view talk reads it"},
		{
			"unique_by_hand", "CREATE UNIQUE INDEX by_hand ON comments (text)",
			"comments: the unique index by_hand has no tenant_id",
		},
		{
			"nobodys_table_refers", "ALTER TABLE users ADD CONSTRAINT one UNIQUE (tenant_id, " +
				"id, name); " +
				"CREATE TABLE audits (org text, actor bigint); ALTER TABLE users ADD UNIQUE " +
				"(id); " +
				"ALTER TABLE audits ADD CONSTRAINT who FOREIGN KEY (actor) REFERENCES users (id)",
			"audits: the foreign key who refers to users, a tenants' table",
		},
		{
			"set_null_by_hand", "ALTER TABLE comments ADD project_id bigint, ADD CONSTRAINT " +
				"about " +
				"FOREIGN KEY (tenant_id, project_id) REFERENCES projects (tenant_id, id) ON " +
				"DELETE SET NULL",
			"about: ON DELETE SET NULL would empty tenant_id",
		},
		{"rights_on_a_column", "GRANT SELECT (text) ON comments TO PUBLIC", "its column text " +
			"has rights"},
		{"publication", "CREATE PUBLICATION changes FOR TABLE comments", "in the publication " +
			"changes"},
		{"no_table", "DROP TABLE comments", "there is no table comments: migrate first"},
		{"child", "CREATE TABLE old () INHERITS (comments)", "the table old inherits from it"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := open(t, pgtest.New(t), sharded.Models()...)
			require.NoError(t, db.AutoMigrate(sharded.Models()...))
			exec(t, db, test.makes)
			before := shape(t, db)
			require.ErrorContains(t, distribute.Check(db, four), test.says)
			_, err := distribute.Statements(db, four)
			require.ErrorContains(t, err, test.says)
			require.ErrorContains(t, distribute.Apply(t.Context(), db, four), test.says)
			require.Equal(t, before, shape(t, db), "nothing was changed")
		})
	}
}

// A name that is as long as Postgres takes it leaves no place for the number of a partition.
func TestApply_names_partitions_of_long_names(t *testing.T) {
	t.Parallel()
	type Thing struct {
		TenantID string `gorm:"tenant;primaryKey"`
		ID       uint   `gorm:"primaryKey"`
	}
	long := strings.Repeat("n", 62)
	db := open(t, pgtest.New(t))
	for _, name := range []string{long + "a", long + "b"} {
		require.NoError(t, db.Table(name).AutoMigrate(&Thing{}))
	}
	require.NoError(t, db.AutoMigrate(&Thing{}))
	require.NoError(t, distribute.Apply(t.Context(), db, four))
	done(t, db)
	require.Equal(t, 12, value[int](t, db, "SELECT count(*) FROM pg_inherits i "+
		"JOIN pg_class c ON c.oid = i.inhparent WHERE c.relkind = 'p'"))
}

func TestApply_begins_its_own_transactions(t *testing.T) {
	t.Parallel()
	db := shardedRows(t)
	require.ErrorContains(t, db.Transaction(func(tx *gorm.DB) error {
		return distribute.Apply(t.Context(), tx, four)
	}), "call it outside of one")
}

// An Apply that is killed has changed nothing, wherever that was.
func TestApply_killed_between_two_statements(t *testing.T) {
	t.Parallel()
	db := shardedRows(t)
	rows, before := contents(t, db), shape(t, db)
	statements, err := distribute.Statements(db, four)
	require.NoError(t, err)
	for _, after := range []int{1, 3, len(statements) / 2, len(statements) - 1} {
		fragile := openFragile(t, db, after)
		err := distribute.Apply(context.WithoutCancel(t.Context()), fragile, four)
		require.ErrorIs(t, err, errKilled, fmt.Sprint(after))
		require.Equal(t, before, shape(t, db))
	}
	require.NoError(t, distribute.Apply(t.Context(), db, four))
	require.Equal(t, rows, contents(t, db))
	done(t, db)
}
