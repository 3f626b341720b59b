package callbacks_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

type (
	dupOwner struct {
		ID uint
		models.TenantModel
		Name      string
		HomeID    *uint
		Home      dupHome
		WorkID    *uint
		Work      *dupHome
		Pets      []*dupPet
		Toys      []dupToy
		Langs     []dupLang  `gorm:"many2many:dup_owner_langs"`
		Clubs     []*dupClub `gorm:"many2many:dup_owner_clubs"`
		*DupExtra            // of which nothing is saved where it is nil
	}
	DupExtra struct {
		Extras []dupToy `gorm:"foreignKey:ExtraOf"`
	}
	dupHome struct {
		ID uint `gorm:"autoIncrement:false"`
		models.TenantModel
		Street string
	}
	dupPet struct {
		ID uint `gorm:"autoIncrement:false"`
		models.TenantModel
		DupOwnerID *uint
	}
	dupToy struct {
		ID uint `gorm:"autoIncrement:false"`
		models.TenantModel
		DupOwnerID *uint
		ExtraOf    *uint
	}
	dupLang struct {
		Code string `gorm:"primaryKey"`
		models.TenantModel
		Friends []dupClub `gorm:"foreignKey:LangCode"`
	}
	// dupClub has the tenant in its key.
	dupClub struct {
		TenantID string `gorm:"primaryKey;tenant"`
		ID       uint   `gorm:"primaryKey;autoIncrement:false"`
		Name     string
		LangCode *string
	}
)

// owners returns two owners who share each of their relations' rows, in structs of their own.
func owners() []*dupOwner {
	var all []*dupOwner
	for _, name := range []string{"x", "y"} {
		all = append(all, &dupOwner{
			Name:  name,
			Home:  dupHome{ID: 1, Street: "s"},
			Work:  &dupHome{ID: 2, Street: "w"},
			Pets:  []*dupPet{{ID: 1}, {ID: 1}},
			Toys:  []dupToy{{ID: 1}, {ID: 2}, {ID: 1}},
			Langs: []dupLang{{Code: "en"}, {Code: "de"}, {Code: "en"}},
			Clubs: []*dupClub{{ID: 1, Name: "c"}, {ID: 1, Name: "c"}, {ID: 2, Name: "d"}},
		})
	}
	return all
}

// tenantsIn returns the tenants in an owner and all that is saved with it.
func (o *dupOwner) tenantsIn() []string {
	all := []string{o.TenantID, o.Home.TenantID, o.Work.TenantID}
	for _, p := range o.Pets {
		all = append(all, p.TenantID)
	}
	for _, t := range o.Toys {
		all = append(all, t.TenantID)
	}
	for _, l := range o.Langs {
		all = append(all, l.TenantID)
	}
	for _, c := range o.Clubs {
		all = append(all, c.TenantID)
	}
	return all
}

func duplicates(t *testing.T, open func(*gorm.Config) *gorm.DB) *gorm.DB {
	t.Helper()
	db := open(&gorm.Config{})
	require.NoError(t, db.Use(tenantplugin.New()))
	require.NoError(t, db.AutoMigrate(
		&dupHome{}, &dupOwner{}, &dupPet{}, &dupToy{}, &dupLang{}, &dupClub{},
	))
	return db.WithContext(gormtenant.WithTenant(t.Context(), A))
}

