package schemas

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
	"github.com/gormtenant/gormtenant/tenants"
)

// pageSize is how many schemas are read at a time.
const pageSize = 500

// List yields the tenants that have a schema, with their Placement, in the byte order of their IDs,
// beginning after the given ID. If a tenant has several schemas, as after a move, it yields the one
// that the tenant's name leads to. It is a tenants.Lister: it reads page by page and holds no
// connection in between.
func (s *Provisioner) List(ctx context.Context, after string) iter.Seq2[*tenants.Tenant, error] {
	return s.list(ctx, after, ofTenants)
}

// list lists the tenants of the schemas that a query selects.
func (s *Provisioner) list(
	ctx context.Context, after, selected string,
) iter.Seq2[*tenants.Tenant, error] {
	return func(yield func(*tenants.Tenant, error) bool) {
		for {
			page, err := s.page(ctx, after, selected)
			if err != nil {
				yield(nil, fmt.Errorf("gormtenant: list the schemas: %w", err))
				return
			}
			for _, t := range page {
				if !yield(t, nil) {
					return
				}
			}
			if len(page) < pageSize {
				return
			}
			after = page[len(page)-1].ID
		}
	}
}

// ofTenants selects the schemas of tenants: "id" and "name".
const ofTenants = `SELECT substr(d.description, length('` + mark + `') + 1) COLLATE "C" AS id,
	n.nspname::text AS name
FROM pg_namespace AS n JOIN pg_description AS d
	ON d.objoid = n.oid AND d.classoid = 'pg_namespace'::regclass AND d.objsubid = 0
WHERE starts_with(d.description, '` + mark + `')`

// inUse selects those that their tenants have not moved away from.
var inUse = ofTenants + " AND NOT " + transfer.SchemaIsLeft

// lived lists the tenants whose schemas are in use. What others left is closed to writes, those of
// migrations too, and waits for its removal.
type lived struct{ *Provisioner }

func (l lived) List(ctx context.Context, after string) iter.Seq2[*tenants.Tenant, error] {
	return l.list(ctx, after, inUse)
}

// page reads up to pageSize tenants, and all schemas of each.
func (s *Provisioner) page(
	ctx context.Context, after, selected string,
) (page []*tenants.Tenant, err error) {
	rows, err := s.db.Statement.ConnPool.QueryContext(ctx,
		`SELECT id, array_to_string(array_agg(name ORDER BY name), '/') `+
			`FROM (`+selected+`) AS o WHERE id > $1 `+
			`GROUP BY id ORDER BY id LIMIT $2`, after, pageSize)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id, names string
		if err := rows.Scan(&id, &names); err != nil {
			return nil, err
		}
		page = append(page, &tenants.Tenant{
			ID: id, Placement: tenants.Placement{
				Level: tenants.Schema,
				Name:  s.pick(ctx, id, names),
			},
		})
	}
	return page, rows.Err()
}

// pick returns one of the schemas that are marked as the tenant's.
func (s *Provisioner) pick(ctx context.Context, id, names string) string {
	all := strings.Split(names, "/") // which no name has in it
	if name, err := s.nameOf(ctx, id); err == nil && slices.Contains(all, name) {
		return name
	}
	return all[0]
}
