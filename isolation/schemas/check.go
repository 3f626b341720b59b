package schemas

import (
	"context"
	"errors"
	"fmt"
)

// Check returns what would make [Provisioner.Provision] fail for a tenant, joined, as far as that
// can be known without making anything: a schema or a role of its name that is not the tenant's
// ([ErrNotOurs]), and rights that the role of [NewProvisioner] lacks. It writes nothing.
func (s *Provisioner) Check(ctx context.Context, id any) error {
	o, err := s.of(ctx, id)
	if err != nil {
		return err
	}
	exists, err := o.exists(ctx, o.name)
	errs := []error{explain(o.name, err)}
	var creates, makesRoles bool
	err = o.pool.QueryRowContext(ctx,
		"SELECT has_database_privilege(current_database(), 'CREATE'), rolsuper OR rolcreaterole "+
			"FROM pg_roles WHERE rolname = current_user").Scan(&creates, &makesRoles)
	if err != nil {
		return errors.Join(append(errs, explain(o.name, err))...)
	}
	if !exists && !creates {
		errs = append(errs, fmt.Errorf("gormtenant: schema %q: the role of "+
			"schemas.NewProvisioner lacks CREATE on the database", o.name))
	}
	if !s.roles {
		return errors.Join(errs...)
	}
	there, err := o.roleExists(ctx, o.roleOf(o.name))
	errs = append(errs, explain(o.name, err))
	if err == nil && !there && !makesRoles {
		errs = append(errs, fmt.Errorf("gormtenant: schema %q: the role of "+
			"schemas.NewProvisioner lacks CREATEROLE", o.name))
	}
	return errors.Join(errs...)
}
