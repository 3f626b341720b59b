package service

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/example/saas"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/store"
)

// The tenants of the demonstration. Both are on the free plan, and acme has all the projects that
// it may.
const (
	acme   = "acme"
	globex = "globex"
	// demoPassword is that of all their users.
	demoPassword = "demonstration"
)

// demoID is a tenant's ID: no UUID, as those that register have.
func demoID(slug string) string { return "demo-" + slug }

// seed makes the tenants and their rows, all or nothing, if the database has no tenants.
func (d *demo) seed(ctx context.Context) error {
	n, err := d.s.store.Count(ctx)
	if err != nil || n > 0 {
		return err
	}
	hash, err := d.s.passwords.hash(ctx, demoPassword)
	if err != nil {
		return err
	}
	err = d.s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		directory, err := store.New(tx)
		if err != nil {
			return err
		}
		for _, t := range []*tenants.Tenant{
			{ID: demoID(acme), Slug: acme, Name: "Acme Ltd"},
			{ID: demoID(globex), Slug: globex, Name: "Globex Corporation"},
		} {
			if err := directory.Create(ctx, t); err != nil {
				return err
			}
			if err := seedTenant(tx.WithContext(tenants.NewContext(ctx, t)), t.Slug,
				hash); err != nil {
				return err
			}
		}
		return nil
	})
	d.s.directory.InvalidateAll() // that there was none is cached
	return err
}

// place moves the tenants to where the configuration wants them.
func (d *demo) place(ctx context.Context, levels map[string]tenants.Level) error {
	for slug, level := range levels {
		t, err := d.s.store.Lookup(ctx, demoID(slug))
		if err == nil {
			_, err = d.s.moveTo(ctx, t, level, true)
		}
		if err != nil {
			return fmt.Errorf("placing %s: %w", slug, err)
		}
	}
	return nil
}

func seedTenant(db *gorm.DB, slug, hash string) error {
	if slug == globex {
		return errors.Join(saas.SeedGlobex(db), addAccounts(db, hash))
	}
	if err := saas.SeedAcme(db); err != nil {
		return err
	}
	var ann saas.User
	if err := db.First(&ann, "name = ?", "Ann").Error; err != nil {
		return err
	}
	third := saas.Project{
		Slug: "docs", Name: "Documentation", OwnerID: ann.ID,
		Tasks: []saas.Task{{Title: "Tutorial"}},
	}
	return errors.Join(db.Create(&third).Error, addAccounts(db, hash))
}

// addAccounts lets all users of the tenant log in.
func addAccounts(db *gorm.DB, hash string) error {
	var users []saas.User
	if err := db.Find(&users).Error; err != nil {
		return err
	}
	for _, user := range users {
		if err := db.Create(&account{Login: user.Name, UserID: user.ID, Password: hash}).
			Error; err != nil {
			return err
		}
	}
	return nil
}
