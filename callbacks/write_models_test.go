package callbacks_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// ---- models of their own

type (
	waJTag struct {
		ID uint
		models.TenantModel
	}
	waJProject struct {
		ID uint
		models.TenantModel
		Tags []waJTag `gorm:"many2many:wa_links;joinForeignKey:ProjectID;joinReferences:TagID"`
	}
	waJLink struct {
		ProjectID uint `gorm:"primaryKey"`
		TagID     uint `gorm:"primaryKey"`
	}
	waKProject struct {
		ID uint
		models.TenantModel
		Tags []waJTag `gorm:"many2many:wa_k_links;joinForeignKey:ProjectID;joinReferences:TagID"`
	}
	waKLink struct {
		ProjectID uint `gorm:"primaryKey"`
		TagID     uint `gorm:"primaryKey"`
		models.TenantModel
	}
	waOwner struct {
		ID uint
		models.TenantModel
		Code string
		Kids []waKid `gorm:"foreignKey:OwnerCode;references:Code"`
	}
	waKid struct {
		ID uint
		models.TenantModel
		OwnerCode string
	}
	waNat struct {
		Code string `gorm:"primaryKey"`
		models.TenantModel
		Slug string `gorm:"unique"`
		Name string
		Kids []waNatKid `gorm:"foreignKey:NatCode"`
	}
	waNatKid struct {
		ID uint
		models.TenantModel
		NatCode string
	}
	waZ struct {
		Kind int  `gorm:"primaryKey;autoIncrement:false"`
		ID   uint `gorm:"primaryKey;autoIncrement:false"`
		models.TenantModel
		Kids []waZKid `gorm:"foreignKey:ZKind,ZID;references:Kind,ID"`
		Tags []waJTag `gorm:"many2many:wa_z_tags"`
	}
	waZKid struct {
		ID uint
		models.TenantModel
		ZKind int
		ZID   uint
	}
	waItem struct {
		ID uint
		models.TenantModel
		Slug   string `gorm:"uniqueIndex:wa_sr"`
		Region string `gorm:"uniqueIndex:wa_sr;default:eu"`
		Name   string
	}
	waMarker struct {
		ID string `gorm:"primaryKey"`
		models.TenantModel
	}
	waEvent struct {
		ID uint
		models.TenantModel
		Text string `gorm:"<-:create"`
	}
	waC struct {
		TenantID string `gorm:"primaryKey;tenant"`
		ID       uint   `gorm:"primaryKey;autoIncrement:false"`
		Name     string
		Kids     []waCKid `gorm:"foreignKey:TenantID,OwnerID;references:TenantID,ID"`
	}
	waCKid struct {
		TenantID string `gorm:"primaryKey;tenant"`
		ID       uint   `gorm:"primaryKey;autoIncrement:false"`
		OwnerID  *uint
	}
	waPOwner struct {
		ID uint
		models.TenantModel
		Notes []waPNote `gorm:"polymorphic:Owner"`
	}
	waPNote struct {
		ID uint
		models.TenantModel
		OwnerID   uint
		OwnerType *string
	}
	waUTag struct {
		ID string `gorm:"primaryKey"`
		models.TenantModel
		Name     string
		Projects []waUProject `gorm:"many2many:wa_u_links"`
	}
	waUProject struct {
		ID string `gorm:"primaryKey"`
		models.TenantModel
	}
)

func (waJLink) TableName() string { return "wa_renamed_links" }
func (waKLink) TableName() string { return "wa_k_links" }

