package distribute_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/example/saas"
	"github.com/gormtenant/gormtenant/example/saas/sharded"
	"github.com/gormtenant/gormtenant/internal/testing/citustest"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/distribute"
)

var cluster = distribute.Citus()

// Where there is no Citus, Statements writes what would be run, and nothing else is done.
func TestCitus_without_the_extension(t *testing.T) {
	t.Parallel()
	db := open(t, pgtest.New(t), sharded.Models()...)
	require.NoError(t, db.AutoMigrate(sharded.Models()...))
	statements, err := distribute.Statements(db, cluster)
	require.NoError(t, err)
	require.Contains(t, statements, `SELECT create_distributed_table('"projects"', 'tenant_id', `+
		`colocate_with => '"users"')`)
	for _, err := range []error{
		distribute.Apply(t.Context(), db, cluster), distribute.Check(db, cluster),
		distribute.Isolate(t.Context(), db, "acme"),
	} {
		require.ErrorContains(t, err, "there is no Citus in this database")
	}
}

// Tables that belong to nobody are made reference tables before all others, without foreign keys.
func TestCitus_statements_with_a_reference_table(t *testing.T) {
	t.Parallel()
	db := open(t, pgtest.New(t))
	require.NoError(t, db.AutoMigrate(&country{}, &city{}))
	statements, err := distribute.Statements(db, cluster, &city{}, distribute.Reference(&country{}))
	require.NoError(t, err)
	require.Equal(t, []string{
		`ALTER TABLE "cities" DROP CONSTRAINT "fk_cities_country"`,
		`SELECT create_reference_table('"countries"')`,
		`SELECT create_distributed_table('"cities"', 'tenant_id', colocate_with => 'none')`,
		`ALTER TABLE "cities" ADD CONSTRAINT "fk_cities_country" ` +
			`FOREIGN KEY (country_id) REFERENCES countries(id)`,
		`-- when all is well: SELECT truncate_local_data_after_distributing_table('"cities"')`,
	}, statements)
}

// A foreign key to a table that is nobody's and was not given is in the way, whoever made it.
func TestCitus_refuses_a_foreign_key_to_a_local_table(t *testing.T) {
	t.Parallel()
	db := open(t, pgtest.New(t), &right{})
	require.NoError(t, db.AutoMigrate(&country{}, &right{}))
	exec(t, db, "ALTER TABLE rights ADD country_id bigint, ADD CONSTRAINT by_hand "+
		"FOREIGN KEY (country_id) REFERENCES countries (id)")
	_, err := distribute.Statements(db, cluster)
	require.ErrorContains(t, err, "rights: the foreign key by_hand refers to countries, a local "+
		"table")
	_, err = distribute.Statements(db, distribute.HashPartitions(2))
	require.NoError(t, err)
}

// onCluster returns the tables of package sharded, or of package saas, with rows, on a cluster.
func onCluster(t *testing.T, dsn string, ids bool) *gorm.DB {
	t.Helper()
	if !ids {
		db := open(t, dsn, sharded.Models()...)
		require.NoError(t, db.AutoMigrate(sharded.Models()...))
		fillSharded(t, db)
		return db
	}
	old := open(t, dsn, saas.Models()...)
	require.NoError(t, old.AutoMigrate(saas.Models()...))
	require.NoError(t, saas.SeedAcme(old.WithContext(asTenant(t, "acme"))))
	require.NoError(t, saas.SeedGlobex(old.WithContext(asTenant(t, "globex"))))
	return open(t, dsn, sharded.Models()...)
}

func TestCitus_distributes_tables_with_their_rows(t *testing.T) {
	t.Parallel()
	for name, ids := range map[string]bool{"keys_with_the_tenant": false, "keys_of_the_id": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := onCluster(t, citustest.New(t), ids)
			before := value[int](t, db, "SELECT count(*) FROM tasks")
			require.NoError(t, distribute.Apply(t.Context(), db, cluster))
			require.NoError(t, distribute.Check(db, cluster))
			require.NoError(t, distribute.Apply(t.Context(), db, cluster), "again")
			require.NoError(t, db.AutoMigrate(sharded.Models()...))
			require.Equal(t, before, value[int](t, db, "SELECT count(*) FROM tasks"))
			require.Equal(t, 7, value[int](t, db, "SELECT count(*) FROM pg_dist_partition "+
				"WHERE logicalrelid IN (SELECT to_regclass(n) FROM unnest($1::text[]) AS n) "+
				"AND partmethod = 'h'", tableNames))
			acme := db.WithContext(asTenant(t, "acme"))
			var project sharded.Project
			require.NoError(t, acme.Preload("Tags").Preload("Tasks").Preload("Owner").
				First(&project).Error)
			require.NotEmpty(t, project.Tags)
			require.NotNil(t, project.Owner)

			require.NoError(t, distribute.Isolate(t.Context(), db, "acme"))
			require.NoError(t, distribute.Isolate(t.Context(), db, "acme"), "again")
			require.NoError(t, distribute.Check(db, cluster))
			require.Equal(t, before, value[int](t, db, "SELECT count(*) FROM tasks"))
		})
	}
}

// An Apply that was killed is completed by the next one, wherever that was, and no foreign key is
// lost.
func TestCitus_apply_killed_between_two_statements(t *testing.T) {
	t.Parallel()
	const keys = "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conrelid IN " +
		"(SELECT to_regclass(n) FROM unnest($1::text[]) AS n)"
	for _, after := range []int{1, 2, 5, 12, 14, 16, 20, 24} {
		db := onCluster(t, citustest.New(t), false)
		want := value[int](t, db, keys, tableNames)
		require.ErrorIs(t, distribute.Apply(t.Context(), openFragile(t, db, after), cluster),
			errKilled)
		require.Error(t, distribute.Check(db, cluster))
		require.NoError(t, distribute.Apply(t.Context(), db, cluster))
		require.NoError(t, distribute.Check(db, cluster))
		require.Equal(t, want, value[int](t, db, keys, tableNames))
	}
}
