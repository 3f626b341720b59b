package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/gormtenant/gormtenant/tenants"
)

// Check returns what would make [Postgres.Provision] fail for the tenant, joined, as far as that
// can be known without making anything: a server that is not known or does not answer, a database
// or a role of that name that is not the tenant's ([ErrNotOurs]), rights that the admin lacks. It
// writes nothing.
func (p *Postgres) Check(ctx context.Context, t *tenants.Tenant) error {
	d, err := databaseOf(t)
	if err != nil {
		return err
	}
	var errs []error
	err = p.withLock(ctx, d, func(s *session, found state) error {
		errs = append(errs, s.check(found))
		var databases, roles bool
		if err := s.conn.QueryRow(ctx, "SELECT rolsuper OR rolcreatedb, "+
			"rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user").
			Scan(&databases, &roles); err != nil {
			return err
		}
		if !found.database && !databases {
			errs = append(errs, errors.New("the admin lacks CREATEDB"))
		}
		if !found.role && !roles {
			errs = append(errs, errors.New("the admin lacks CREATEROLE"))
		}
		return nil
	})
	if err := errors.Join(append(errs, err)...); err != nil {
		return fmt.Errorf("gormtenant: the database %q: %w", d.Name, err)
	}
	return nil
}

// Check returns what would make [Files.Provision] fail for the tenant, as far as that can be known
// without making anything: a name that cannot be a file's, or one that others can read.
func (f *Files) Check(_ context.Context, t *tenants.Tenant) error {
	d, err := databaseOf(t)
	if err != nil {
		return err
	}
	path, err := f.path(d)
	if err != nil {
		return err
	}
	if _, err := (&fileBuild{f: f, d: d, path: path}).exists(); err != nil {
		return fmt.Errorf("gormtenant: the database %q: %w", d.Name, err)
	}
	return nil
}
