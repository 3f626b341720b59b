package distribute

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"unicode/utf8"
)

// A table cannot be made a partitioned one. A new one takes its place and its rows, and all else
// that it has: keys, indexes, triggers, policies, rights.

// longestName is the number of bytes of a name that Postgres keeps (NAMEDATALEN - 1).
const longestName = 63

// partName returns the name of a partition of a table.
func partName(t *table, i int) string { return withSuffix(t, fmt.Sprintf("_p%d", i)) }

// withSuffix returns the name of a table, with its schema, and a suffix. Where that is too long for
// Postgres, the end of the name gives way to a hash of it.
func withSuffix(t *table, suffix string) string {
	name := t.stored.Name
	if len(name)+len(suffix) > longestName {
		sum := fnv.New32a()
		_, _ = sum.Write([]byte(name)) // never fails
		hash := fmt.Sprintf("_%08x", sum.Sum32())
		end := longestName - len(suffix) - len(hash)
		for !utf8.RuneStart(name[end]) {
			end--
		}
		name = name[:end] + hash
	}
	if t.known.Schema != "" {
		return t.known.Schema + "." + name + suffix
	}
	return name + suffix
}

// bare returns a name without its schema.
func (p *plan) bare(t *table) string { return p.list([]string{t.stored.Name}) }

// partition returns the statements that put a partitioned table in the place of a table.
func (p *plan) partition(t *table) ([]string, error) {
	kept, err := p.keep(t)
	if err != nil {
		return nil, err
	}
	next := p.quote(withSuffix(t, "_spread"))
	statements := []string{"CREATE TABLE " + next + " (LIKE " + t.quoted +
		" INCLUDING ALL EXCLUDING INDEXES) PARTITION BY HASH (" + p.list([]string{t.tenant}) + ")"}
	for i := range p.to.partitions {
		name := p.quote(partName(t, i))
		statements = append(statements, fmt.Sprintf("CREATE TABLE %s PARTITION OF %s FOR VALUES "+
			"WITH (MODULUS %d, REMAINDER %d)", name, next, p.to.partitions, i))
		for _, role := range kept.defaults {
			statements = append(statements, "REVOKE ALL ON "+name+" FROM "+role)
		}
	}
	names := p.list(p.copied(t))
	statements = append(statements, "INSERT INTO "+next+" ("+names+") SELECT "+names+" FROM "+
		t.quoted)
	for _, s := range kept.sequences {
		statements = append(statements, "ALTER SEQUENCE "+s.Name+" OWNED BY "+next+"."+
			p.list([]string{s.Column}))
	}
	statements = append(statements, "DROP TABLE "+t.quoted,
		"ALTER TABLE "+next+" RENAME TO "+p.bare(t))
	for _, role := range kept.defaults {
		statements = append(statements, "REVOKE ALL ON "+t.quoted+" FROM "+role)
	}
	return slices.Concat(statements, kept.statements), nil
}

// copied returns the columns that are copied, as they are after the upgrade.
func (p *plan) copied(t *table) (names []string) {
	for _, c := range t.stored.Columns {
		if !c.Generated {
			names = append(names, c.Name)
		}
	}
	if p.lacksColumn(t) {
		names = append(names, t.tenant)
	}
	return names
}

// kept is what a table has besides its rows.
type kept struct {
	sequences []sequence
	// defaults are the roles that have rights on new tables.
	defaults   []string
	statements []string
}

type sequence struct{ Name, Column string }

// keep reads what a table has, as the statements that make it again.
func (p *plan) keep(t *table) (k kept, err error) {
	oid, s := t.stored.OID, t.stored
	err = p.db.Raw("SELECT d.objid::regclass::text AS name, a.attname AS \"column\" "+
		"FROM pg_depend AS d JOIN pg_class AS c ON c.oid = d.objid AND c.relkind = 'S' "+
		"JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid "+
		"WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass "+
		"AND d.refobjid = ? AND d.deptype = 'a' ORDER BY 1", oid).Scan(&k.sequences).Error
	if err != nil {
		return k, err
	}
	const role = "CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE " +
		"quote_ident(pg_get_userbyid(a.grantee)) " +
		"END"
	k.defaults, err = p.texts("SELECT DISTINCT "+role+" FROM pg_default_acl AS d, "+
		"aclexplode(d.defaclacl) AS a WHERE d.defaclobjtype = 'r' AND a.grantee <> d.defaclrole "+
		"AND pg_get_userbyid(d.defaclrole) = current_user AND d.defaclnamespace IN (0, "+
		"(SELECT relnamespace FROM pg_class WHERE oid = ?)) ORDER BY 1", oid)
	if err != nil {
		return k, err
	}
	alter := "ALTER TABLE " + t.quoted
	key := s.KeyName
	if key == "" {
		key = s.Name + "_pkey"
	}
	columns := s.Key
	if !slices.Contains(columns, t.tenant) {
		columns = p.keyOf(t)
	}
	k.statements = []string{alter + " ADD CONSTRAINT " + p.list([]string{key}) + " PRIMARY KEY (" +
		p.list(columns) + ")"}
	for _, query := range []string{
		"SELECT '" + strings.ReplaceAll(alter, "'", "''") + " ADD CONSTRAINT ' || " +
			"quote_ident(conname) || ' ' || pg_get_constraintdef(oid) FROM pg_constraint " +
			"WHERE conrelid = ? AND contype IN ('u', 'x') ORDER BY conname",
		"SELECT pg_get_indexdef(i.indexrelid) FROM pg_index AS i WHERE i.indrelid = ? " +
			"AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid " +
			"AND c.conrelid = i.indrelid) ORDER BY 1",
		"SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = ? AND NOT tgisinternal " +
			"ORDER BY tgname",
		policySQL,
		"SELECT 'GRANT ' || string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type) || ' " +
			"ON ' " +
			"|| max(c.oid::regclass::text) || ' TO ' || " + role + " || CASE WHEN a.is_grantable " +
			"THEN ' WITH GRANT OPTION' ELSE '' END FROM pg_class AS c, aclexplode(c.relacl) AS a " +
			"WHERE c.oid = ? AND a.grantee <> c.relowner GROUP BY a.grantee, a.is_grantable " +
			"ORDER BY 1",
		"SELECT 'ALTER TABLE ' || oid::regclass || ' OWNER TO ' || " +
			"quote_ident(pg_get_userbyid(relowner)) FROM pg_class WHERE oid = ? " +
			"AND pg_get_userbyid(relowner) <> current_user",
	} {
		list, err := p.texts(query, oid)
		if err != nil {
			return k, err
		}
		k.statements = append(k.statements, list...)
	}
	if s.Enabled {
		k.statements = append(k.statements, alter+" ENABLE ROW LEVEL SECURITY")
	}
	return k, nil
}

// policySQL writes the policies of a table.
const policySQL = "SELECT 'CREATE POLICY ' || quote_ident(polname) || ' ON ' || " +
	"polrelid::regclass || CASE WHEN polpermissive THEN '' ELSE ' AS RESTRICTIVE' END || " +
	"CASE polcmd WHEN 'r' THEN ' FOR SELECT' WHEN 'a' THEN ' FOR INSERT' " +
	"WHEN 'w' THEN ' FOR UPDATE' WHEN 'd' THEN ' FOR DELETE' ELSE '' END || ' TO ' || " +
	"(SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END, " +
	"', ') FROM unnest(polroles) AS r) || " +
	"coalesce(' USING (' || pg_get_expr(polqual, polrelid) || ')', '') || " +
	"coalesce(' WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')', '') " +
	"FROM pg_policy WHERE polrelid = ? ORDER BY polname"
