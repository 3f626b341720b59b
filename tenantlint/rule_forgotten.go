package tenantlint

import "strings"

var forgotten = rule{
	name: "forgotten",
	doc: `a model without a tenant that refers to tenants' models.
What: a model that has no tenant field, while a field of it is a model of tenants, or a list of
them.
Why: either its rows are everybody's, and then one tenant's rows hang on them; or the tenant was
forgotten, and nothing isolates the model.
Do: embed models.TenantModel, or write //tenantlint:ignore and why the rows are everybody's. The
model that is the tenant (TenantID refers to Tenant) is no finding.`,
	run: checkForgotten,
}

func checkForgotten(c *check) {
	for _, m := range c.models.all {
		if m.tenant != nil || m.optedOut || !m.certain {
			continue
		}
		for _, f := range m.fields {
			to := c.models.of(f.Type())
			if to == m || !to.isTenants() || isTheTenant(m, to) {
				continue
			}
			c.report(c.models.at(m, field{Var: nil}), m.name.Name()+" has no tenant, but its "+
				"field "+f.Name()+" refers to "+to.name.Name()+", which has one: embed "+
				"models.TenantModel, or say why its rows are everybody's")
			break
		}
	}
}

// isTheTenant reports whether the tenant field of to holds keys of m, as OrgID does of Org.
func isTheTenant(m, to *model) bool {
	for _, suffix := range []string{"ID", "Id", "UUID", ""} {
		if base, ok := strings.CutSuffix(to.tenant.Name(), suffix); ok &&
			strings.EqualFold(base, m.name.Name()) {
			return true
		}
	}
	return false
}
