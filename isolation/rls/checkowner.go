package rls

import (
	"fmt"

	"gorm.io/gorm"
)

// CheckOwner looks for everything that would let the role that migrates, with which db is opened,
// leave holes behind, and returns all that it finds, joined, each an [ErrHole] with the statement
// that mends it: a table that the role does not own, and so cannot migrate; default privileges that
// open its new tables to everyone; and, of what [Check] finds, that which does not depend on who
// looks: tables, policies and columns. Call it before a deployment migrates, and after.
//
// The role may be a superuser or have BYPASSRLS: it is not the one that serves requests. If it is
// neither, the policies hold it too: change rows in [AllRows].
func CheckOwner(db *gorm.DB, args ...any) error {
	return check(db, args, func(c *checker) error {
		for _, t := range c.tables {
			if err := c.owned(t); err != nil {
				return fmt.Errorf("gormtenant: checking %s: %w", t.name, err)
			}
		}
		if err := c.library(); err != nil {
			return err
		}
		return c.defaults()
	})
}

// owned looks at one table as the role that migrates it.
func (c *checker) owned(t *table) error {
	s, err := stateOf(c.db, t.name)
	name := quote(c.db, t.name)
	switch {
	case err != nil:
		return err
	case s == nil:
		c.found("migrate, then rls.Enable", "there is no table %s", name)
		return nil
	}
	var owns bool
	err = c.db.Raw("SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = ?", s.OID).
		Row().Scan(&owns)
	if err != nil {
		return err
	}
	if !owns {
		c.found("ALTER TABLE "+name+" OWNER TO the role that migrates",
			"the role does not own %s, and cannot migrate it", name)
	}
	return c.protected(t, s)
}

// defaults looks for privileges that PUBLIC gets on the new tables of the role.
func (c *checker) defaults() error {
	var open []string
	err := c.db.Raw("SELECT DISTINCT a.privilege_type FROM pg_default_acl AS d, "+
		"aclexplode(d.defaclacl) AS a WHERE d.defaclobjtype = 'r' AND a.grantee = 0 "+
		"AND pg_get_userbyid(d.defaclrole) = current_user "+
		"AND (d.defaclnamespace = 0 OR d.defaclnamespace IN ("+
		"SELECT relnamespace FROM pg_class WHERE oid IN ?)) ORDER BY 1", c.oids()).
		Scan(&open).Error
	for _, privilege := range open {
		c.found("ALTER DEFAULT PRIVILEGES REVOKE "+privilege+" ON TABLES FROM PUBLIC",
			"new tables of the role are open to PUBLIC for %s, before they have a policy",
			privilege)
	}
	return err
}

// oids returns the tables that there are.
func (c *checker) oids() []uint32 {
	oids := []uint32{0}
	for _, t := range c.tables {
		if s, err := stateOf(c.db, t.name); err == nil && s != nil {
			oids = append(oids, s.OID)
		}
	}
	return oids
}

// quotaLocks is the one table of this library that has rows of all tenants. It has a tenant column.
const quotaLocks = "tenant_quota_locks"

// library looks at the table of the quotas' locks, which is easily forgotten among the models.
func (c *checker) library() error {
	for _, t := range c.tables {
		if t.name == quotaLocks {
			return nil
		}
	}
	var found []struct{ Open bool }
	err := c.db.Raw("SELECT NOT (relrowsecurity AND relforcerowsecurity) AS open FROM pg_class "+
		"WHERE oid = to_regclass(?) AND has_table_privilege(oid, 'SELECT, INSERT, UPDATE, DELETE')",
		quotaLocks).Scan(&found).Error
	if err == nil && len(found) > 0 && found[0].Open {
		c.found("rls.Enable with &quota.Lock{} too", "%s has no row-level security", quotaLocks)
	}
	return err
}
