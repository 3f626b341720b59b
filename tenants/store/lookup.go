package store

import (
	"context"
	"iter"

	"github.com/gormtenant/gormtenant/internal/prefix"
	"github.com/gormtenant/gormtenant/tenants"
)

// Lookup returns the tenant whose ID, slug or domain the identifier is, byte for byte: domains are
// in lower case and ASCII, as Create made them. It is one statement,
//
//	SELECT * FROM gormtenant_tenants
//	WHERE id = (SELECT tenant_id FROM gormtenant_names
//		WHERE name = 'acme' AND released_at IS NULL) LIMIT 1
//
// Where there is none the error is a tenants.ErrNotFound, and what can be nobody's name is not even
// sent.
func (s *Store) Lookup(ctx context.Context, identifier string) (*tenants.Tenant, error) {
	if problemOfID(identifier) != "" {
		return nil, tenants.ErrNotFound
	}
	var row tenantRow
	found := s.session(ctx).
		Where("id = (SELECT tenant_id FROM gormtenant_names WHERE name = ? AND "+
					"released_at IS NULL)", identifier).
		Limit(1).Find(&row) // Take would log what is not found
	if found.Error != nil {
		return nil, prefix.Errorf("reading a tenant: %w", found.Error)
	}
	if found.RowsAffected == 0 {
		return nil, tenants.ErrNotFound
	}
	return row.tenant(), nil
}

// pageSize is how many tenants List reads at once.
const pageSize = 500

// List goes through the tenants whose ID comes after the given one, "" for all, whatever their
// status, in the order of the bytes of their IDs:
//
//	for t, err := range directory.List(ctx, "") {
//		if err != nil {
//			return err
//		}
//		...
//	}
//
// It reads 500 at once, and holds neither a connection nor a lock while the loop's body runs, which
// may use the same database and may change tenants. A tenant that is created meanwhile is seen if
// its ID is yet to come. After an error there is nothing more.
func (s *Store) List(ctx context.Context, after string) iter.Seq2[*tenants.Tenant, error] {
	return s.list(ctx, after, nil)
}

func (s *Store) list(
	ctx context.Context, after string, filters []Filter,
) iter.Seq2[*tenants.Tenant, error] {
	return func(yield func(*tenants.Tenant, error) bool) {
		last := after
		if problem := problemOfID(after); after != "" && problem != "" {
			yield(nil,
				invalid("ID", "a list goes on after the ID of a tenant, not after %s: %s",
					quoted(after), problem))
			return
		}
		for {
			page, err := s.page(ctx, last, filters)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range page {
				if !yield(page[i].tenant(), nil) {
					return
				}
			}
			if len(page) < pageSize {
				return
			}
			last = page[len(page)-1].ID
		}
	}
}

// Count returns how many tenants there are, whatever their status.
func (s *Store) Count(ctx context.Context) (int64, error) { return s.Only().Count(ctx) }