// TestWrites_of_unusual_models writes to join tables of their own, and over keys that are not
// numbers.
func TestWrites_of_unusual_models(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		all := []any{
			&waJTag{}, &waJProject{}, &waJLink{}, &waKProject{}, &waKLink{}, &waOwner{}, &waKid{},
			&waNat{}, &waNatKid{}, &waZ{}, &waZKid{}, &waItem{}, &waMarker{}, &waEvent{}, &waC{},
			&waCKid{}, &waPOwner{}, &waPNote{}, &waUTag{}, &waUProject{},
		}
		openWith := func(t *testing.T, options ...tenantplugin.Option) *gorm.DB {
			db := open(&gorm.Config{DisableForeignKeyConstraintWhenMigrating: true})
			options = append(options, tenantplugin.Models(all...))
			require.NoError(t, db.Use(tenantplugin.New(options...)))
			require.NoError(t, db.SetupJoinTable(&waJProject{}, "Tags", &waJLink{}))
			require.NoError(t, db.SetupJoinTable(&waKProject{}, "Tags", &waKLink{}))
			return db
		}
		migrated := openWith(t)
		require.NoError(t, migrated.AutoMigrate(all...))
		tables, err := migrated.Migrator().GetTables()
		require.NoError(t, err)
		base := func(t *testing.T, options ...tenantplugin.Option) (a, b, u *gorm.DB) {
			db := openWith(t, options...)
			bg := context.Background()
			for _, table := range tables {
				empty := db.WithContext(gormtenant.Unscoped(bg, "test"))
				require.NoError(t, empty.Exec("DELETE FROM "+table).Error)
			}
			return db.WithContext(gormtenant.WithTenant(bg,
					A)), db.WithContext(gormtenant.WithTenant(bg, B)),
				db.WithContext(gormtenant.Unscoped(bg, "test"))
		}
		count := func(tx *gorm.DB) (n int64) { tx.Count(&n); return n }

		t.Run("join_table_renamed_after_Models", func(t *testing.T) {
			a, b, u := base(t)
			theirs := waJProject{ID: 11, Tags: []waJTag{{ID: 11}}}
			require.NoError(t, b.Create(&theirs).Error)
			require.NoError(t, a.Create(&waJTag{ID: 1}).Error)
			require.NoError(t, a.Model(&waJProject{ID: 11}).Association("Tags").Clear())
			require.EqualValues(t, 1, count(u.Table("wa_renamed_links")), "A cleared B's join rows")
			require.Error(t, a.Omit("Tags.*").Create(&waJProject{Tags: []waJTag{{ID: 11}}}).Error)
			require.Error(t, a.Model(&waJProject{ID: 11}).Association("Tags").
				Append(&waJTag{ID: 1}))
		})
		t.Run("join_table_with_a_tenant", func(t *testing.T) {
			a, b, _ := base(t)
			require.NoError(t, b.Create(&waKProject{ID: 11, Tags: []waJTag{{ID: 11}}}).Error)
			require.NoError(t, a.Create(&waJTag{ID: 1}).Error)
			require.Error(t, a.Omit("Tags.*").Create(&waKProject{Tags: []waJTag{{ID: 11}}}).Error)
			require.Error(t, a.Model(&waKProject{ID: 11}).Association("Tags").
				Append(&waJTag{ID: 1}))
			require.Error(t, a.Model(&waKProject{ID: 11}).Association("Tags").Append(&waJTag{}))
		})
		t.Run("owner_by_another_column_than_its_key", func(t *testing.T) {
			a, b, _ := base(t)
			require.NoError(t, b.Create(&waOwner{ID: 11, Code: "theirs"}).Error)
			require.NoError(t, a.Create(&waOwner{ID: 1, Code: "mine"}).Error)
			require.Error(t, a.Model(&waOwner{ID: 1, Code: "theirs"}).Association("Kids").
				Append(&waKid{}))
			require.Error(t, a.Model(&waOwner{Code: "theirs"}).Association("Kids").Append(&waKid{}))
		})
		t.Run("the_same_code_in_both_tenants", func(t *testing.T) {
			a, b, _ := base(t)
			require.NoError(t, b.Create(&waOwner{ID: 11, Code: "same"}).Error)
			require.NoError(t, a.Create(&waOwner{ID: 1, Code: "same"}).Error)
			require.NoError(t, a.Model(&waOwner{ID: 1, Code: "same"}).Association("Kids").
				Append(&waKid{}))
			require.NoError(t, a.Model(&waOwner{ID: 1, Code: "same"}).Association("Kids").
				Append(map[string]any{"id": 3}))
		})
		t.Run("upsert_on_another_key_than_the_natural_one", func(t *testing.T) {
			a, b, _ := base(t)
			require.NoError(t, b.Create(&waNat{Code: "bb", Slug: "bs"}).Error)
			require.NoError(t, a.Create(&waNat{Code: "aa", Slug: "as"}).Error)
			require.Error(t, a.Clauses(onSlugUpdate()).
				Create(&waNat{Code: "bb", Slug: "as", Kids: []waNatKid{{}}}).Error)
		})
		t.Run("key_with_a_zero_part", func(t *testing.T) {
			a, b, _ := base(t)
			require.NoError(t, b.Create(&waZ{Kind: 0, ID: 11}).Error)
			require.NoError(t, a.Create(&waJTag{ID: 1}).Error)
			require.Error(t, a.Model(&waZ{ID: 11}).Association("Kids").Append(&waZKid{}))
			require.Error(t, a.Omit("Tags.*").Model(&waZ{ID: 11}).Association("Tags").
				Append(&waJTag{ID: 1}))
		})
		t.Run("conflict_column_from_the_database", func(t *testing.T) {
			a, b, _ := base(t)
			require.NoError(t, b.Create(&waItem{Slug: "s"}).Error)
			require.ErrorIs(t, a.Clauses(clause.OnConflict{
				Columns:   []clause.Column{{Name: "slug"}, {Name: "region"}},
				DoUpdates: clause.AssignmentColumns([]string{"name"}),
			}).Model(&waItem{}).
				Create(map[string]any{"slug": "s", "name": "a"}).Error, gormtenant.ErrOtherTenant)
		})
		t.Run("conflict_on_an_expression", func(t *testing.T) {
			a, b, u := base(t)
			if u.Name() != "postgres" {
				return
			}
			require.NoError(t, u.Exec("CREATE UNIQUE INDEX wa_lower ON wa_items (lower(name))").
				Error)
			t.Cleanup(func() { require.NoError(t, u.Exec("DROP INDEX wa_lower").Error) })
			require.NoError(t, b.Create(&waItem{Slug: "s", Name: "x"}).Error)
			require.ErrorIs(t, a.Clauses(clause.OnConflict{
				Columns:   []clause.Column{{Name: "lower(name)", Raw: true}},
				DoUpdates: clause.AssignmentColumns([]string{"slug"}),
			}).Create(&waItem{Slug: "q", Name: "X"}).Error, gormtenant.ErrOtherTenant)
		})
		t.Run("polymorphic_type_of_a_pointer_field_CheckReferences", func(t *testing.T) {
			a, b, _ := base(t, tenantplugin.CheckReferences())
			require.NoError(t, b.Create(&waPOwner{ID: 11}).Error)
			require.Error(t, a.Create(&waPNote{OwnerID: 11, OwnerType: ptr("wa_p_owners")}).Error)
		})
		t.Run("save_of_a_model_with_nothing_to_update", func(t *testing.T) {
			a, _, _ := base(t)
			require.NoError(t, a.Save(&waMarker{ID: "m"}).Error)
			require.NoError(t, a.Save(&waMarker{ID: "m"}).Error)
			e := waEvent{Text: "q"}
			require.NoError(t, a.Create(&e).Error)
			require.NoError(t, a.Save(&e).Error)
			require.NoError(t, a.Updates(&e).Error)
		})
		t.Run("upsert_of_the_tenant_alone", func(t *testing.T) {
			a, _, _ := base(t)
			own := waItem{Slug: "k1"}
			require.NoError(t, a.Create(&own).Error)
			rows := []waItem{{Slug: "k1"}, {Slug: "k2"}}
			require.NoError(t, a.Clauses(clause.OnConflict{
				Columns:   []clause.Column{{Name: "slug"}, {Name: "region"}},
				DoUpdates: clause.AssignmentColumns([]string{"tenant_id"}),
			}).Create(&rows).Error)
			require.Equal(t, own.ID, rows[0].ID)
			require.NotZero(t, rows[1].ID)
		})
		t.Run("composite_key_unscoped_clear", func(t *testing.T) {
			a, _, u := base(t)
			o := waC{ID: 1, Kids: []waCKid{{ID: 1}, {ID: 2}}}
			require.NoError(t, a.Create(&o).Error)
			require.NoError(t, u.Model(&o).Association("Kids").Delete(&o.Kids[0]))
			require.NoError(t, u.Model(&o).Association("Kids").Clear())
		})
		t.Run("target_where_of_the_current_table", func(t *testing.T) {
			a, _, u := base(t)
			require.NoError(t,
				u.Exec("CREATE UNIQUE INDEX wa_partial ON wa_items (name) WHERE region = 'eu'").
					Error)
			t.Cleanup(func() { require.NoError(t, u.Exec("DROP INDEX wa_partial").Error) })
			require.NoError(t, a.Create(&waItem{Slug: "1", Name: "x"}).Error)
			require.NoError(t, a.Clauses(clause.OnConflict{
				Columns: []clause.Column{{Name: "name"}}, DoNothing: true,
				TargetWhere: clause.Where{Exprs: []clause.Expression{clause.Eq{
					Column: clause.Column{Table: clause.CurrentTable, Name: "region"},
					Value:  clause.Expr{SQL: "'eu'"},
				}}},
			}).
				Create(&waItem{Slug: "2", Name: "x"}).Error)
		})
		t.Run("save_of_a_new_row_with_its_own_key_and_many2many", func(t *testing.T) {
			a, _, _ := base(t)
			require.NoError(t, a.Create(&waUProject{ID: "p"}).Error)
			require.NoError(t, a.Save(&waUTag{ID: "t", Projects: []waUProject{{ID: "p"}}}).Error)
		})
		t.Run("map_of_nil_drops_the_tenant", func(t *testing.T) {
			a, _, _ := base(t)
			require.NoError(t, a.Create(&waItem{ID: 1, Slug: "s"}).Error)
			require.ErrorIs(t, a.Model(&waItem{ID: 1}).
				Updates(map[string]any{"tenant_id": nil, "name": nil}).Error,
				gormtenant.ErrTenantChange)
		})
	})
}
