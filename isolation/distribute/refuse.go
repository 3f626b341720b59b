package distribute

import (
	"fmt"
	"slices"
	"strings"
)

// refusals returns what the tables break of the rules, and what keeps them from being spread.
func (p *plan) refusals() (found []error, err error) {
	if p.to.citus {
		found = append(found, p.clusterRules()...)
	}
	for _, t := range p.all() {
		s := t.stored
		switch {
		case s == nil:
			found = append(found, finding("there is no table %s: migrate first", t.name))
			continue
		case s.Kind != kindTable && s.Kind != kindPartitioned:
			found = append(found, finding("%s is no table: take its model away", t.name))
			continue
		case s.Child:
			found = append(found, finding("%s is a partition or a child of another table: give "+
				"the model of that one", t.name))
			continue
		}
		if t.tenant == "" {
			continue
		}
		found = append(found, p.columnFindings(t)...)
		if p.isDone(t) {
			found = append(found, p.shapeFindings(t)...)
			continue
		}
		list, err := p.tableFindings(t)
		if err != nil {
			return nil, err
		}
		found = append(found, list...)
	}
	return append(found, p.keyFindings()...), nil
}

// columnFindings looks at the tenant column of a table, which a join table may not have yet.
func (p *plan) columnFindings(t *table) (found []error) {
	c := t.stored.column(t.tenant)
	if c == nil {
		switch {
		case !t.known.Joins:
			found = append(found, finding("%s has no column %s: migrate first", t.name, t.tenant))
		case len(p.fill(t)) == 0:
			found = append(found, finding("%s has no column %s, and no foreign key that tells "+
				"whose its rows are: add the column, and fill it", t.name, t.tenant))
		}
		return found
	}
	if c.Generated || c.Identity {
		found = append(found, finding("%s.%s is generated: rows are spread by a column that is "+
			"written", t.name, t.tenant))
	}
	if !c.Required {
		found = append(found, finding("%s.%s may be NULL: ALTER TABLE %s ALTER COLUMN %s SET NOT "+
			"NULL", t.name, t.tenant, t.quoted, p.list([]string{t.tenant})))
	}
	for _, other := range p.tables {
		if other.stored == nil || other.tenant == "" {
			continue
		}
		if oc := other.stored.column(other.tenant); oc != nil {
			if oc.Kind != c.Kind {
				found = append(found, finding("%s.%s is %s, %s.%s %s: they cannot be together: "+
					"ALTER TABLE %s ALTER COLUMN %s TYPE %s", t.name, t.tenant, c.Kind, other.name,
					other.tenant, oc.Kind, t.quoted, p.list([]string{t.tenant}), oc.Kind))
			}
			break // all are compared with the first
		}
	}
	return found
}

// shapeFindings looks at a table that is spread already.
func (p *plan) shapeFindings(t *table) (found []error) {
	s := t.stored
	if p.to.citus {
		return p.groupFindings(t)
	}
	how := map[string]string{"h": "HASH", "l": "LIST", "r": "RANGE"}[s.Strategy]
	if s.Strategy != methodHash || !slices.Equal(s.By, []string{t.tenant}) {
		return append(found, finding("%s is partitioned already, by %s (%s) and not by HASH (%s): "+
			"leave its model away, or make it one table again", t.name, how,
			strings.Join(s.By, ", "), t.tenant))
	}
	n := p.to.partitions
	for i := range n {
		if !slices.Contains(s.Modulus, bound(n, i)) {
			if s.Parts == n || s.Parts == 0 {
				return append(found, finding("%s lacks a partition: CREATE TABLE %s PARTITION "+
					"OF %s "+
					"%s", t.name, p.quote(partName(t, i)), t.quoted, bound(n, i)))
			}
			return append(found, finding("%s has %d partitions and not %d: give "+
				"distribute.HashPartitions(%d), or make those that are missing", t.name, s.Parts, n,
				s.Parts))
		}
	}
	return found
}

// bound is that of a partition, as the server prints it.
func bound(n, i int) string {
	return fmt.Sprintf("FOR VALUES WITH (modulus %d, remainder %d)", n, i)
}

