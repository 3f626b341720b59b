package main

import (
	"context"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/example/saas"
)

// The tenants. The tour runs as acme; whatever acme tries, globex must not notice.
const (
	acme   = "acme"
	globex = "globex"
)

// seed makes the tables and the rows of both tenants.
func seed(ctx context.Context, db *gorm.DB) error {
	if err := db.WithContext(ctx).AutoMigrate(saas.Models()...); err != nil { // needs no tenant
		return err
	}
	if err := seedAcme(db.WithContext(gormtenant.WithTenant(ctx, acme))); err != nil {
		return err
	}
	return seedGlobex(db.WithContext(gormtenant.WithTenant(ctx, globex)))
}

// Nothing below names a tenant: the context does.

func seedAcme(db *gorm.DB) error {
	ann, bob := User{Name: "Ann"}, User{Name: "Bob"}
	design, urgent := Tag{Label: "design"}, Tag{Label: "urgent"}
	if err := createAll(db, &ann, &bob, &design, &urgent); err != nil {
		return err
	}
	return createAll(db,
		&Project{
			Slug: "website", Name: "Website", OwnerID: ann.ID, Tags: []Tag{design},
			Tasks: []Task{{Title: "Wireframes", Done: true}, {Title: "Landing page"}},
		},
		&Project{
			Slug: "mobile", Name: "Mobile app", OwnerID: bob.ID, Tags: []Tag{design, urgent},
			Tasks: []Task{{Title: "Push messages"}},
		})
}

func seedGlobex(db *gorm.DB) error {
	carol := User{Name: "Carol"}
	secret, urgent := Tag{Label: "secret"}, Tag{Label: "urgent"}
	if err := createAll(db, &carol, &secret, &urgent); err != nil {
		return err
	}
	return createAll(db,
		&Project{
			Slug: "website", Name: "Globex website", OwnerID: carol.ID, Tags: []Tag{urgent},
			Tasks: []Task{{Title: "Shop"}},
		},
		&Project{
			Slug: "merger", Name: "Merger", OwnerID: carol.ID, Tags: []Tag{secret, urgent},
			Tasks: []Task{{Title: "Sign the papers"}, {Title: "Tell the press"}},
		})
}

func createAll(db *gorm.DB, values ...any) error {
	for _, value := range values {
		if err := db.Create(value).Error; err != nil {
			return err
		}
	}
	return nil
}
