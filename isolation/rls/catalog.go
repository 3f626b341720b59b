package rls

import (
	"fmt"
	"regexp"
	"strings"

	"gorm.io/gorm"
)

// state is what the server knows of a table.
type state struct {
	OID         uint32 `gorm:"column:oid"`
	Enabled     bool
	Forced      bool
	Partitioned bool
	Owned       bool // by the role that asks, or one that it is a member of
}

// policyRow is a policy of a table.
type policyRow struct {
	Name       string
	Permissive bool
	Command    string // "*" for all
	Public     bool   // for every role
	Using      string
	Check      string
}

// stateOf reads the state of a table, nil if there is no such table.
func stateOf(db *gorm.DB, name string) (*state, error) {
	var found []state
	err := db.Raw("SELECT oid, relrowsecurity AS enabled, relforcerowsecurity AS forced, relkind = 'p' AS partitioned, "+
		"pg_has_role(relowner, 'USAGE') AS owned FROM pg_class WHERE oid = to_regclass(?)", quote(db, name)).Scan(&found).Error
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// policiesOf reads the policies of a table.
func policiesOf(db *gorm.DB, oid uint32) ([]policyRow, error) {
	var found []policyRow
	err := db.Raw("SELECT polname AS name, polpermissive AS permissive, polcmd::text AS command, polroles = '{0}' AS public, "+
		"coalesce(pg_get_expr(polqual, polrelid), '') AS using, coalesce(pg_get_expr(polwithcheck, polrelid), '') AS check "+
		"FROM pg_policy WHERE polrelid = ? ORDER BY polname", oid).Scan(&found).Error
	return found, err
}

// inPlace says whether a table is already as Enable would leave it.
func (p *policies) inPlace(t *table) (bool, error) {
	s, err := stateOf(p.db, t.name)
	if err != nil {
		return false, err
	}
	if s == nil {
		return false, fmt.Errorf("gormtenant: there is no table %s: migrate before rls.Enable", t.name)
	}
	found, err := policiesOf(p.db, s.OID)
	if err != nil || !s.Enabled || !s.Forced {
		return false, err
	}
	for _, policy := range found {
		if policy.Name == policyName {
			return p.asWritten(t, policy), nil
		}
	}
	return false, nil
}

// asWritten says whether a policy is the one that Enable writes.
func (p *policies) asWritten(t *table, policy policyRow) bool {
	want := normal(p.condition(t))
	return policy.Permissive && policy.Command == "*" && policy.Public && normal(policy.Using) == want && normal(policy.Check) == want
}

var (
	casts   = regexp.MustCompile(`::\s*(character varying|double precision|timestamp with(out)? time zone|[a-z_][a-z0-9_]*)`)
	trivial = strings.NewReplacer(" ", "", "\n", "", "(", "", ")", "", `"`, "")
)

// normal writes an expression so that what the server makes of it, with its casts and parentheses,
// equals what was written.
func normal(expression string) string {
	return trivial.Replace(casts.ReplaceAllString(strings.ToLower(expression), ""))
}
