package tenanttable_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/tenanttable"
	"github.com/gormtenant/gormtenant/models"
)

type (
	// Keys of two columns, with the tenant in them by its name, by a tag, and by embedding.
	pairProject struct {
		TenantID string    `gorm:"primaryKey"`
		ID       uint      `gorm:"primaryKey;autoIncrement:false"`
		Tags     []pairTag `gorm:"many2many:pair_links"`
	}
	pairTag struct {
		TenantID string `gorm:"primaryKey"`
		ID       uint   `gorm:"primaryKey;autoIncrement:false"`
	}
	taggedProject struct {
		Org  string      `gorm:"primaryKey;tenant"`
		ID   uint        `gorm:"primaryKey;autoIncrement:false"`
		Tags []taggedTag `gorm:"many2many:tagged_links"`
	}
	taggedTag struct {
		Org string `gorm:"primaryKey;tenant"`
		ID  uint   `gorm:"primaryKey;autoIncrement:false"`
	}
	// One side's key has the tenant in it.
	mixedProject struct {
		Org  string `gorm:"primaryKey;tenant"`
		ID   uint   `gorm:"primaryKey;autoIncrement:false"`
		Tags []tag  `gorm:"many2many:mixed_links"`
	}
	// Both sides share one tenant column.
	sharingProject struct {
		TenantID string    `gorm:"primaryKey"`
		ID       uint      `gorm:"primaryKey;autoIncrement:false"`
		Tags     []pairTag `gorm:"many2many:shared;joinForeignKey:TenantID;joinReferences:TenantID"`
	}
	// A foreign key with a tenant column of its own may name another tenant's row, and one that has
	// the table's own tenant column may not.
	pairTask struct {
		TenantID      string `gorm:"primaryKey"`
		ID            uint   `gorm:"primaryKey;autoIncrement:false"`
		ProjectID     uint
		Project       *pairProject `gorm:"foreignKey:TenantID,ProjectID;references:TenantID,ID"`
		OtherTenantID string
		OtherID       uint
		Other         *pairProject `gorm:"foreignKey:OtherTenantID,OtherID;references:TenantID,ID"`
	}
)

func TestJoin_tables_between_keys_with_the_tenant(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		model   any
		table   string
		columns []string
		refers  []string // the columns that may name rows of other tenants
	}{
		{
			"by_name", &pairProject{}, "pair_links",
			[]string{"pair_project_tenant_id", "pair_tag_tenant_id"},
			nil,
		},
		{
			"by_tag", &taggedProject{}, "tagged_links",
			[]string{"tagged_project_org", "tagged_tag_org"},
			nil,
		},
		{
			"one_side", &mixedProject{}, "mixed_links",
			[]string{"mixed_project_org"},
			[]string{"tag_id"},
		},
		{"shared_column", &sharingProject{}, "shared", []string{"tenant_id"}, nil},
		{
			"plain_foreign_keys", &pairTask{}, "pair_tasks",
			[]string{"tenant_id"},
			[]string{"other_tenant_id"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			tables := newTables(t, "postgres", test.model)
			found := tables.View().Named("", test.table)
			require.NotNil(t, found)
			require.Equal(t, test.columns, found.SQL.Columns)
			require.Empty(t, found.SQL.Sides)
			require.Len(t, found.Fields, len(test.columns))
			var refers []string
			for _, ref := range found.References {
				refers = append(refers, ref.ForeignKeys[0].DBName)
			}
			require.Equal(t, test.refers, refers)

			_, err := tables.Resolve(found.Model, "", test.table, tenanttable.Write)
			require.NoError(t, err, "GORM copies tags: two fields are tagged")
		})
	}
}

type (
	person struct {
		ID uint
		models.TenantModel
		Addresses []address `gorm:"many2many:person_addresses"`
	}
	address struct {
		ID uint
		models.TenantModel
	}
	// personAddress is a join table of its own, with another name.
	personAddress struct {
		PersonID  uint `gorm:"primaryKey"`
		AddressID uint `gorm:"primaryKey"`
	}
)

func (personAddress) TableName() string { return "residences" }

func TestSetupJoinTable_after_the_models_are_known(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		learn func(db *gorm.DB, tables *tenanttable.Tables) error
	}{
		{"use_of_the_owner", func(db *gorm.DB, tables *tenanttable.Tables) error {
			_, err := tables.Resolve(parse(t, db, &person{}), "", "people", tenanttable.Read)
			return err
		}},
		{"use_of_the_join_table", func(db *gorm.DB, tables *tenanttable.Tables) error {
			_, err := tables.Resolve(parse(t, db, &personAddress{}), "", "residences",
				tenanttable.Write)
			return err
		}},
		{"migration", func(_ *gorm.DB, tables *tenanttable.Tables) error {
			tables.Migrating(`CREATE TABLE "residences" ("person_id" bigint)`)
			return nil
		}},
		{"declaration", func(_ *gorm.DB, tables *tenanttable.Tables) error {
			return tables.Declare(&person{})
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			db := offline(t, "postgres")
			tables := tenanttable.New(db, field)
			require.NoError(t, tables.Declare(&person{}))
			require.Nil(t, tables.View().Lookup("", "residences"))
			require.NoError(t, db.SetupJoinTable(&person{}, "Addresses", &personAddress{}))
			require.NoError(t, test.learn(db, tables))
			table := tables.View().Lookup("", "residences")
			require.NotNil(t, table)
			require.Len(t, table.Sides, 2)
		})
	}
}
