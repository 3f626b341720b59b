package schemas

import (
	"context"
	"database/sql"
	"sync"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/tenants"
)

// Pending returns the versions of [Migrations] that the schema of a tenant lacks, in order. It
// changes nothing, and takes no lock that a migration would wait for. A tenant without a schema is
// [ErrNoSchema].
func (s *Provisioner) Pending(ctx context.Context, t *tenants.Tenant) (
	versions []string, err error,
) {
	ctx = placed(ctx, t)
	o, err := s.of(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	err = s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		o.bind(tx)
		if err := o.mustExist(ctx); err != nil {
			return err
		}
		if _, err := o.enter(ctx); err != nil {
			return err
		}
		versions, err = migrations.Pending(ctx, tx, s.migrations)
		return err
	}, &sql.TxOptions{ReadOnly: true})
	return versions, explain(o.name, err)
}

// PendingAll returns the versions that schemas lack, by the IDs of their tenants. Tenants whose
// schemas lack none are not in it. migrations.All describes its options, and how it reports what it
// could not look at.
//
//	behind, err := provisioner.PendingAll(ctx)
func (s *Provisioner) PendingAll(
	ctx context.Context, options ...migrations.Option,
) (map[string][]string, error) {
	var mu sync.Mutex
	behind := map[string][]string{}
	err := migrations.All(ctx, s, func(ctx context.Context, t *tenants.Tenant) ([]string, error) {
		versions, err := s.Pending(ctx, t)
		if err != nil || len(versions) == 0 {
			return nil, err
		}
		mu.Lock()
		defer mu.Unlock()
		behind[t.ID] = versions
		return nil, nil
	}, options...)
	return behind, err
}
