package adopt

import (
	"fmt"
	"strings"

	"github.com/gormtenant/gormtenant/internal/tenanttable"
)

// acrossJoin counts the rows of a join table that join rows of two tenants.
func (p *planner) acrossJoin(t *tenanttable.Table) []string {
	if len(t.References) < 2 {
		return nil
	}
	a, b := t.References[0], t.References[1]
	join := func(alias string, r *tenanttable.Reference) string {
		var on []string
		for i := range r.ForeignKeys {
			on = append(on, alias+"."+p.quote(r.PrimaryKeys[i].DBName)+" = r."+
				p.quote(r.ForeignKeys[i].DBName))
		}
		return " JOIN " + p.quote(r.Target.Qualified()) + " AS " + alias + " ON " +
			strings.Join(on, " AND ")
	}
	if a.Target.Field == nil || b.Target.Field == nil {
		return nil
	}
	var n int64
	err := p.db.Raw("SELECT count(*) FROM " + p.quote(t.Qualified()) + " AS r" + join("a", a) +
		join("b", b) + " WHERE a." + p.quote(a.Target.Field.DBName) + " <> b." +
		p.quote(b.Target.Field.DBName)).Row().Scan(&n)
	if err != nil || n == 0 {
		return nil // Without the columns there is nothing to compare yet.
	}
	return []string{fmt.Sprintf("%d rows join rows of two tenants", n)}
}