// tableFindings looks for what would get lost, or cannot be, when a table is spread.
func (p *plan) tableFindings(t *table) (found []error, err error) {
	s := t.stored
	if !s.Own {
		found = append(found, finding("%s belongs to the role %s: connect as its owner", t.name,
			s.Owner))
	}
	if len(s.Key) == 0 {
		found = append(found, finding("%s has no primary key: ALTER TABLE %s ADD PRIMARY KEY (%s)",
			t.name, t.quoted, p.list(p.keyOf(t))))
	}
	if s.isLocal() {
		found = append(found, finding("%s is a local table of Citus, because a foreign key leads "+
			"to a reference table: SELECT undistribute_table(%s, cascade_via_foreign_keys => true)",
			t.name, literal(t.quoted)))
	}
	unique, err := p.texts("SELECT c.relname FROM pg_index AS i JOIN pg_class AS c "+
		"ON c.oid = i.indexrelid WHERE i.indrelid = ? AND i.indisunique AND NOT i.indisprimary "+
		"AND NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = i.indrelid "+
		"AND a.attname = ? AND a.attnum = ANY (i.indkey::int2[])) ORDER BY 1", s.OID, t.tenant)
	for _, name := range unique {
		found = append(found, finding("%s: the unique index %s has no %s: make one with it, and "+
			"drop this one", t.name, name, t.tenant))
	}
	if err != nil || p.to.citus {
		return found, err
	}
	for _, c := range s.Columns {
		if c.Identity {
			found = append(found, finding("%s.%s is an identity column, which partitions cannot "+
				"have: make it bigserial", t.name, c.Name))
		}
	}
	lost, err := p.texts(lostSQL, s.OID, s.OID, s.OID, s.OID, s.OID)
	for _, what := range lost {
		found = append(found, finding("%s: %s", t.name, what))
	}
	return found, err
}

// lostSQL finds what depends on a table and would not be there any more.
const lostSQL = "SELECT DISTINCT 'the view ' || r.ev_class::regclass::text || ' reads it: drop " +
	"the view first, and make it again afterwards' FROM pg_depend AS d JOIN pg_rewrite AS r " +
	"ON r.oid = d.objid AND r.ev_class <> d.refobjid WHERE d.classid = 'pg_rewrite'::regclass " +
	"AND d.refclassid = 'pg_class'::regclass AND d.refobjid = ? UNION ALL " +
	"SELECT 'it has the rule ' || rulename || ': drop it first' FROM pg_rewrite " +
	"WHERE ev_class = ? UNION ALL " +
	"SELECT 'it is in the publication ' || p.pubname || ': take it out first' " +
	"FROM pg_publication_rel AS pr JOIN pg_publication AS p ON p.oid = pr.prpubid " +
	"WHERE pr.prrelid = ? UNION ALL " +
	"SELECT 'its column ' || attname || ' has rights of its own: grant them on the table, or " +
	"again " +
	"afterwards, and revoke them' FROM pg_attribute WHERE attrelid = ? AND attacl IS NOT NULL " +
	"AND NOT attisdropped UNION ALL " +
	"SELECT 'the table ' || inhrelid::regclass::text || ' inherits from it' FROM pg_inherits " +
	"WHERE inhparent = ? ORDER BY 1"

// keyFindings looks at the foreign keys that the database has.
func (p *plan) keyFindings() (found []error) {
	for _, k := range p.keys {
		child, parent := p.withOID(k.Child), p.withOID(k.Parent)
		switch {
		case parent == nil || parent.tenant == "":
			if p.to.citus && child != nil && child.tenant != "" && parent == nil {
				found = append(found, finding("%s: the foreign key %s refers to %s, a local "+
					"table: give its model in distribute.Reference, or drop the key", child.name,
					k.Name, k.ParentName))
			}
		case child == nil || child.tenant == "":
			if p.to.citus || !slices.Contains(k.ToColumns, parent.tenant) {
				found = append(found, finding("%s: the foreign key %s refers to %s, a tenants' "+
					"table, from one that is nobody's: drop it", k.ChildName, k.Name, parent.name))
			}
		default:
			from, _ := p.withTenant(k, child, parent)
			if err := actionRule(k.Name, actions[k.OnDelete], actions[k.OnUpdate],
				child.tenant); err != nil && slices.Contains(from, child.tenant) {
				found = append(found, err)
			}
		}
	}
	return found
}
