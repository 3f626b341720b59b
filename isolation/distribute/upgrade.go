package distribute

import (
	"slices"
	"strings"
)

// upgrade returns the statements that bring tables from keys of the id alone to keys with the
// tenant. The foreign keys are away meanwhile.
func (p *plan) upgrade(todo []*table) (statements []string) {
	for _, t := range todo {
		if p.lacksColumn(t) {
			continue
		}
		if !slices.Contains(t.stored.Key, t.tenant) {
			statements = append(statements, "ALTER TABLE "+t.quoted+" DROP CONSTRAINT "+
				p.list([]string{t.stored.KeyName})+", ADD PRIMARY KEY ("+p.list(p.keyOf(t))+")")
		}
	}
	for _, t := range todo {
		if p.lacksColumn(t) {
			statements = append(statements, p.fill(t)...)
		}
	}
	return statements
}

// lacksColumn reports whether a join table has no tenant column yet.
func (p *plan) lacksColumn(t *table) bool { return t.stored.column(t.tenant) == nil }

// keyOf returns the primary key that a table is to have, the tenant first.
func (p *plan) keyOf(t *table) []string {
	key := []string{t.tenant}
	for _, column := range columns(t.model.PrimaryFields) {
		if column != t.tenant {
			key = append(key, column)
		}
	}
	return key
}

// fill returns the statements that give a join table its tenant column, from the rows that its
// first foreign key refers to.
func (p *plan) fill(t *table) []string {
	for _, k := range p.keys {
		parent := p.withOID(k.Parent)
		if k.Child != t.stored.OID || parent == nil || parent.tenant == "" {
			continue
		}
		tenant := p.list([]string{t.tenant})
		var terms []string
		for i, column := range k.FromColumns {
			terms = append(terms, "o."+p.list([]string{k.ToColumns[i]})+" = j."+
				p.list([]string{column}))
		}
		alter := "ALTER TABLE " + t.quoted
		renew := ""
		if t.stored.KeyName != "" {
			renew = ", DROP CONSTRAINT " + p.list([]string{t.stored.KeyName})
		}
		return []string{
			alter + " ADD COLUMN " + tenant + " " + parent.stored.column(parent.tenant).Kind,
			"UPDATE " + t.quoted + " AS j SET " + tenant + " = o." +
				p.list([]string{parent.tenant}) + " FROM " + parent.quoted + " AS o WHERE " +
				strings.Join(terms, " AND "),
			alter + " ALTER COLUMN " + tenant + " SET NOT NULL" + renew +
				", ADD PRIMARY KEY (" + p.list(p.keyOf(t)) + ")",
		}
	}
	return nil
}

// isOld reports whether some table has a key without the tenant.
func (p *plan) isOld(todo []*table) bool {
	return slices.ContainsFunc(todo, func(t *table) bool {
		return p.lacksColumn(t) || !slices.Contains(t.stored.Key, t.tenant)
	})
}

// touching returns the foreign keys of tables.
func (p *plan) touching(tables []*table) (keys []*foreignKey) {
	for _, k := range p.keys {
		if slices.ContainsFunc(tables, func(t *table) bool {
			return t.stored != nil && (t.stored.OID == k.Child || t.stored.OID == k.Parent)
		}) {
			keys = append(keys, k)
		}
	}
	return keys
}

// drop returns the statement that drops a foreign key.
func (p *plan) drop(k *foreignKey) string {
	return "ALTER TABLE " + p.nameOf(k.Child, k.ChildName) + " DROP CONSTRAINT " +
		p.list([]string{k.Name})
}

// add returns the statement that makes a foreign key, with the tenant of both tables.
func (p *plan) add(k *foreignKey) string {
	return "ALTER TABLE " + p.nameOf(k.Child, k.ChildName) + " ADD CONSTRAINT " +
		p.list([]string{k.Name}) + " " + p.definition(k)
}

// actions are those of foreign keys, as the catalog abbreviates them.
var actions = map[string]string{
	"a": "", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT",
}

// definition returns what a foreign key is to be.
func (p *plan) definition(k *foreignKey) string {
	child, parent := p.withOID(k.Child), p.withOID(k.Parent)
	if child == nil || parent == nil || child.tenant == "" || parent.tenant == "" {
		return k.Definition
	}
	from, to := p.withTenant(k, child, parent)
	if slices.Equal(from, k.FromColumns) {
		return k.Definition
	}
	text := "FOREIGN KEY (" + p.list(from) + ") REFERENCES " + parent.quoted + " (" + p.list(to) +
		")"
	if action := actions[k.OnUpdate]; action != "" {
		text += " ON UPDATE " + action
	}
	if action := actions[k.OnDelete]; action != "" {
		text += " ON DELETE " + action
	}
	if k.Deferrable {
		text += " DEFERRABLE"
	}
	if k.Deferred {
		text += " INITIALLY DEFERRED"
	}
	return text
}

// withTenant returns the columns of a foreign key, with the tenant of both tables in front.
func (p *plan) withTenant(k *foreignKey, child, parent *table) (from, to []string) {
	for i, column := range k.FromColumns {
		if column == child.tenant && k.ToColumns[i] == parent.tenant {
			return k.FromColumns, k.ToColumns
		}
	}
	return append([]string{child.tenant}, k.FromColumns...),
		append([]string{parent.tenant}, k.ToColumns...)
}
