package rls

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
)

// ErrHole is what each finding of [Check] is: something that makes the protection void, or may.
var ErrHole = errors.New("hole in row-level security")

// Check looks for everything that would make row-level security void for the role that db is opened
// with, and returns all that it finds, joined, each with the statement that mends it. It is nil if
// there is nothing. Call it at start-up, and in CI, with the same models and options as [Enable].
//
// It finds: a role that is superuser, has BYPASSRLS, or can become one that does; the right to
// make temporary tables, which outlast a statement, unless [AllowTemporaryTables] is given; a table
// without row-level security, or owned by the role and not forced; a policy that is missing,
// differs from what Enable writes, or is another's and lets more through; a tenant column that may
// be NULL; a view that reads a table as its owner; a partition that can be reached past its table;
// the table of the quotas' locks, if there is one that the role may read, whether or not it is
// among the models; a pooler in front of the server with statements that are cached on the
// connection. It looks for rows as a tenant that nobody is, and, where the context of db has a
// tenant, for one row of that tenant's own: policies that let nothing through make every page
// empty, in silence.
//
// With [Citus] it finds tables that are forced, tables that the role owns or whose owner it can
// become, and a server that would not hand the tenant to its workers, where the role may be
// missing. Without that option it finds that the server is one of Citus.
//
// It is for the role that serves requests. [CheckOwner] is for the one that migrates. Errors other
// than ErrHole mean that it could not look.
func Check(db *gorm.DB, args ...any) error {
	return check(db, args, func(c *checker) error {
		if err := c.role(); err != nil {
			return err
		}
		if err := c.sessions(); err != nil {
			return err
		}
		for _, t := range c.tables {
			if err := c.table(t); err != nil {
				return fmt.Errorf("gormtenant: checking %s: %w", t.name, err)
			}
		}
		for _, look := range []func() error{c.library, c.cluster, c.ownRow} {
			if err := look(); err != nil {
				return err
			}
		}
		c.pooler()
		return nil
	})
}

// check looks with one connection, on which session_user and what it may do do not change.
func check(db *gorm.DB, args []any, look func(c *checker) error) error {
	p, err := newPolicies(db, args)
	if err != nil {
		return err
	}
	var holes []error
	err = db.Session(&gorm.Session{NewDB: true}).Connection(func(tx *gorm.DB) error {
		p.db = tx
		c := &checker{policies: p}
		if err := look(c); err != nil {
			return err
		}
		holes = c.holes
		return nil
	})
	return errors.Join(append(holes, err)...)
}

// checker collects what it finds.
type checker struct {
	*policies
	holes []error
}

// found notes a hole, and what mends it.
func (c *checker) found(mend, format string, args ...any) {
	c.holes = append(c.holes, fmt.Errorf("gormtenant: %w: %s: %s", ErrHole,
		fmt.Sprintf(format, args...), mend))
}

// role looks at what the role may do, and what it may become.
func (c *checker) role() error {
	var roles []struct {
		Name   string
		Super  bool
		Bypass bool
		Self   bool
	}
	err := c.db.Raw("SELECT rolname AS name, rolsuper AS super, rolbypassrls AS bypass, " +
		"rolname = session_user AS self FROM pg_roles " +
		"WHERE (rolsuper OR rolbypassrls) AND (rolname = session_user " +
		"OR pg_has_role(session_user, oid, 'MEMBER')) ORDER BY rolname").
		Scan(&roles).Error
	for _, r := range roles {
		name := quote(c.db, r.Name)
		switch {
		case r.Self && r.Super:
			c.found("connect as a role of its own: CREATE ROLE app LOGIN NOSUPERUSER NOBYPASSRLS",
				"the role %s is a superuser, whom no policy holds", name)
			return err // a superuser is a member of every role
		case r.Self:
			c.found("ALTER ROLE "+name+" NOBYPASSRLS", "the role %s has BYPASSRLS", name)
		default:
			c.found("REVOKE "+name+" FROM CURRENT_USER", "the role can SET ROLE to %s, "+
				"whom no policy holds", name)
		}
	}
	return err
}

// sessions looks for the right to leave something in a session that hides a table.
func (c *checker) sessions() error {
	if c.temporary {
		return nil
	}
	var found struct {
		Name      string
		Everybody bool
		Self      bool
	}
	err := c.db.Raw("SELECT quote_ident(datname) AS name, " +
		"EXISTS (SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) " +
		"WHERE grantee = 0 AND privilege_type = 'TEMPORARY') AS everybody, " +
		"EXISTS (SELECT FROM pg_roles AS r WHERE pg_has_role(session_user, r.oid, 'MEMBER') " +
		"AND has_database_privilege(r.oid, d.oid, 'TEMPORARY')) AS self " +
		"FROM pg_database AS d WHERE datname = current_database() " +
		"AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = session_user)").
		Scan(&found).Error
	const what = "the role may make temporary tables, which outlast its statements"
	switch {
	case err != nil:
		return err
	case found.Everybody:
		c.found("REVOKE TEMPORARY ON DATABASE "+found.Name+" FROM PUBLIC, and GRANT it to the "+
			"owner of the tables, who needs it to move tenants", what)
	case found.Self:
		c.found("REVOKE TEMPORARY ON DATABASE "+found.Name+" from it, and from the roles that it "+
			"is a member of", what)
	}
	return nil
}

