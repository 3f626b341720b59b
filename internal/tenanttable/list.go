package tenanttable

import (
	"cmp"
	"slices"
)

// List returns the tables of tenants, in the order of their names: of each the models that are
// confirmed, and its further names.
func (t *Tables) List() []*Table {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	v := t.View()
	var list []*Table
	for _, r := range t.records {
		if b := v.models[r.model]; r.confirmed && b.table != nil && b.table.Model == r.model {
			list = append(list, b.table)
		}
	}
	for _, a := range t.aliases {
		if table := v.Named(a.schema, a.name); table != nil && table.Name == a.name {
			list = append(list, table)
		}
	}
	slices.SortStableFunc(list, func(a, b *Table) int {
		return cmp.Or(cmp.Compare(a.Qualified(), b.Qualified()),
			cmp.Compare(a.Model.ModelType.String(), b.Model.ModelType.String()))
	})
	return list
}
