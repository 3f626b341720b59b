package rls

import (
	"github.com/gormtenant/gormtenant"
)

// owner looks for a role that no policy holds, because it owns a table that is not forced.
func (c *checker) owner(t *table, s *state) error {
	if !c.citus {
		return nil
	}
	var owner string
	var can bool
	err := c.db.Raw("SELECT pg_get_userbyid(relowner), "+
		"pg_has_role(session_user, relowner, 'MEMBER') FROM pg_class WHERE oid = ?", s.OID).
		Row().Scan(&owner, &can)
	if can {
		name := quote(c.db, t.name)
		c.found("ALTER TABLE "+name+" OWNER TO a role that the application cannot become",
			"the role is %s, the owner of %s, or can become it, and no policy holds the owner "+
				"of a table without FORCE", quote(c.db, owner), name)
	}
	return err
}

// cluster looks at a server with Citus.
func (c *checker) cluster() error {
	var there bool
	err := c.db.Raw("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')").Row().
		Scan(&there)
	switch {
	case err != nil:
		return err
	case there && !c.citus:
		c.found("rls.Open(dsn, rls.Citus()), rls.Enable and rls.Check with rls.Citus() too",
			"this is Citus, whose workers do not learn the tenant: every read is empty")
		return nil
	case !c.citus:
		return nil
	}
	if err := c.parameters(); err != nil || !there {
		return err
	}
	return c.workers()
}

// parameters looks at how the connection is set up.
func (c *checker) parameters() error {
	var propagates, plans string
	err := c.db.Raw("SELECT coalesce(current_setting(?, true), ''), "+
		"current_setting('plan_cache_mode')", citusPropagates).Row().Scan(&propagates, &plans)
	if err != nil {
		return err
	}
	if propagates != "local" {
		c.found("rls.Open(dsn, rls.Citus()); behind a pooler, ALTER ROLE CURRENT_USER SET "+
			citusPropagates+" = 'local'", "%s is %q: the workers do not learn the tenant",
			citusPropagates, propagates)
	}
	if plans == "force_generic_plan" {
		c.found("ALTER ROLE CURRENT_USER SET plan_cache_mode = 'auto'",
			"plan_cache_mode is force_generic_plan, with which Citus cannot plan most statements "+
				"that have arguments")
	}
	return nil
}

// workers looks for the role on the workers.
func (c *checker) workers() error {
	var nodes []struct{ Node, Result string }
	err := c.db.Raw("SELECT nodename || ':' || nodeport AS node, result " +
		"FROM run_command_on_workers(format('SELECT count(*) FROM pg_roles WHERE rolname = %L', " +
		"session_user))").Scan(&nodes).Error
	for _, n := range nodes {
		if n.Result != "1" {
			c.found("CREATE ROLE there, as on the coordinator, with its password in "+
				"pg_dist_authinfo "+
				"or pg_hba.conf", "the role is missing on the worker %s: %s", n.Node, n.Result)
		}
	}
	return err
}

// ownRow looks for a row of the tenant of the context, if there is one: nobody is protected by
// policies that let nothing through.
func (c *checker) ownRow() error {
	ctx := c.db.Statement.Context
	if id, ok := gormtenant.FromContext(ctx); !ok || id == nil || len(c.tables) == 0 {
		return nil
	}
	for _, t := range c.tables {
		if s, err := stateOf(c.db, t.name); err != nil || s == nil {
			continue // it was found to be missing
		}
		var seen int
		err := c.db.Statement.ConnPool.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT 1 FROM "+
			quote(c.db, t.name)+" LIMIT 1) AS one").Scan(&seen)
		if err != nil || seen > 0 {
			return err
		}
	}
	c.found("open the database with rls.Open, on Citus with rls.Citus(), and give Check the same "+
		"options; or give it a tenant that has rows",
		"the tenant of the context sees no row of its own in any table")
	return nil
}