// table looks at one table.
func (c *checker) table(t *table) error {
	s, err := stateOf(c.db, t.name)
	if err != nil {
		return err
	}
	name := quote(c.db, t.name)
	if s == nil {
		c.found("migrate, then rls.Enable", "there is no table %s", name)
		return nil
	}
	if err := c.protected(t, s); err != nil {
		return err
	}
	for _, look := range []func(t *table, s *state) error{
		c.owner, c.views, c.partitions, c.strangers,
	} {
		if err := look(t, s); err != nil {
			return err
		}
	}
	return nil
}

// protected looks at what holds everyone.
func (c *checker) protected(t *table, s *state) error {
	name := quote(c.db, t.name)
	if !s.Enabled {
		c.found("ALTER TABLE "+name+" ENABLE ROW LEVEL SECURITY", "%s has no row-level security",
			name)
	}
	switch {
	case c.citus && s.Forced:
		c.found("ALTER TABLE "+name+" NO FORCE ROW LEVEL SECURITY",
			"%s forces row-level security, with which Citus cannot move its shards", name)
	case !c.citus && !s.Forced:
		c.found("ALTER TABLE "+name+" FORCE ROW LEVEL SECURITY",
			"%s does not force row-level security on its owner", name)
	}
	if err := c.rules(t, s); err != nil {
		return err
	}
	return c.column(t, s)
}

// rules looks at the policies of a table.
func (c *checker) rules(t *table, s *state) error {
	name := quote(c.db, t.name)
	list, err := policiesOf(c.db, s.OID)
	own := false
	for _, policy := range list {
		switch {
		case policy.Name == policyName:
			own = true
			if !c.asWritten(t, policy) {
				c.found("rls.Enable, or the output of rls.Statements",
					"the policy of %s is not the one that Enable writes: USING %s WITH CHECK %s",
					name, policy.Using, policy.Check)
			}
		case policy.Permissive && policy.Ours:
			c.found("DROP POLICY "+quote(c.db, policy.Name)+" ON "+name+
				", or make it AS RESTRICTIVE",
				"the policy %s of %s is permissive: what it lets through is let through",
				policy.Name, name)
		}
	}
	if !own {
		c.found("rls.Enable, or the output of rls.Statements", "%s has no policy of gormtenant",
			name)
	}
	return err
}

// column looks at the tenant column.
func (c *checker) column(t *table, s *state) error {
	if t.column == "" {
		return nil
	}
	var columns []struct{ NotNull bool }
	err := c.db.Raw("SELECT attnotnull AS not_null FROM pg_attribute WHERE attrelid = ? "+
		"AND attname = ? AND NOT attisdropped", s.OID, t.column).
		Scan(&columns).Error
	name, column := quote(c.db, t.name), quote(c.db, t.column)
	switch {
	case err != nil:
		return err
	case len(columns) == 0:
		c.found("migrate", "%s has no column %s", name, column)
	case !columns[0].NotNull:
		c.found("ALTER TABLE "+name+" ALTER COLUMN "+column+" SET NOT NULL",
			"%s.%s may be NULL: such a row is nobody's", name, column)
	}
	if family(t.kind) != family(t.model) {
		c.found("rls.Disable, ALTER TABLE "+name+" ALTER COLUMN "+column+" TYPE "+t.model+" USING "+
			column+"::"+t.model+
			", rls.Enable; or tag the field with `type:"+t.kind+"`",
			"%s.%s is of the type %s, the model's field is %s: "+
				"what is one tenant to the application may be two, or none, to the server",
			name, column, t.kind, t.model)
	}
	return nil
}

// family returns a name for the types that compare their values alike.
func family(kind string) string {
	switch kind {
	case "character varying":
		return "text"
	case "smallint", "integer":
		return "bigint"
	}
	return kind
}

