package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gormtenant/gormtenant/internal/pgsession"
)

// member is a table that has rows of a located table: that table itself, a partition of it, or a
// child by INHERITS, at any depth.
type member struct {
	oid, qualifiedName string
	kind               string
	partition          bool
}

// partitioned is the kind of a table that has partitions.
const partitioned = "p"

// members returns the members of each table, itself first, in one question. Whoever writes to one
// of them by its own name fires no trigger for statements of the others, and children have none
// from their parents.
func (s *session) members(ctx context.Context, list []*locatedTable) ([][]member, error) {
	oids := make([]string, len(list))
	for i, t := range list {
		oids[i] = t.oid
	}
	rows, err := s.query(ctx, "WITH RECURSIVE tree (root, oid, depth) AS (SELECT number, oid, 0 "+
		"FROM unnest(ARRAY["+strings.Join(oids, ", ")+"]::oid[]) WITH ORDINALITY "+
		"AS r (oid, number) UNION ALL SELECT tree.root, i.inhrelid, tree.depth + 1 "+
		"FROM pg_inherits AS i JOIN tree ON tree.oid = i.inhparent) SELECT tree.root - 1, c.oid, "+
		"quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.relkind, "+
		"c.relispartition AND min(tree.depth) > 0 FROM tree "+
		"JOIN pg_class AS c ON c.oid = tree.oid JOIN pg_namespace AS n ON n.oid = c.relnamespace "+
		"WHERE c.relkind IN ('r', 'p') GROUP BY 1, 2, 3, 4, c.relispartition "+
		"ORDER BY 1, min(tree.depth), 3")
	if err != nil {
		return nil, err
	}
	trees := make([][]member, len(list))
	for _, row := range rows {
		i, err := strconv.Atoi(string(row[0]))
		if err != nil {
			return nil, err
		}
		trees[i] = append(trees[i], member{
			oid: string(row[1]), qualifiedName: string(row[2]), kind: string(row[3]),
			partition: string(row[4]) == "t",
		})
	}
	for i, tree := range trees {
		if len(tree) == 0 || tree[0].oid != list[i].oid {
			return nil, fmt.Errorf("gormtenant: the table %s is gone", list[i].name)
		}
	}
	return trees, nil
}

// errMembers is the error where rows may have come or gone without a write.
var errMembers = errors.New("gormtenant: partitions or children with rows of the tenant were " +
	"attached or detached while it was being moved: move it again")

// sameMembers freezes partitions and children that came since Freeze. A partition has triggers for
// rows from its parent at once, but not for TRUNCATE, and may have come with rows.
func (f *frozenPostgres) sameMembers(ctx, work context.Context) error {
	err := f.compareMembers(ctx, work)
	if f.conn.IsClosed() {
		return errors.Join(ErrLost, err)
	}
	return err
}

func (f *frozenPostgres) compareMembers(ctx, work context.Context) error {
	has, err := f.installed(work)
	if err != nil {
		return err
	}
	trees, err := f.members(work, f.spots)
	if err != nil {
		return err
	}
	for i, s := range f.spots {
		now := trees[i]
		for _, m := range f.trees[i] {
			if !slices.Contains(now, m) {
				return fmt.Errorf("%w: %s", errMembers, m.qualifiedName)
			}
		}
		if len(now) == len(f.trees[i]) {
			continue
		}
		if err := f.install(ctx, s, now, has); err != nil {
			return err
		}
		for _, m := range now {
			if slices.Contains(f.trees[i], m) {
				continue
			}
			f.tables = append(f.tables, m.oid)
			where := strings.ReplaceAll(s.where, s.qualifiedName+".", m.qualifiedName+".")
			found, err := f.value(work, "SELECT 1 FROM "+m.qualifiedName+" WHERE "+where+" LIMIT 1")
			if err != nil {
				return err
			}
			if found != "" {
				return fmt.Errorf("%w: %s", errMembers, m.qualifiedName)
			}
		}
		f.trees[i] = now
	}
	return nil
}

// policySetting returns the parameter by which the policies of all these tables know whose a
// statement is, "" where there is none, or more than one.
func (s *session) policySetting(ctx context.Context, spots []*locatedTable) (string, error) {
	oids := make([]string, len(spots))
	for i, spot := range spots {
		oids[i] = spot.oid
	}
	rows, err := s.query(ctx, "SELECT pg_get_expr(p.polqual, p.polrelid) FROM pg_class AS c "+
		"LEFT JOIN pg_policy AS p ON p.polrelid = c.oid AND p.polname = "+
		pgsession.Literal(policyName)+" AND c.relrowsecurity WHERE c.oid IN ("+
		strings.Join(oids, ", ")+")")
	if err != nil {
		return "", err
	}
	setting := ""
	for _, row := range rows {
		found := settingIn.FindSubmatch(row[0])
		if found == nil || setting != "" && setting != string(found[1]) {
			return "", nil
		}
		setting = string(found[1])
	}
	return setting, nil
}

// policyName is the name of the policy that rls.Enable writes.
const policyName = "gormtenant"
