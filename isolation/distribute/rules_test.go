package distribute_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/example/saas"
	"github.com/gormtenant/gormtenant/example/saas/sharded"
	"github.com/gormtenant/gormtenant/isolation/distribute"
	"github.com/gormtenant/gormtenant/models"
	"github.com/gormtenant/gormtenant/tenants/quota"
)

// dry returns a *gorm.DB that never connects.
func dry(t *testing.T) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(postgres.Open("host=nowhere.invalid"),
		&gorm.Config{DryRun: true, DisableAutomaticPing: true})
	require.NoError(t, err)
	closeAfter(t, db)
	return db
}

type (
	country struct {
		ID   uint
		Name string
	}
	city struct { // right, but for the country
		TenantID  string `gorm:"tenant;primaryKey"`
		ID        uint   `gorm:"primaryKey"`
		CountryID uint
		Country   *country
	}
	audit struct { // nobody's, and refers to a tenant's
		ID       uint
		CityOrg  string
		CityID   uint
		City     *city `gorm:"foreignKey:CityOrg,CityID;references:TenantID,ID"`
		HasCity2 bool
	}
	keyless struct {
		TenantID string `gorm:"tenant;not null"`
		Name     string
	}
	unique struct {
		TenantID string `gorm:"tenant;primaryKey"`
		ID       uint   `gorm:"primaryKey"`
		Email    string `gorm:"uniqueIndex"`
		Code     string `gorm:"unique"`
	}
	emptying struct {
		TenantID string `gorm:"tenant;primaryKey"`
		ID       uint   `gorm:"primaryKey"`
		CityID   *uint
		City     *city `gorm:"foreignKey:TenantID,CityID;references:TenantID,ID;constraint:OnDelete:SET NULL"` //nolint:lll // A tag cannot be broken.
	}
	changing struct {
		TenantID string `gorm:"tenant;primaryKey"`
		ID       uint   `gorm:"primaryKey"`
		CityID   *uint
		City     *city `gorm:"foreignKey:TenantID,CityID;references:TenantID,ID;constraint:OnUpdate:CASCADE"` //nolint:lll // A tag cannot be broken.
	}
	numbered struct {
		OrgID int64 `gorm:"tenant;primaryKey"`
		ID    uint  `gorm:"primaryKey"`
	}
	short struct {
		TenantID string `gorm:"tenant;primaryKey"`
		ID       int32  `gorm:"primaryKey"`
	}
	left struct {
		TenantID string  `gorm:"tenant;primaryKey"`
		ID       uint    `gorm:"primaryKey"`
		Rights   []right `gorm:"many2many:sides"`
	}
	right struct {
		TenantID string `gorm:"tenant;primaryKey"`
		ID       uint   `gorm:"primaryKey"`
	}
	group struct {
		ID uint
		models.TenantModel
		Parts []part `gorm:"many2many:group_parts"`
	}
	part struct {
		ID uint
		models.TenantModel
	}
)

func (emptying) TableName() string { return "emptying" }
func (changing) TableName() string { return "changing" }

