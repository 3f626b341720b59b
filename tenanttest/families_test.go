package tenanttest_test

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"net/mail"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenanttest"
)

// Models as applications have them, without a flaw that is the kit's to find.
type (
	squad struct { // refers to a model that refers to it
		ID uint
		models.TenantModel
		LeadID *uint
		Lead   *player  `gorm:"foreignKey:LeadID"`
		All    []player `gorm:"foreignKey:SquadID"`
	}
	player struct {
		ID uint
		models.TenantModel
		SquadID uint `gorm:"not null"`
		Squad   *squad
		Profile *profile `gorm:"foreignKey:PlayerID"`
		Setting setting  `gorm:"foreignKey:PlayerID"`
	}
	profile struct { // one for each player
		ID uint
		models.TenantModel
		PlayerID uint `gorm:"not null;uniqueIndex"`
		Bio      string
	}
	setting struct { // whose key is a foreign key
		PlayerID uint `gorm:"primaryKey"`
		models.TenantModel
		Theme string
	}
	shelf struct { // whose key holds that of its parent
		TenantID string `gorm:"primaryKey;tenant"`
		Room     string `gorm:"primaryKey;size:8"`
		Number   int    `gorm:"primaryKey;autoIncrement:false"`
		Note     *string
	}
	room struct {
		TenantID string  `gorm:"primaryKey;tenant"`
		Code     string  `gorm:"primaryKey;size:8"`
		Shelves  []shelf `gorm:"foreignKey:TenantID,Room;references:TenantID,Code"`
	}
	board struct {
		ID uint
		models.TenantModel
		Issues []issue
	}
	issue struct { // numbered below its parent
		ID uint
		models.TenantModel
		BoardID uint `gorm:"uniqueIndex:idx_issues_number"`
		Number  int  `gorm:"uniqueIndex:idx_issues_number"`
		Title   string
	}
	person struct { // in groups, by a model of the join table
		ID uint
		models.TenantModel
		Name   string
		Groups []group `gorm:"many2many:memberships"`
	}
	group struct {
		ID uint
		models.TenantModel
		Name string
	}
	membership struct {
		models.TenantModel
		PersonID uint   `gorm:"primaryKey"`
		GroupID  uint   `gorm:"primaryKey"`
		Role     string `gorm:"not null;default:member"`
	}
	summary struct { // a smaller struct for the table of group
		ID uint
		models.TenantModel
	}
	picture struct { // of columns that take not every value
		ID uint
		models.TenantModel
		Kind   string   `gorm:"type:varchar(6);check:kind = 'jpeg' OR kind = 'png'"`
		Path   string   `gorm:"type:varchar(30);not null;check:path LIKE '/%.img'"`
		Colour colour   `gorm:"type:varchar(10);not null"`
		Scale  ratio    `gorm:"type:numeric(3,2);not null;check:scale > 0"`
		Words  []string `gorm:"serializer:json;not null"`
		Taken  string   `gorm:"type:date"`
		Login  string   `gorm:"size:40"`
	}
	folder struct {
		ID       uint
		TenantID string `gorm:"tenant;not null;uniqueIndex:idx_folders_path,priority:1"`
		Path     string `gorm:"uniqueIndex:idx_folders_path,priority:2,expression:lower(path)"`
	}
)

// colour is an enumeration that knows its values.
type colour int

func (c colour) Value() (driver.Value, error) {
	if c != 1 {
		return nil, fmt.Errorf("no colour: %d", c)
	}
	return "red", nil
}

func (c *colour) Scan(any) error {
	*c = 1
	return nil
}

// ratio is a decimal number.
type ratio struct{ text string }

func (r ratio) Value() (driver.Value, error) { return r.text, nil }

func (r *ratio) Scan(value any) error {
	r.text = fmt.Sprint(value)
	return nil
}

func (ratio) GormDataType() string { return "decimal" }

func (summary) TableName() string { return "groups" }

// record has a hook that gives each row its key, whether it has one or not.
type record struct {
	ID string `gorm:"primaryKey;type:varchar(36)"`
	models.TenantModel
	Text    string
	Entries []entry
}

func (r *record) BeforeCreate(*gorm.DB) error {
	r.ID = uuid.NewString()
	return nil
}

type entry struct {
	ID string `gorm:"primaryKey;type:varchar(36)"`
	models.TenantModel
	RecordID string `gorm:"type:varchar(36)"`
}

func (e *entry) BeforeCreate(*gorm.DB) error {
	e.ID = uuid.NewString()
	return nil
}

// receipt cannot be changed.
type receipt struct {
	ID uint
	models.TenantModel
	Text string
}

func (*receipt) BeforeUpdate(*gorm.DB) error { return errors.New("receipts are never changed") }
func (*receipt) BeforeDelete(*gorm.DB) error { return errors.New("receipts are never deleted") }

// contact looks at its address.
type contact struct {
	ID uint
	models.TenantModel
	Email string
}

func (c *contact) BeforeSave(*gorm.DB) error {
	_, err := mail.ParseAddress(c.Email)
	return err
}

// account comes with a row of another model.
type account struct {
	ID uint
	models.TenantModel
	Name  string
	Inbox []inbox
}

