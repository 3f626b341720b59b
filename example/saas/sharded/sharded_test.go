package sharded_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/example/saas"
	"github.com/gormtenant/gormtenant/example/saas/sharded"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/distribute"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenanttest"
)

// update writes the files in testdata anew, for go test ./example/saas/sharded -update.
var update = flag.Bool("update", false, "write the files in testdata anew")

func open(t *testing.T, dsn string) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(postgres.Open(dsn), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	require.NoError(t, db.Use(tenantplugin.New(tenantplugin.CheckReferences())))
	return db
}

// The models are isolated on partitioned tables as they are on others.
func TestTenantIsolation_on_partitions(t *testing.T) {
	t.Parallel()
	tenanttest.Run(t, func(t *testing.T) *gorm.DB {
		t.Helper()
		db := open(t, pgtest.New(t))
		require.NoError(t, db.AutoMigrate(sharded.Models()...))
		require.NoError(t, distribute.Apply(t.Context(), db, distribute.HashPartitions(2),
			sharded.Models()...))
		return db
	}, sharded.Models()...)
}

// The files in testdata are what distribute writes for these models: on tables that AutoMigrate
// made of them, and on those of package saas, whose keys are the id alone. Those for partitions are
// run here.
func TestStatements(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		file   string
		models []any
		to     distribute.Target
	}{
		{"partitions.sql", sharded.Models(), distribute.HashPartitions(2)},
		{"partitions_from_ids.sql", saas.Models(), distribute.HashPartitions(2)},
		{"citus.sql", sharded.Models(), distribute.Citus()},
		{"citus_from_ids.sql", saas.Models(), distribute.Citus()},
	} {
		t.Run(test.file, func(t *testing.T) {
			t.Parallel()
			dsn := pgtest.New(t)
			old := open(t, dsn)
			require.NoError(t, old.AutoMigrate(test.models...))
			db := open(t, dsn)
			statements, err := distribute.Statements(db, test.to, sharded.Models()...)
			require.NoError(t, err)
			text := strings.Join(statements, ";\n") + ";\n"
			if *update {
				require.NoError(t, os.WriteFile("testdata/"+test.file, []byte(text), 0o600))
			}
			want, err := os.ReadFile("testdata/" + test.file)
			require.NoError(t, err)
			require.Equal(t, string(want), text)
			if test.to == distribute.Citus() {
				return
			}
			pool, err := db.DB()
			require.NoError(t, err)
			_, err = pool.ExecContext(t.Context(), "BEGIN;"+string(want)+"COMMIT")
			require.NoError(t, err)
			require.NoError(t, distribute.Check(db, test.to, sharded.Models()...))

			ctx := gormtenant.WithTenant(t.Context(), "acme")
			user := sharded.User{Name: "Ann"}
			require.NoError(t, db.WithContext(ctx).Create(&user).Error)
			require.NoError(t, db.WithContext(ctx).Create(&sharded.Project{
				Slug: "website", OwnerID: user.ID, Tags: []sharded.Tag{{Label: "urgent"}},
			}).Error)
		})
	}
}
