package main

import (
	"context"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/scopes"
)

// crossing is the one way across tenants. It asks for a reason, and leaves a line in the audit log.
func (t *tour) crossing(ctx context.Context) {
	nobody := t.nobody
	t.part("Across tenants, on purpose and on record")

	t.allowed(`nobody.WithContext(gormtenant.Unscoped(ctx, "monthly invoicing")).Find(&projects)`,
		"5 rows: Docs, Globex website, Merger, Mobile app, Website", func() (string, error) {
			var projects []Project
			return found(&projects,
				nobody.WithContext(gormtenant.Unscoped(ctx, "monthly invoicing")).Find(&projects))
		})
	t.allowed(`nobody.Scopes(scopes.Unscoped("usage report")).Model(&User{}).Count(&n)`,
		"4 users", func() (string, error) {
			var n int64
			err := nobody.Scopes(scopes.Unscoped("usage report")).Model(&User{}).Count(&n).Error
			return count(int(n), "user"), err
		})
	t.refused(`nobody.WithContext(gormtenant.Unscoped(ctx, "")).Find(&projects)`,
		gormtenant.ErrNoReason, func() error {
			var projects []Project
			//tenantlint:ignore this shows what comes of it
			return nobody.WithContext(gormtenant.Unscoped(ctx, "")).Find(&projects).Error
		})
	t.refused(`nobody.Scopes(scopes.Unscoped("import")).Create(&User{Name: "Whose?"})`,
		gormtenant.ErrNoTenant, func() error {
			return nobody.Scopes(scopes.Unscoped("import")).Create(&User{Name: "Whose?"}).Error
		})
}
