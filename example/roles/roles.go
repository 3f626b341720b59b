// Package roles makes the roles of Postgres that the example connects as: policies hold neither a
// superuser nor a role with BYPASSRLS, so that an application must be another.
package roles

import (
	"context"
	"database/sql"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Role is a role that may log in.
type Role struct {
	Name string
	// Password is empty for a role that has none, as where the server trusts its clients.
	Password string
	// Bypass lets the role past policies.
	Bypass bool
	// Rights is what the role may do with tables, such as "SELECT, INSERT".
	Rights string
}

// Above reports whether the role that pool connects as is one that no policy holds.
func Above(ctx context.Context, pool *sql.DB) (above bool, err error) {
	err = pool.QueryRowContext(ctx,
		"SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user").Scan(&above)
	return above, err
}

// Ensure makes the role if there is none, and gives it its password and its rights on what is in
// the schema. It is not for several processes at once.
func Ensure(ctx context.Context, pool *sql.DB, schema string, role Role) error {
	exists, err := exists(ctx, pool, role.Name)
	if err != nil {
		return err
	}
	name, in := pgx.Identifier{role.Name}.Sanitize(), pgx.Identifier{schema}.Sanitize()
	var statements []string
	if !exists {
		statements = append(statements, "CREATE ROLE "+name+" NOSUPERUSER "+bypass(role.Bypass))
	}
	for _, statement := range append(statements,
		// Roles of tenants, whose member it may become, are not to give it their rights unasked.
		"ALTER ROLE "+name+" LOGIN NOINHERIT PASSWORD "+literal(role.Password),
		"GRANT USAGE ON SCHEMA "+in+" TO "+name,
		"GRANT "+role.Rights+" ON ALL TABLES IN SCHEMA "+in+" TO "+name,
		"GRANT USAGE ON ALL SEQUENCES IN SCHEMA "+in+" TO "+name,
	) {
		if _, err := pool.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// Drop removes a role and all its rights in the database, if there is one of that name.
func Drop(ctx context.Context, pool *sql.DB, name string) error {
	exists, err := exists(ctx, pool, name)
	if err != nil || !exists {
		return err
	}
	name = pgx.Identifier{name}.Sanitize()
	_, err = pool.ExecContext(ctx, "DROP OWNED BY "+name+"; DROP ROLE "+name)
	return err
}

func exists(ctx context.Context, pool *sql.DB, name string) (exists bool, err error) {
	err = pool.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)",
		name).Scan(&exists)
	return exists, err
}

func bypass(yes bool) string {
	if yes {
		return "BYPASSRLS"
	}
	return "NOBYPASSRLS"
}

// literal writes a password into SQL: the statements about roles take no arguments.
func literal(password string) string {
	if password == "" {
		return "NULL"
	}
	return "'" + strings.ReplaceAll(password, "'", "''") + "'"
}
