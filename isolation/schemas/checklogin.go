package schemas

import (
	"context"
	"errors"
	"fmt"
)

// ErrHole is what each finding of [Provisioner.CheckLogin] is.
var ErrHole = errors.New("hole in the isolation of schemas")

// loginQuery reads what the role with the name $1 may do, itself or as a role that it is a member
// of.
const loginQuery = `SELECT r.rolsuper, quote_ident(d.datname),
	EXISTS (SELECT FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba)))
		WHERE grantee = 0 AND privilege_type = 'TEMPORARY'),
	EXISTS (SELECT FROM pg_roles AS o WHERE pg_has_role(r.oid, o.oid, 'MEMBER')
		AND has_database_privilege(o.oid, d.oid, 'TEMPORARY'))
FROM pg_roles AS r, pg_database AS d WHERE r.rolname = $1 AND d.datname = current_database()`

// CheckLogin looks for rights of the role of [Login] by which one tenant can meet what another did,
// and returns all that it finds, joined, each with the statement that mends it. It is nil if there
// is nothing. Call it when the application is deployed.
//
// It finds: a superuser, whom nothing is denied; the right to make temporary tables, which outlast
// a statement, of the role itself, of PUBLIC, or of a role that it can become. Errors other than
// [ErrHole] mean that it could not look.
func (s *Provisioner) CheckLogin(ctx context.Context) error {
	if s.login == "" {
		return errors.New("gormtenant: schemas.CheckLogin needs Login, the role that the " +
			"application logs in as")
	}
	rows, err := s.db.Statement.ConnPool.QueryContext(ctx, loginQuery, s.login)
	if err != nil {
		return fmt.Errorf("gormtenant: schemas.CheckLogin: %w", err)
	}
	defer func() { _ = rows.Close() }()
	if !rows.Next() {
		return errors.Join(rows.Err(),
			fmt.Errorf("gormtenant: schemas.Login(%q): there is no such role", s.login))
	}
	var super, everybody, becomes bool
	var database string
	if err := rows.Scan(&super, &database, &everybody, &becomes); err != nil {
		return fmt.Errorf("gormtenant: schemas.CheckLogin: %w", err)
	}
	role := quote(s.login)
	const temporary = "the role %s may make temporary tables, which outlast its statements: "
	switch {
	case super:
		return found("the role %s is a superuser, whom nothing is denied: ALTER ROLE %s "+
			"NOSUPERUSER", role, role)
	case everybody:
		return found(temporary+"REVOKE TEMPORARY ON DATABASE %s FROM PUBLIC, and GRANT it to the "+
			"owner of the schemas, who needs it to move tenants", role, database)
	case becomes:
		return found(temporary+"REVOKE TEMPORARY ON DATABASE %s from it, and from the roles that "+
			"it is a member of", role, database)
	}
	return nil
}

func found(format string, args ...any) error {
	return fmt.Errorf("gormtenant: %w: "+format, append([]any{ErrHole}, args...)...)
}
