package store

import (
	"context"
	"iter"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant/internal/prefix"
	"github.com/gormtenant/gormtenant/tenants"
)

// Filter says which tenants [Store.Only] lists.
type Filter struct {
	column string
	values any
}

// WithStatus keeps the tenants that have one of these statuses.
func WithStatus(statuses ...tenants.Status) Filter { return Filter{"status", statuses} }

// WithPlan keeps the tenants that have one of these plans.
func WithPlan(plans ...string) Filter { return Filter{"plan", plans} }

// Selection is a part of the tenants of a [Store]: those that pass all of its filters.
type Selection struct {
	store   *Store
	filters []Filter
}

var _ tenants.Lister = (*Selection)(nil)

// Only returns the tenants that pass all filters, as a lister for tenants.Each:
//
//	late := directory.Only(store.WithStatus(tenants.Suspended), store.WithPlan("pro"))
//	err := tenants.Each(ctx, late, remind, tenants.Everyone())
func (s *Store) Only(filters ...Filter) *Selection { return &Selection{s, filters} }

// List goes through the tenants as [Store.List] does.
func (l *Selection) List(ctx context.Context, after string) iter.Seq2[*tenants.Tenant, error] {
	return l.store.list(ctx, after, l.filters)
}

// Count returns how many there are.
func (l *Selection) Count(ctx context.Context) (int64, error) {
	var count int64
	err := filtered(l.store.session(ctx), l.filters).Model(&tenantRow{}).Count(&count).Error
	if err != nil {
		return 0, prefix.Errorf("counting tenants: %w", err)
	}
	return count, nil
}

// page reads the tenants that come after an ID. "" comes before all others.
func (s *Store) page(ctx context.Context, after string, filters []Filter) ([]tenantRow, error) {
	var page []tenantRow
	err := filtered(s.session(ctx), filters).
		Clauses(clause.Gt{Column: clause.Column{Name: "id"}, Value: after}).
		Order("id").Limit(pageSize).Find(&page).Error
	if err != nil {
		return nil, prefix.Errorf("listing tenants: %w", err)
	}
	return page, nil
}

func filtered(db *gorm.DB, filters []Filter) *gorm.DB {
	for _, filter := range filters {
		db = db.Where("? IN ?", clause.Column{Name: filter.column}, filter.values)
	}
	return db
}
