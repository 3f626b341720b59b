package rls

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// state is what the catalog has about a table.
type state struct {
	OID     uint32 `gorm:"column:oid"`
	Enabled bool
	Forced  bool
}

// policyRow is a policy of a table.
type policyRow struct {
	Name       string
	Permissive bool
	Command    string // "*" for all
	Public     bool   // for every role
	Ours       bool   // for the role that asks, or one that it can become
	Using      string
	Check      string
}

// stateOf reads the state of a table, nil if there is no such table.
func stateOf(db *gorm.DB, name string) (*state, error) {
	var found []state
	err := db.Raw("SELECT oid, relrowsecurity AS enabled, relforcerowsecurity AS forced "+
		"FROM pg_class WHERE oid = to_regclass(?)",
		quote(db, name)).Scan(&found).Error
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// policiesOf reads the policies of a table.
func policiesOf(db *gorm.DB, oid uint32) ([]policyRow, error) {
	var found []policyRow
	err := db.Raw("SELECT polname AS name, polpermissive AS permissive, polcmd::text AS command, "+
		"polroles = '{0}' AS public, "+
		"EXISTS (SELECT FROM unnest(polroles) AS r WHERE r = 0 OR pg_has_role(session_user, r, "+
		"'MEMBER')) AS ours, "+
		"coalesce(pg_get_expr(polqual, polrelid), '') AS using, "+
		"coalesce(pg_get_expr(polwithcheck, polrelid), '') AS check "+
		"FROM pg_policy WHERE polrelid = ? ORDER BY polname", oid).Scan(&found).Error
	return found, err
}

// inPlace reports whether a table is already as Enable would leave it.
func (p *policies) inPlace(t *table) (bool, error) {
	s, err := stateOf(p.db, t.name)
	if err != nil {
		return false, err
	}
	if s == nil {
		return false, fmt.Errorf("gormtenant: there is no table %s: migrate before rls.Enable",
			t.name)
	}
	found, err := policiesOf(p.db, s.OID)
	if err != nil || !s.Enabled || s.Forced == p.citus {
		return false, err
	}
	for _, policy := range found {
		if policy.Name == policyName {
			return p.asWritten(t, policy), nil
		}
	}
	return false, nil
}

// asWritten reports whether a policy is the one that Enable writes.
func (p *policies) asWritten(t *table, policy policyRow) bool {
	want, casts := normal(p.condition(t)), t.casts()
	same := func(expression string) bool {
		return normal(expression) == want && slices.Equal(castsIn(expression), casts)
	}
	return policy.Permissive && policy.Command == "*" && policy.Public && same(policy.Using) &&
		same(policy.Check)
}

// casts returns the types that the server names where it prints the policy of t.
func (t *table) casts() []string {
	kinds := []string{"text", t.kind} // of constants, and of the tenant
	for _, c := range t.more {
		kinds = append(kinds, c.kind)
	}
	for _, o := range t.owners {
		kinds = append(kinds, o.Table.kind)
	}
	return unique(kinds)
}

var (
	cast = regexp.MustCompile(`::\s*("[^"]+"|[a-z_][a-z0-9_]*)(\."[^"]+"|\.[a-z_][a-z0-9_]*)?` +
		`( varying| precision)?( with(out)? time zone)?`)
	trivial = strings.NewReplacer(" ", "", "\n", "", "(", "", ")", "", `"`, "")
)

// castsIn returns the types that an expression casts to.
func castsIn(expression string) []string {
	var kinds []string
	for _, c := range cast.FindAllString(expression, -1) {
		kinds = append(kinds, strings.TrimSpace(strings.TrimPrefix(c, "::")))
	}
	return unique(kinds)
}

func unique(kinds []string) []string {
	slices.Sort(kinds)
	kinds = slices.Compact(kinds)
	if len(kinds) > 0 && kinds[0] == "" {
		kinds = kinds[1:]
	}
	return kinds
}

// normal writes an expression so that what the server makes of it, with its casts and parentheses,
// equals what was written.
func normal(expression string) string {
	return strings.ToLower(trivial.Replace(cast.ReplaceAllString(expression, "")))
}
