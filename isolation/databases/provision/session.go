package provision

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/gormtenant/gormtenant/internal/placemark"
	"github.com/gormtenant/gormtenant/internal/tenantname"
	"github.com/gormtenant/gormtenant/isolation/databases"
)

// session is an admin's connection that works on one database, while nobody else does.
type session struct {
	conn *pgx.Conn
	p    *Postgres
	d    databases.Database
}

// lock connects as admin, and waits for others that work on this database. The connection holds the
// lock.
func (p *Postgres) lock(ctx context.Context, d databases.Database) (*session, error) {
	config, err := p.servers.admin(d)
	if err != nil {
		return nil, err
	}
	// one round trip, and nothing that a pooler could mix up
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect as admin: %w", err)
	}
	sum := sha256.Sum256([]byte("gormtenant database " + d.Name))
	key := int64(binary.BigEndian.Uint64(sum[:])) //nolint:gosec // any 64 bits will do
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", key); err != nil {
		_ = conn.Close(ctx)
		return nil, fmt.Errorf("wait for the lock: %w", err)
	}
	return &session{conn: conn, p: p, d: d}, nil
}

// close ends the connection, and with it the lock.
func (s *session) close(ctx context.Context) { _ = s.conn.Close(ctx) }

// state is what exists of a database and its role.
type state struct {
	role     bool
	mark     mark
	database bool
	owned    bool // the database is the role's
	broken   bool // Postgres was cut off when it dropped the database
	opened   bool // tenants could connect to it at some time
	self     bool // it is where the admin is, or who
}

func (s *session) look(ctx context.Context) (found state, err error) {
	var onRole, onDatabase string
	err = s.conn.QueryRow(ctx, `SELECT r.oid IS NOT NULL,
		coalesce(shobj_description(r.oid, 'pg_authid'), ''),
		d.oid IS NOT NULL, coalesce(d.datdba = r.oid, false), coalesce(d.datconnlimit = -2, false),
		coalesce(d.datallowconn, false), coalesce(shobj_description(d.oid, 'pg_database'), ''),
		$1::name = current_database() OR $2::name IN (current_user, session_user)
		FROM (SELECT) one LEFT JOIN pg_roles r ON r.rolname = $2::name
		LEFT JOIN pg_database d ON d.datname = $1::name`,
		s.d.Name, tenantname.Role(s.d.Name)).Scan(
		&found.role, &onRole, &found.database, &found.owned, &found.broken, &found.opened,
		&onDatabase, &found.self)
	if err != nil {
		return found, fmt.Errorf("look for it: %w", err)
	}
	found.mark = placemark.Read(onRole)
	// An administrator may have closed a database that was open once.
	found.opened = !found.broken && (found.opened || placemark.Read(onDatabase) != mark{})
	return found, nil
}

// check returns ErrNotOurs if something that exists is not the tenant's.
func (s *session) check(found state) error {
	switch {
	case found.self:
		return fmt.Errorf("%w: it is the admin's own", ErrNotOurs)
	case found.role && !s.p.owns(found.mark, s.d):
		return fmt.Errorf("%w: the role %q", ErrNotOurs, tenantname.Role(s.d.Name))
	case found.database && !found.owned:
		return fmt.Errorf("%w: the database %q", ErrNotOurs, s.d.Name)
	}
	return nil
}

// exec runs statements, all in one transaction if there are several.
func (s *session) exec(ctx context.Context, statements ...string) error {
	_, err := s.conn.Exec(ctx, strings.Join(statements, ";\n"), pgx.QueryExecModeSimpleProtocol)
	return err
}

// name is the quoted name of the database.
func (s *session) name() string { return pgx.Identifier{s.d.Name}.Sanitize() }

// role is the quoted name of its role.
func (s *session) role() string { return pgx.Identifier{tenantname.Role(s.d.Name)}.Sanitize() }
