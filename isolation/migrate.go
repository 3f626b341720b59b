package isolation

import (
	"context"
	"errors"
	"iter"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/tenants"
)

// sharedTables is what migrations call the shared tables, where they speak of tenants.
const sharedTables = "shared tables"

// MigrateAll brings every place to the newest version: the shared tables by [SharedMigrations], and
// the schemas and databases by the migrations of their provisioners, one level after the other. The
// library's own tables are made where they are missing. Places that tenants have left are passed
// over.
//
// In its options and its errors, which are a [*migrations.PartialError] for each level, the shared
// tables are one tenant, whose ID is "shared tables". A level that fails does not keep the others
// from it. The same call again does what is left.
func (r *Tenants) MigrateAll(ctx context.Context, options ...migrations.Option) error {
	options = append([]migrations.Option{migrations.Progress(r.progress)}, options...)
	var errs []error
	if l, ok := r.levels[tenants.Rows].(rowsLevel); ok {
		one := func(ctx context.Context, _ *tenants.Tenant) ([]string, error) {
			// They are nobody's.
			return migrations.Apply(gormtenant.WithTenant(ctx, nil), l.db, r.sharedMigrations)
		}
		errs = append(errs, migrations.All(ctx, onlyShared{}, one, options...))
	}
	if l, ok := r.levels[tenants.Schema].(schemaLevel); ok {
		errs = append(errs, l.MigrateAll(ctx, options...))
	}
	if l, ok := r.levels[tenants.Database].(databaseLevel); ok {
		p, ok := l.provisioner.(interface {
			MigrateAll(
				ctx context.Context, lister tenants.Lister, options ...migrations.Option,
			) error
		})
		if !ok {
			errs = append(errs, errors.New("gormtenant: the provisioner of databases has no "+
				"MigrateAll: migrate them by yourself"))
		} else {
			errs = append(errs, p.MigrateAll(ctx, r.registry, options...))
		}
	}
	return errors.Join(errs...)
}

// onlyShared lists the shared tables.
type onlyShared struct{}

func (onlyShared) List(_ context.Context, after string) iter.Seq2[*tenants.Tenant, error] {
	return func(yield func(*tenants.Tenant, error) bool) {
		if after < sharedTables {
			yield(&tenants.Tenant{ID: sharedTables}, nil)
		}
	}
}