func TestCheck_names_the_tag_to_write(t *testing.T) {
	t.Parallel()
	const both, citus = "", "citus"
	for _, test := range []struct {
		name, target string
		models       []any
		says         []string
	}{
		{"key_of_the_id", both, []any{&saas.User{}}, []string{
			`users: the primary key (id) has no tenant_id: tag TenantID gorm:"tenant;primaryKey"`,
			`users.Manager: the foreign key fk_users_manager has no tenant: tag it ` +
				`gorm:"foreignKey:TenantID,ManagerID;references:TenantID,ID"`,
			`users.Profile: the foreign key fk_users_profile has no tenant: tag it ` +
				`gorm:"foreignKey:TenantID,UserID;references:TenantID,ID"`,
		}},
		{"no_key", both, []any{&keyless{}}, []string{"keylesses: the model has no primary key"}},
		{"unique_without_the_tenant", both, []any{&unique{}}, []string{
			`uniques: the unique index idx_uniques_email has no tenant_id: tag TenantID ` +
				`gorm:"uniqueIndex:idx_uniques_email,priority:1"`,
			`uniques: the unique constraint uni_uniques_code has no tenant_id: in place of ` +
				`gorm:"unique", tag TenantID gorm:"uniqueIndex:idx_uniques_code,priority:1" and ` +
				`Code ` +
				`gorm:"uniqueIndex:idx_uniques_code,priority:2"`,
		}},
		{"set_null", both, []any{&emptying{}, distribute.Reference(&country{})}, []string{
			"fk_emptying_city: ON DELETE SET NULL would empty tenant_id: CASCADE, RESTRICT or " +
				"NO ACTION",
		}},
		{"update_cascade", both, []any{&changing{}, distribute.Reference(&country{})}, []string{
			"fk_changing_city: ON UPDATE CASCADE would change tenant_id",
		}},
		{"two_types", both, []any{&numbered{}, &right{}}, []string{
			"rights.tenant_id is text, numbereds.org_id bigint: give them one type",
		}},
		{"join_table_by_ids", both, []any{&group{}}, []string{
			`group_parts: the join table needs one tenant column: tag group.Parts ` +
				`gorm:"many2many:` +
				`group_parts;foreignKey:TenantID,ID;joinForeignKey:TenantID,GroupID;` +
				`references:TenantID,ID;joinReferences:TenantID,PartID"`,
		}},
		{"join_table_with_two_tenants", both, []any{&left{}}, []string{
			`sides: the join table needs one tenant column: tag left.Rights gorm:"many2many:` +
				`sides;foreignKey:TenantID,ID;joinForeignKey:TenantID,LeftID;` +
				`references:TenantID,ID;joinReferences:TenantID,RightID"`,
		}},
		{"local_table", citus, []any{&city{}}, []string{
			"cities.Country: countries is a local table, to which a distributed one cannot " +
				"refer: " +
				"add distribute.Reference(&country{})",
		}},
		{"nobodys_table_refers", citus, []any{
			&city{}, distribute.Reference(&country{}, &audit{}),
		}, []string{"audits.City: audits is nobody's and refers to cities"}},
		{"serial", citus, []any{&short{}}, []string{
			"shorts.id is serial, of which workers cannot take numbers",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, to := range []distribute.Target{cluster, four} {
				err := distribute.Check(dry(t), to, test.models...)
				if test.target == citus && to != distribute.Citus() {
					require.NoError(t, err)
					continue
				}
				for _, says := range test.says {
					require.ErrorContains(t, err, says)
				}
			}
		})
	}
}

func TestCheck_finds_nothing_in_models_that_are_right(t *testing.T) {
	t.Parallel()
	for _, to := range []distribute.Target{distribute.Citus(), distribute.HashPartitions(4)} {
		given := append(sharded.Models(), quota.Models()...)
		require.NoError(t, distribute.Check(dry(t), to, given...))
		require.NoError(t, distribute.Check(dry(t), to, &city{}, distribute.Reference(&country{})))
	}
}

func TestDistribute_says_what_is_wrong_with_its_arguments(t *testing.T) {
	t.Parallel()
	db := dry(t)
	for name, err := range map[string]error{
		"needs a target":          distribute.Check(db, distribute.Target{}, &city{}),
		"HashPartitions(-1)":      distribute.Check(db, distribute.HashPartitions(-1), &city{}),
		"HashPartitions(1000000)": distribute.Check(db, distribute.HashPartitions(1e6), &city{}),
		"none of the models":      distribute.Check(db, distribute.Citus(), &country{}),
		"knows no models":         distribute.Check(db, distribute.Citus()),
		"cities belongs to tenants": distribute.Check(db, distribute.Citus(), &city{},
			distribute.Reference(&city{})),
		"distribute.Reference of a int": distribute.Check(db, distribute.Citus(), &city{},
			distribute.Reference(1)),
		"needs a *gorm.DB on Postgres":   distribute.Check(nil, distribute.Citus(), &city{}),
		"knows no models: pass them, or": distribute.Isolate(t.Context(), db, "acme"),
	} {
		require.ErrorContains(t, err, name)
		require.ErrorContains(t, err, "gormtenant: ")
	}
	require.ErrorIs(t, distribute.Check(db, distribute.Citus(), &country{}),
		gormtenant.ErrInvalidModel)
}
