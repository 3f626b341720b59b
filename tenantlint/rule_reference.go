package tenantlint

import (
	"go/types"
	"strings"
)

var reference = rule{
	name: "reference",
	doc: `a foreign key without a relation.
What: a field XID of a model of tenants, where X is another one, and no relation between them.
Why: GORM cannot know that the number is a key, so tenantplugin.CheckReferences does not see that
it points at another tenant's row.
Do: add the relation, X *X.`,
	run: checkReference,
}

func checkReference(c *check) {
	for _, m := range c.models.all {
		if !m.isTenants() {
			continue
		}
		for _, f := range m.fields {
			to := refersTo(c, m, f)
			if to == nil || f.column == m.tenant.column || related(c, m, f, to) {
				continue
			}
			base := strings.TrimSuffix(strings.TrimSuffix(f.Name(), "ID"), "Id")
			c.report(c.models.at(m, f), f.Name()+" is a key of "+to.name.Name()+" that GORM does "+
				"not know, so that CheckReferences lets it point at another tenant's row: add "+
				base+" *"+to.name.Name())
		}
	}
}

// refersTo returns the model of tenants whose key a field holds, by its name, or nil.
func refersTo(c *check, m *model, f field) *model {
	base, ok := strings.CutSuffix(f.Name(), "ID")
	if !ok {
		base, ok = strings.CutSuffix(f.Name(), "Id")
	}
	if !ok || base == "" || m.has(base+"Type") {
		return nil
	}
	name, ok := c.Pkg.Scope().Lookup(base).(*types.TypeName)
	if !ok || name == m.name {
		return nil
	}
	if to := c.models.of(name.Type()); to.isTenants() {
		return to
	}
	return nil
}

func (m *model) has(name string) bool {
	for _, f := range m.fields {
		if f.Name() == name {
			return true
		}
	}
	return false
}

// related reports whether either model has a field of the other's type.
func related(c *check, m *model, f field, to *model) bool {
	for _, other := range m.fields {
		if c.models.of(other.Type()) == to && other.Var != f.Var {
			return true
		}
	}
	for _, other := range to.fields {
		if c.models.of(other.Type()) == m {
			return true
		}
	}
	return false
}