// views looks for views that read a table with the rights of their owner.
func (c *checker) views(_ *table, s *state) error {
	var views []struct {
		Name string
		Kind string
	}
	err := c.db.Raw("WITH RECURSIVE reads AS ("+
		"SELECT d.refobjid AS read, r.ev_class AS view FROM pg_depend AS d JOIN pg_rewrite AS r "+
		"ON r.oid = d.objid AND r.ev_class <> d.refobjid "+
		"WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass), "+
		"above AS (SELECT view FROM reads WHERE read = ? UNION SELECT reads.view FROM reads "+
		"JOIN above ON reads.read = above.view) "+
		"SELECT v.oid::regclass::text AS name, v.relkind::text AS kind FROM above "+
		"JOIN pg_class AS v ON v.oid = above.view "+
		"WHERE v.relkind IN ('v', 'm') AND has_table_privilege(v.oid, 'SELECT, INSERT, UPDATE, "+
		"DELETE') AND NOT EXISTS ("+
		"SELECT FROM pg_options_to_table(v.reloptions) WHERE option_name = 'security_invoker' "+
		"AND option_value::bool) ORDER BY 1", s.OID).
		Scan(&views).Error
	for _, view := range views {
		if view.Kind == "m" {
			c.found("REVOKE SELECT ON "+view.Name+" FROM CURRENT_USER",
				"the materialized view %s holds rows of all tenants", view.Name)
			continue
		}
		c.found("ALTER VIEW "+view.Name+" SET (security_invoker = true), from PostgreSQL 15; "+
			"before, REVOKE SELECT ON "+view.Name+" FROM CURRENT_USER",
			"the view %s reads its tables as its owner", view.Name)
	}
	return err
}

// partitions looks for partitions and children that can be read past their table.
func (c *checker) partitions(_ *table, s *state) error {
	var parts []string
	err := c.db.Raw("WITH RECURSIVE part AS (SELECT inhrelid FROM pg_inherits "+
		"WHERE inhparent = ? UNION "+
		"SELECT i.inhrelid FROM pg_inherits AS i JOIN part ON i.inhparent = part.inhrelid) "+
		"SELECT c.oid::regclass::text FROM part JOIN pg_class AS c ON c.oid = part.inhrelid "+
		"WHERE NOT (c.relrowsecurity AND c.relforcerowsecurity) "+
		"AND has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE') ORDER BY 1",
		s.OID).Scan(&parts).Error
	for _, part := range parts {
		c.found("REVOKE ALL ON "+part+" FROM CURRENT_USER, "+
			"or give it row-level security and a policy of its own",
			"the partition %s can be reached past its table's policy", part)
	}
	return err
}

// strangers looks for rows as a tenant that nobody is, and as no tenant at all.
func (c *checker) strangers(t *table, _ *state) error {
	for _, someone := range []struct {
		who string
		ctx context.Context
	}{{"a tenant that does not exist", stranger(c.db, t)}, {"no tenant", nobody(c.db)}} {
		// Past GORM's callbacks: the plugin refuses raw SQL unless it was told that this protects
		// it.
		rows, err := c.db.Statement.ConnPool.QueryContext(someone.ctx,
			"SELECT 1 FROM "+quote(c.db, t.name)+" LIMIT 1")
		if err != nil {
			return err
		}
		seen := rows.Next()
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		if seen {
			c.found("see the other findings, and open the database with rls.Open",
				"%s sees rows of %s", someone.who, quote(c.db, t.name))
		}
	}
	return nil
}

// stranger is the context of a tenant that does not exist.
func stranger(db *gorm.DB, t *table) context.Context {
	random := make([]byte, 16)
	_, _ = rand.Read(random) // never fails
	text := hex.EncodeToString(random)
	kind := t.kind
	if t.column == "" {
		kind = t.owners[0].Table.kind
	}
	var id any = text
	switch kind {
	case "uuid":
		id = strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:]}, "-")
	case "bigint", "integer", "smallint", "numeric":
		id = -int64(random[0])<<7 - int64(random[1]) - 1
	}
	return gormtenant.WithTenant(db.Statement.Context, id)
}

// nobody is a context without a tenant.
func nobody(db *gorm.DB) context.Context { return gormtenant.WithTenant(db.Statement.Context, nil) }

// pooler looks for a pooler between, which gives each transaction another connection of the server:
// statements that pgx prepared on one are not on the other. A pooler makes up the process ID that
// it tells its clients.
func (c *checker) pooler() {
	var told uint32
	var mode pgx.QueryExecMode
	if !onConnection(c.db, func(conn *pgx.Conn) {
		told, mode = conn.PgConn().PID(),
			conn.Config().DefaultQueryExecMode
	}) {
		return
	}
	var backend uint32
	if c.db.WithContext(nobody(c.db)).Raw("SELECT pg_backend_pid()").Row().Scan(&backend) != nil ||
		backend == told {
		return
	}
	if mode == pgx.QueryExecModeCacheStatement {
		c.found("add default_query_exec_mode=exec to the DSN, or cache_describe",
			"there is a pooler in front of the server, and statements are prepared on its "+
				"connections")
	}
}

// onConnection calls fn with pgx's connection. It reports whether there is one.
func onConnection(db *gorm.DB, fn func(conn *pgx.Conn)) (ok bool) {
	pool, isConn := db.Statement.ConnPool.(*sql.Conn)
	if !isConn {
		return false
	}
	_ = pool.Raw(func(raw any) error {
		var conn interface{ Conn() *pgx.Conn }
		if conn, ok = raw.(interface{ Conn() *pgx.Conn }); ok {
			fn(conn.Conn())
		}
		return nil
	})
	return ok
}