// TestDuplicates_get_their_tenant: of structs with one key GORM saves the first.
func TestDuplicates_get_their_tenant(t *testing.T) {
	t.Parallel()
	full := &gorm.Session{FullSaveAssociations: true}
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		for _, c := range []struct {
			name string
			save func(db *gorm.DB, all []*dupOwner) error
		}{
			{"create", func(db *gorm.DB, all []*dupOwner) error { return db.Create(all).Error }},
			{"create_in_batches", func(db *gorm.DB, all []*dupOwner) error {
				return db.CreateInBatches(&all, 10).Error
			}},
			{"create_one", func(db *gorm.DB, all []*dupOwner) error {
				for _, o := range all {
					if err := db.Create(o).Error; err != nil {
						return err
					}
				}
				return nil
			}},
			{"create_full", func(db *gorm.DB, all []*dupOwner) error {
				return db.Session(full).Create(all).Error
			}},
			{"save", func(db *gorm.DB, all []*dupOwner) error { return db.Save(all).Error }},
			{"save_full", func(db *gorm.DB, all []*dupOwner) error {
				return db.Session(full).Save(all).Error
			}},
			{"save_of_values", func(db *gorm.DB, all []*dupOwner) error {
				values := []dupOwner{*all[0], *all[1]}
				err := db.Save(&values).Error
				*all[0], *all[1] = values[0], values[1]
				return err
			}},
			{"update_each", func(db *gorm.DB, all []*dupOwner) error {
				for _, o := range all {
					made := dupOwner{Name: o.Name}
					if err := db.Create(&made).Error; err != nil {
						return err
					}
					o.ID = made.ID
					if err := db.Session(full).Updates(o).Error; err != nil {
						return err
					}
					o.TenantID = made.TenantID // of an update GORM leaves the value as it is
				}
				return nil
			}},
		} {
			t.Run(c.name, func(t *testing.T) {
				db, all := duplicates(t, open), owners()
				require.NoError(t, c.save(db, all))
				for _, o := range all {
					for _, tenant := range o.tenantsIn() {
						require.Equal(t, A, tenant, "%+v", o)
					}
					require.Nil(t, o.DupExtra, "nothing is made in passing")
				}
				var read []dupOwner
				err := db.Preload("Langs").Preload("Clubs").Order("id").Find(&read).Error
				require.NoError(t, err)
				for _, o := range read {
					require.Len(t, o.Langs, 2)
					require.Len(t, o.Clubs, 2)
					require.EqualValues(t, 1, *o.HomeID)
					require.EqualValues(t, 2, *o.WorkID)
				}
			})
		}
	})
}

// TestDuplicates_that_are_not_saved stay as they are.
func TestDuplicates_that_are_not_saved(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db, all := duplicates(t, open), owners()
		require.NoError(t, db.Create(&[]dupLang{{Code: "en"}, {Code: "de"}}).Error)
		err := db.Omit("Home", "Toys", "Langs.*").Create(all).Error
		require.NoError(t, err)
		for _, o := range all {
			require.Empty(t, o.Home.TenantID)
			for _, toy := range o.Toys {
				require.Empty(t, toy.TenantID)
			}
			for _, lang := range o.Langs {
				require.Empty(t, lang.TenantID)
			}
			require.Equal(t, A, o.Work.TenantID)
			require.Equal(t, A, o.Clubs[2].TenantID)
		}
	})
}

// TestDuplicates_of_another_tenant: a duplicate that GORM does not save says whose it is, too.
func TestDuplicates_of_another_tenant(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := duplicates(t, open)
		for _, set := range []func(o *dupOwner){
			func(o *dupOwner) { o.Home.TenantID = B },
			func(o *dupOwner) { o.Work.TenantID = B },
			func(o *dupOwner) { o.Pets[1].TenantID = B },
			func(o *dupOwner) { o.Toys[2].TenantID = B },
			func(o *dupOwner) { o.Langs[2].TenantID = B },
			func(o *dupOwner) { o.Clubs[1].TenantID = B },
		} {
			all := owners()
			set(all[1])
			require.ErrorIs(t, db.Create(all).Error, gormtenant.ErrOtherTenant)
			for _, model := range []any{
				&dupHome{}, &dupOwner{}, &dupPet{}, &dupToy{}, &dupLang{}, &dupClub{},
			} {
				var n int64
				require.NoError(t, db.Model(model).Count(&n).Error)
				require.Zero(t, n, "%T", model)
			}
		}
	})
}
