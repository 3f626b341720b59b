package transfer

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/gormtenant/gormtenant/internal/pgsession"
)

// locate finds the tables of the plan, their columns that can be written and the rows of the
// tenant, in one question, however many tables there are.
func (s *session) locate(ctx context.Context, p *Plan, loc Location) ([]*locatedTable, error) {
	spots := make([]*locatedTable, len(p.tables))
	names := make([]string, len(p.tables))
	for i, t := range p.tables {
		name := quoted(t.name)
		if loc.Schema != "" {
			name = quoted(loc.Schema) + "." + name
		}
		names[i] = pgsession.Literal(name)
	}
	rows, err := s.query(ctx, "SELECT wanted.number - 1, c.oid, quote_ident(n.nspname) || '.' || "+
		"quote_ident(c.relname), row_security_active(c.oid), a.attname, "+
		"coalesce(b.typname, t.typname), CASE WHEN t.typnamespace = 'pg_catalog'::regnamespace "+
		"THEN format_type(a.atttypid, a.atttypmod) ELSE t.typname END "+
		"FROM unnest(ARRAY["+strings.Join(names, ", ")+"]::text[]) WITH ORDINALITY "+
		"AS wanted (name, number) JOIN pg_class AS c ON c.oid = to_regclass(wanted.name) "+
		"AND c.relkind IN ('r', 'p') JOIN pg_namespace AS n ON n.oid = c.relnamespace "+
		"LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 "+
		"AND NOT a.attisdropped AND a.attgenerated = '' "+
		"LEFT JOIN pg_type AS t ON t.oid = a.atttypid "+
		"LEFT JOIN pg_type AS b ON b.oid = nullif(t.typbasetype, 0) "+
		"ORDER BY wanted.number, a.attnum")
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		i, err := strconv.Atoi(string(row[0]))
		if err != nil {
			return nil, err
		}
		if spots[i] == nil {
			spots[i] = &locatedTable{
				table: p.tables[i], oid: string(row[1]),
				qualifiedName: string(row[2]), policed: string(row[3]) == "t",
			}
		}
		if row[4] == nil {
			continue // a table without columns
		}
		spots[i].columns = append(spots[i].columns, column{
			name: string(row[4]), kind: columnTypeOf(string(row[5])), declared: string(row[6]),
		})
	}
	for i, spot := range spots {
		if spot == nil {
			return nil, fmt.Errorf("gormtenant: there is no table %s: "+
				"migrate both places before a tenant is moved", p.tables[i].name)
		}
	}
	p.predicates(loc.Shared, spots, pgsession.Literal)
	return spots, nil
}

// settingIn finds the parameter that a policy of gormtenant compares with.
var settingIn = regexp.MustCompile(`current_setting\('([^']+)'::text, true\)`)

// police makes the policies let through what is the tenant's, where they hold the role. It fails
// where they could hide a row in silence: where there is another than gormtenant's own.
func (s *session) police(ctx context.Context, p *Plan, spots []*locatedTable) error {
	for _, spot := range spots {
		if !spot.policed {
			continue
		}
		rows, err := s.query(ctx, "SELECT polname, coalesce(pg_get_expr(polqual, polrelid), '') "+
			"FROM pg_policy WHERE polrelid = "+spot.oid)
		if err != nil {
			return err
		}
		if len(rows) != 1 || string(rows[0][0]) != policyName {
			return fmt.Errorf("gormtenant: row-level security may hide rows of %s from the role "+
				"that moves: use one with BYPASSRLS", spot.name)
		}
		found := settingIn.FindSubmatch(rows[0][1])
		if found == nil {
			return fmt.Errorf("gormtenant: the policy of %s is not the one that rls.Enable "+
				"writes: move with a role with BYPASSRLS", spot.name)
		}
		if err := s.exec(ctx, "SELECT set_config("+pgsession.Literal(string(found[1]))+", "+
			pgsession.Literal(p.tenantID)+", true)"); err != nil {
			return err
		}
	}
	return nil
}

// relocate is locate for a side.
func (e *postgresSide) relocate(ctx context.Context, p *Plan, loc Location) (err error) {
	e.list, err = e.locate(ctx, p, loc)
	return err
}

// references returns the foreign keys to the tables, those of partitions and children of the tables
// among themselves excepted.
func (e *postgresSide) references(ctx context.Context) ([]reference, error) {
	parents, ours := map[string]*locatedTable{}, map[string]bool{}
	oids := make([]string, len(e.list))
	for i, spot := range e.list {
		parents[spot.oid], oids[i] = spot, spot.oid
	}
	trees, err := e.members(ctx, e.list)
	if err != nil {
		return nil, err
	}
	for _, members := range trees {
		for _, m := range members[1:] {
			ours[m.oid] = true
		}
	}
	rows, err := e.query(ctx, "SELECT c.confrelid, quote_ident(n.nspname) || '.' || "+
		"quote_ident(k.relname), CASE WHEN k.relnamespace = p.relnamespace THEN k.relname END, "+
		"c.confdeltype IN ('c', 'n', 'd'), k.oid, (SELECT json_agg(json_build_object('Foreign', "+
		"ca.attname, 'Primary', pa.attname)) FROM unnest(c.conkey, c.confkey) AS u(child, parent) "+
		"JOIN pg_attribute AS ca ON ca.attrelid = c.conrelid AND ca.attnum = u.child "+
		"JOIN pg_attribute AS pa ON pa.attrelid = c.confrelid AND pa.attnum = u.parent) "+
		"FROM pg_constraint AS c JOIN pg_class AS k ON k.oid = c.conrelid JOIN pg_namespace AS n "+
		"ON n.oid = k.relnamespace JOIN pg_class AS p ON p.oid = c.confrelid "+
		"WHERE c.contype = 'f' AND c.conparentid = 0 AND c.confrelid IN ("+
		strings.Join(oids, ", ")+") ORDER BY 2, c.oid")
	if err != nil {
		return nil, err
	}
	var found []reference
	for _, row := range rows {
		if ours[string(row[4])] {
			continue
		}
		r := reference{
			parent: parents[string(row[0])], child: string(row[1]), name: string(row[2]),
			acts: string(row[3]) == "t",
		}
		if err := json.Unmarshal(row[5], &r.columns); err != nil {
			return nil, err
		}
		found = append(found, r)
	}
	return found, nil
}

// between returns the foreign keys between the tables, as pairs of numbers: child and parent.
func (s *session) between(ctx context.Context, spots []*locatedTable) (map[int][]int, error) {
	number := map[string]int{}
	oids := make([]string, len(spots))
	for i, spot := range spots {
		number[spot.oid], oids[i] = i, spot.oid
	}
	in := strings.Join(oids, ", ")
	rows, err := s.query(ctx, "SELECT conrelid, confrelid FROM pg_constraint WHERE contype = 'f' "+
		"AND conrelid IN ("+in+") AND confrelid IN ("+in+
		") ORDER BY conrelid, confrelid")
	if err != nil {
		return nil, err
	}
	parents := map[int][]int{}
	for _, row := range rows {
		child := number[string(row[0])]
		parents[child] = append(parents[child], number[string(row[1])])
	}
	return parents, nil
}
