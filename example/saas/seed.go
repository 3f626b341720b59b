package saas

import "gorm.io/gorm"

// SeedAcme makes the rows of one tenant, the one that the context of db names: nothing below does.
func SeedAcme(db *gorm.DB) error {
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

// SeedGlobex makes the rows of another tenant. Some of them are called what rows of the first are.
func SeedGlobex(db *gorm.DB) error {
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
