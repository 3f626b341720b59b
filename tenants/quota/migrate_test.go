package quota_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/owntable"
	"github.com/gormtenant/gormtenant/tenants/quota"
)

// What makes the places of tenants makes the table as Migrate does.
func TestMigrate_finds_the_table_of_a_place(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			columns := func(migrate func(db *gorm.DB) error) (described []string) {
				db := open(t, dialectors[kind](t), &gorm.Config{})
				require.NoError(t, migrate(db))
				require.NoError(t, quota.Migrate(db), "it is there already")
				types, err := db.Migrator().ColumnTypes(&quota.Lock{})
				require.NoError(t, err)
				for _, c := range types {
					key, _ := c.PrimaryKey()
					null, _ := c.Nullable()
					described = append(described, c.Name(), c.DatabaseTypeName())
					if key {
						described = append(described, "key")
					} else if !null {
						described = append(described, "not null")
					}
				}
				return described
			}
			require.Equal(t, columns(quota.Migrate), columns(func(db *gorm.DB) error {
				return complete(t, db)
			}))
			require.Equal(t, columns(quota.Migrate), columns(func(db *gorm.DB) error {
				old := "CREATE TABLE tenant_quota_locks (tenant_id text, name text, " +
					"version bigint NOT NULL, PRIMARY KEY (tenant_id,name))"
				if kind == "sqlite" {
					old = strings.Replace(old, "bigint", "integer", 1)
				}
				return errors.Join(db.Exec(old).Error, complete(t, db), complete(t, db))
			}), "of an earlier version")
		})
	}
}

func complete(t *testing.T, db *gorm.DB) error {
	t.Helper()
	pool, err := db.DB()
	require.NoError(t, err)
	return owntable.Complete(t.Context(), pool, db.Name(), "")
}
