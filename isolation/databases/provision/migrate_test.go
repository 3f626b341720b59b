package provision_test

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/databases/provision"
	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/tenants"
)

// provisioners runs test on either kind of database.
func provisioners(
	t *testing.T, test func(
		t *testing.T, s *site, with func(list ...migrations.Migration) provisioner),
) {
	t.Helper()
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		test(t, s, func(list ...migrations.Migration) provisioner {
			return s.provisioner(t, provision.Migrations(list...))
		})
	})
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(t.TempDir(), "data")
		test(t, &site{}, func(list ...migrations.Migration) provisioner {
			return newFiles(t, dir, provision.Migrations(list...))
		})
	})
}

func TestMigrateAll(t *testing.T) {
	t.Parallel()
	provisioners(
		t, func(t *testing.T, s *site, with func(list ...migrations.Migration) provisioner) {
			old, acme, zeta := with(notes), s.tenant("acme"), s.tenant("zeta")
			all := list{
				acme,
				zeta,
				s.tenant("bare"), // which was never provisioned
				{ID: "rows"},
				{ID: "schema", Placement: tenants.Placement{Level: tenants.Schema}},
				{ID: "mars", Placement: tenants.Placement{Level: tenants.Database, Server: "mars"}},
			}
			for _, tenant := range []*tenants.Tenant{acme, zeta} {
				require.NoError(t, old.Provision(t.Context(), tenant))
				defer deprovision(t, old, tenant)
			}
			broken := errBroken
			p := with(
				notes, migrations.Migration{
					Version: "002",
					Up: func(ctx context.Context, db *gorm.DB) error {
						if tenant, ok := tenants.FromContext(ctx); !ok || tenant.ID == zeta.ID {
							return broken
						}
						return db.Exec("CREATE TABLE second (id int)").Error
					},
				})
			var sql bytes.Buffer
			var partial *migrations.PartialError
			quiet := migrations.Progress(nil)
			err := p.MigrateAll(t.Context(), all, quiet, migrations.DryRun(&sql))
			require.ErrorAs(t, err, &partial)
			require.Contains(t, sql.String(), "CREATE TABLE second")

			require.ErrorAs(t, p.MigrateAll(t.Context(), all, quiet), &partial)
			require.Equal(t, []string{acme.ID}, partial.Applied)
			require.Len(t, partial.Failed, 2)
			require.Equal(
				t, []string{s.tenant("bare").ID, zeta.ID},
				[]string{partial.Failed[0].ID, partial.Failed[1].ID})
			require.ErrorIs(t, partial.Failed[0], databases.ErrNoDatabase)
			require.ErrorIs(t, partial.Failed[1], errBroken)

			broken = nil
			require.NoError(t, p.MigrateAll(t.Context(), list{acme, zeta}, quiet))
			require.NoError(
				t, p.MigrateAll(t.Context(), list{acme, zeta}, quiet, migrations.DryRun(&sql)))
			require.Contains(t, sql.String(), `tenant "`+zeta.ID+`": nothing to do`)
			require.Error(t, p.MigrateAll(t.Context(), nil))
		})
}

// Migrations see what GORM the application wants.
func TestOpenWith(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	f := newFiles(
		t, dir, provision.Migrations(notes),
		provision.OpenWith(func(d gorm.Dialector) (*gorm.DB, error) {
			return gorm.Open(
				d, &gorm.Config{NamingStrategy: schema.NamingStrategy{TablePrefix: "app_"}})
		}))
	require.NoError(t, f.Provision(t.Context(), acmeInFile()))
	require.True(t, opened(t, dir, "tenant_acme").Migrator().HasTable("app_notes"))

	failing := newFiles(t, dir, provision.OpenWith(func(gorm.Dialector) (*gorm.DB, error) {
		return nil, errBroken
	}))
	require.ErrorIs(t, failing.Provision(t.Context(), acmeInFile()), errBroken)
}
