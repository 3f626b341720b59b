package adopt_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/adopt"
	"github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/models"
)

// TestCheck breaks a database that was adopted, in the ways that AutoMigrate passes over, and mends
// it.
func TestCheck(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, says string
		sqlite     []string
		postgres   []string
		stays      bool // Apply cannot mend it
	}{
		{
			name: "index_of_the_right_name", says: "the index idx_projects_slug is over (slug), " +
				"and the model's over (tenant_id, slug)",
			sqlite: []string{
				"DROP INDEX idx_projects_slug",
				"CREATE UNIQUE INDEX idx_projects_slug ON projects (slug)",
			},
			postgres: []string{
				"DROP INDEX idx_projects_slug",
				"CREATE UNIQUE INDEX idx_projects_slug ON projects (slug)",
			},
		},
		{
			name: "twice_the_tenant", says: "the index twice has the tenant column 2 times",
			postgres: []string{"CREATE INDEX twice ON tags (tenant_id, tenant_id)"}, stays: true,
		},
		{
			name: "nullable", says: "the tenant column tenant_id can be NULL",
			postgres: []string{"ALTER TABLE tags ALTER COLUMN tenant_id DROP NOT NULL"},
		},
		{
			name: "default", says: "the tenant column tenant_id has the DEFAULT 'acme'",
			postgres: []string{"ALTER TABLE tags ALTER COLUMN tenant_id SET DEFAULT 'acme'"},
		},
		{
			name: "rows_of_nobody", says: "1 rows name no tenant",
			sqlite:   []string{"INSERT INTO tags (id, tenant_id) VALUES (90, '')"},
			postgres: []string{"INSERT INTO tags (id, tenant_id) VALUES (90, '')"},
		},
		{
			name: "no_index_over_the_key", says: "there is no unique index over (tenant_id, id)",
			sqlite:   []string{"DROP INDEX gormtenant_tags_key"},
			postgres: []string{"DROP INDEX gormtenant_tags_key"},
		},
		{
			name: "no_foreign_key",
			says: "there is no foreign key (tenant_id, project_id) " +
				"to projects",
			postgres: []string{
				"ALTER TABLE tasks DROP CONSTRAINT fk_projects_tasks",
				"ALTER TABLE tasks ADD CONSTRAINT fk_projects_tasks FOREIGN KEY (project_id) " +
					"REFERENCES projects (id)",
			},
		},
		{
			name: "rows_across",
			says: "1 rows refer by (project_id) to rows of another tenant in " +
				"projects",
			sqlite: []string{
				"PRAGMA foreign_keys = OFF", "UPDATE tasks SET tenant_id = 'zeta' WHERE id = 6",
			},
			postgres: []string{
				"ALTER TABLE tasks DROP CONSTRAINT fk_projects_tasks",
				"ALTER TABLE tasks DROP CONSTRAINT fk_tasks_parent",
				"UPDATE tasks SET tenant_id = 'zeta' WHERE id = 6",
			},
			stays: true,
		},
		{
			name: "joins_across", says: "project_tags: 1 rows join rows of two tenants",
			sqlite:   []string{"UPDATE tags SET tenant_id = 'zeta' WHERE id = 1"},
			postgres: []string{"UPDATE tags SET tenant_id = 'zeta' WHERE id = 1"},
			stays:    true,
		},
		{
			name: "no_table", says: "tasks: there is no such table: run AutoMigrate",
			sqlite: []string{"DROP TABLE tasks"}, postgres: []string{"DROP TABLE tasks"},
			stays: true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dbtest.Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
				db := legacy(t, open, 3)
				list := c.postgres
				if db.Name() == "sqlite" {
					list = c.sqlite
				}
				if list == nil {
					t.Skip("SQLite cannot be brought there")
				}
				require.NoError(t, adopt.Apply(t.Context(), db, all, options...))
				require.NoError(t, adopt.Check(db, all, options...))
				for _, text := range list {
					require.NoError(t, db.Exec(text).Error)
				}
				err := adopt.Check(db, all, options...)
				require.ErrorIs(t, err, adopt.ErrLeft)
				require.ErrorContains(t, err, c.says)
				for line := range strings.SplitSeq(err.Error(), "\n") {
					require.True(t, strings.HasPrefix(line, "gormtenant: adopt: "), line)
				}
				if c.stays {
					return
				}
				require.NoError(t, adopt.Apply(t.Context(), db, all, options...))
				require.NoError(t, adopt.Check(db, all, options...))
			})
		})
	}
}

// TestCheck_of_a_model that would make what is unique over all tenants again.
func TestCheck_of_a_model(t *testing.T) {
	t.Parallel()
	type invoice struct {
		ID uint
		models.TenantModel
		Number string `gorm:"unique"`
		Code   string `gorm:"uniqueIndex"`
	}
	dbtest.Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := open(&gorm.Config{})
		require.NoError(t, db.AutoMigrate(&invoice{}))
		err := adopt.Check(db, []any{&invoice{}})
		require.ErrorContains(t, err, "the tag unique of invoice.Number is over all tenants")
		require.ErrorContains(t, err,
			"the tag of the index idx_invoices_code of invoice has no tenant")
	})
}

// TestBad_input: each is a clear error, and nothing is written.
func TestBad_input(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := legacy(t, open, 1)
		type nobodys struct{ ID uint }
		for _, c := range []struct {
			name    string
			models  []any
			options []adopt.Option
			says    string
		}{
			{"no_tenant", all, nil, "rows of projects name no tenant: say whose they are with " +
				"adopt.Tenant(id)"},
			{"empty_tenant", all, []adopt.Option{adopt.Tenant("")}, "adopt.Tenant needs the ID"},
			{"no_pages", all, []adopt.Option{adopt.Batch(0)}, "adopt.Batch needs at least 1 page"},
			{"nil_option", all, []adopt.Option{nil}, "adopt.Apply: option 1 is nil"},
			{"no_tenant_model", []any{&nobodys{}}, nil, "was given no model with a tenant field"},
			{"no_model", []any{"projects"}, nil, "gormtenant: "},
		} {
			err := adopt.Apply(t.Context(), db, c.models, c.options...)
			require.ErrorContains(t, err, c.says, c.name)
			require.False(t, db.Migrator().HasColumn("projects", "tenant_id"), c.name)
		}
		type missing struct {
			ID uint
			models.TenantModel
		}
		err := adopt.Apply(t.Context(), db, []any{&missing{}}, options...)
		require.ErrorContains(t, err, "there is no table missings: run AutoMigrate for it first")
	})
}

// TestKeepDefault: a version of the application that does not know the column runs on, until the
// default is taken away.
func TestKeepDefault(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := legacy(t, open, 1)
		if db.Name() == "sqlite" {
			t.Skip("on SQLite all is one transaction, and there is no default")
		}
		kept := append([]adopt.Option{adopt.KeepDefault()}, options...)
		require.NoError(t, adopt.Apply(t.Context(), db, all, kept...))
		require.NoError(t, db.Create(&oldTag{Label: "of a version that knows no tenants"}).Error)
		err := adopt.Check(db, all, options...)
		require.ErrorContains(t, err, "tags: the tenant column tenant_id has the DEFAULT 'acme'")

		require.NoError(t, adopt.Apply(t.Context(), db, all, options...))
		require.NoError(t, adopt.Check(db, all, options...))
		require.Error(t, db.Create(&oldTag{Label: "x"}).Error)
		enforces(t, db)
	})
}
