package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/gormtenant/gormtenant/internal/pgsession"
	"github.com/gormtenant/gormtenant/internal/tenantname"
	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/databases/credentials"
	"github.com/gormtenant/gormtenant/tenants"
)

// ErrNotConfirmed is returned if a database is to be deleted without the confirmation that the
// method's documentation asks for. Nothing was done.
var ErrNotConfirmed = errors.New("gormtenant: the deletion of the database is not confirmed")

// confirmed returns ErrNotConfirmed unless the confirmation is the one for the database.
func confirmed(d databases.Database, confirmation string) error {
	if want := "DELETE_DATABASE_" + d.Name; confirmation != want {
		return fmt.Errorf("%w: it takes the confirmation %q", ErrNotConfirmed, want)
	}
	return nil
}

// Deprovision ends all sessions of the tenant's role, drops its database with all that is in it,
// drops the role, and forgets the secret. confirmation must be DELETE_DATABASE_ and the name of the
// database, as in "DELETE_DATABASE_tenant_acme". Otherwise the error is [ErrNotConfirmed], which
// names it.
//
// What Provision did not make for this tenant is not touched: the error is [ErrNotOurs]. What is
// gone already is no error. If it fails or is killed, the same call again finishes the work; until
// then the role may be unable to log in. Close the tenant's pools first.
func (p *Postgres) Deprovision(ctx context.Context, t *tenants.Tenant, confirmation string) error {
	d, err := databaseOf(t)
	if err != nil {
		return err
	}
	if err := confirmed(d, confirmation); err != nil {
		return err
	}
	err = p.withLock(ctx, d, func(s *session, found state) error { return s.remove(ctx, found) })
	if err != nil {
		return fmt.Errorf("gormtenant: deprovision the database %q: %w", d.Name, err)
	}
	return nil
}

// Rotate gives the role of the tenant's database a new password, for a rotation or because the
// secrets have lost it. Open connections go on; later ones need the new secret. If it fails
// half-way, Provision makes role and secrets agree again.
func (p *Postgres) Rotate(ctx context.Context, t *tenants.Tenant) error {
	d, err := databaseOf(t)
	if err != nil {
		return err
	}
	err = p.withLock(ctx, d, func(s *session, found state) error {
		if err := s.check(found); err != nil {
			return err
		}
		if !found.role {
			return errors.New("it has no role: call Provision")
		}
		secret := credentials.Secret{User: tenantname.Role(d.Name), Password: newPassword()}
		password, err := verifier(secret.Password)
		if err != nil {
			return err
		}
		if err := p.secrets.Put(ctx, d, secret); err != nil {
			return err
		}
		return s.exec(ctx, "ALTER ROLE "+s.role()+" PASSWORD "+pgsession.Literal(password))
	})
	if err != nil {
		return fmt.Errorf("gormtenant: rotate the password of the database %q: %w", d.Name, err)
	}
	return nil
}

// withLock calls fn with the state of a database, while nobody else works on it.
func (p *Postgres) withLock(
	ctx context.Context, d databases.Database, fn func(s *session, found state) error,
) error {
	s, err := p.lock(ctx, d)
	if err != nil {
		return err
	}
	defer s.close(ctx)
	found, err := s.look(ctx)
	if err != nil {
		return err
	}
	return fn(s, found)
}