func (a *account) AfterCreate(tx *gorm.DB) error { return tx.Create(&inbox{AccountID: a.ID}).Error }

type inbox struct {
	ID uint
	models.TenantModel
	AccountID uint
	Name      string
}

// joined makes membership the model of its join table.
func joined(t *testing.T, db *gorm.DB) {
	t.Helper()
	require.NoError(t, db.SetupJoinTable(&person{}, "Groups", &membership{}))
}

func TestRun_passes_on_models_of_applications(t *testing.T) {
	t.Parallel()
	for _, family := range []struct {
		name   string
		models []any
		config gorm.Config // copied: gorm.Open keeps it
		before func(t *testing.T, db *gorm.DB)
		only   string // a kind of database
	}{
		{
			name:   "circle_and_one_row_for_each",
			models: []any{&squad{}, &player{}, &profile{}, &setting{}}, before: circle,
		},
		{name: "keys_that_hold_the_parents", models: []any{&room{}, &shelf{}}},
		{name: "numbers_below_a_parent", models: []any{&board{}, &issue{}}},
		{
			name: "model_of_a_join_table", models: []any{&person{}, &group{}, &membership{}},
			before: joined,
		},
		{name: "two_models_of_one_table", models: []any{&group{}, &summary{}}},
		{name: "columns_that_take_not_all", models: []any{&picture{}}},
		{name: "index_on_an_expression", models: []any{&folder{}}},
		{name: "keys_by_a_hook_always", models: []any{&record{}, &entry{}}},
		{name: "hooks_that_refuse", models: []any{&receipt{}, &contact{}}},
		{name: "hook_that_creates", models: []any{&account{}, &inbox{}}},
		{
			name: "application_that_changes_all", models: goodModels(),
			config: gorm.Config{AllowGlobalUpdate: true},
		},
		{
			name: "names_in_upper_case", models: goodModels(),
			config: gorm.Config{NamingStrategy: schema.NamingStrategy{NoLowerCase: true}},
		},
		{
			name: "statements_prepared", models: goodModels(),
			config: gorm.Config{
				PrepareStmt: true, SkipDefaultTransaction: true, TranslateError: true,
			},
		},
		{
			name: "enumeration_of_the_database", models: []any{&ticketOfShop{}}, only: "postgres",
			before: shop,
		},
		{
			name: "table_that_refuses_by_a_trigger", models: []any{&team{}}, only: "sqlite",
			before: appendOnly,
		},
	} {
		for _, kind := range kinds {
			if family.only != "" && family.only != kind {
				continue
			}
			t.Run(family.name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				tenanttest.Run(t, func(t *testing.T) *gorm.DB {
					config := family.config
					db, err := gorm.Open(databases[kind](t), &config)
					require.NoError(t, err)
					pool, err := db.DB()
					require.NoError(t, err)
					t.Cleanup(func() { _ = pool.Close() })
					if family.before != nil {
						family.before(t, db)
					}
					require.NoError(t, db.Use(tenantplugin.New(tenantplugin.CheckReferences())))
					return db
				}, family.models...)
			})
		}
	}
}

// circle makes the tables of a circle one after the other, as PostgreSQL wants it.
func circle(t *testing.T, db *gorm.DB) {
	t.Helper()
	if db.Name() != "postgres" {
		return
	}
	type squad struct {
		ID       uint
		TenantID string `gorm:"not null;index"`
		LeadID   *uint
	}
	require.NoError(t, db.AutoMigrate(&squad{}))
	require.NoError(t, db.Exec("CREATE TABLE players (id bigserial PRIMARY KEY, tenant_id text "+
		"NOT NULL, squad_id bigint NOT NULL REFERENCES squads (id))").Error)
	require.NoError(t, db.Exec("CREATE INDEX ON players (tenant_id)").Error)
	require.NoError(t,
		db.Exec("ALTER TABLE squads ADD FOREIGN KEY (lead_id) REFERENCES players (id)").Error)
}

// ticketOfShop has a column of a type that was made for it.
type ticketOfShop struct {
	ID uint
	models.TenantModel
	State string `gorm:"type:ticket_state;not null"`
	From  string `gorm:"type:inet"`
	Notes string `gorm:"type:text[]"`
}

func shop(t *testing.T, db *gorm.DB) {
	t.Helper()
	require.NoError(t, db.Exec("CREATE TYPE ticket_state AS ENUM ('new', 'sold')").Error)
}

func appendOnly(t *testing.T, db *gorm.DB) {
	t.Helper()
	require.NoError(t, db.AutoMigrate(&team{}))
	require.NoError(t,
		db.Exec("CREATE TRIGGER only BEFORE UPDATE ON teams BEGIN SELECT raise(ABORT, 'append "+
			"only'); END").Error)
}

func TestRun_leaves_the_handle_as_it_was(t *testing.T) {
	t.Parallel()
	db := opened("sqlite")(t)
	require.NoError(t, db.AutoMigrate(&badge{}))
	tenanttest.Run(t, func(*testing.T) *gorm.DB { return db }, &badge{})
	require.NoError(t,
		as(db, "acme").Session(&gorm.Session{PrepareStmt: true}).Find(&[]badge{}).Error)
}
