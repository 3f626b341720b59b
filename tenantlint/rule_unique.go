package tenantlint

import "strings"

var unique = rule{
	name: "unique",
	doc: `a unique index without the tenant.
What: unique, uniqueIndex or index:,unique on a model of tenants, in an index that does not have
the tenant field.
Why: the name that one tenant has taken is taken for all, which tells them that it exists.
Do: give both fields the same uniqueIndex:name, the tenant with priority:1. Primary keys, keys to
tenants' rows and what is random (a token, a hash, a UUID) are no finding.`,
	run: checkUnique,
}

func checkUnique(c *check) {
	for _, m := range c.models.all {
		if !m.isTenants() {
			continue
		}
		scoped := make(map[string]bool)
		for _, f := range m.fields {
			if f.column == m.tenant.column {
				scoped[f.tag.index()] = true
			}
		}
		reported := make(map[string]bool)
		for _, f := range m.fields {
			name, ok := f.tag.uniqueIndex()
			if !ok || f.column == m.tenant.column ||
				name != "" && (scoped[name] || reported[name]) {
				continue
			}
			if random(f.Name()) || refersTo(c, m, f) != nil {
				continue
			}
			reported[name] = true
			c.report(c.models.at(m, f), f.Name()+" is unique among all tenants, which tells one "+
				"that another has the value: put "+m.tenant.Name()+" into the index, "+
				"`gorm:\"uniqueIndex:idx_name,priority:1\"` on it and priority:2 here")
		}
	}
}

// random reports whether values of a field are drawn, by its name, so that none tells anything.
func random(name string) bool {
	name = strings.ToLower(name)
	for _, suffix := range []string{
		"token", "secret", "hash", "digest", "uuid", "guid", "ulid", "apikey", "nonce", "checksum",
	} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}
