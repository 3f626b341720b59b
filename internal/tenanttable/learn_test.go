package tenanttable_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/sqltext"
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

// projectView is a smaller struct that rows of the projects are scanned into.
type projectView struct {
	ID   uint
	Tags []tag `gorm:"many2many:project_tags"`
}

// TestRelations_of_a_model_under_another_name_only are to the table that there is.
func TestRelations_of_a_model_under_another_name_only(t *testing.T) {
	t.Parallel()
	db := offline(t, "postgres")
	tables := tenanttable.New(db, field)
	_, err := tables.Resolve(parse(t, db, &Project{}), "", "projects_2024", tenanttable.Write)
	require.NoError(t, err)
	require.Equal(t, "projects_2024", tables.View().Lookup("", "project_tags").Sides[0].Target.Name)
}

func TestNobodys_table_written_by_a_tenant_model(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		shared  bool
		tenants bool
	}{
		{"declared", false, true},
		{"shared", true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			db := offline(t, "postgres")
			tables := tenanttable.New(db, field)
			require.NoError(t, tables.Declare(&country{}))
			if test.shared {
				require.NoError(t, tables.Share(&country{}))
			}
			project := parse(t, db, &Project{})
			table, err := tables.Resolve(project, "", "countries", tenanttable.Write)
			require.NoError(t, err)
			require.Equal(t, test.tenants, table != nil)
			require.Equal(t, test.tenants, tables.View().Lookup("", "countries") != nil)
		})
	}
}

func TestFurther_name_used_by_one_model_after_the_other(t *testing.T) {
	t.Parallel()
	db := offline(t, "postgres")
	tables := tenanttable.New(db, field)
	for _, model := range []any{&Artist{}, &track{}} {
		parsed := parse(t, db, model)
		table, err := tables.Resolve(parsed, "", "tracks_2024", tenanttable.Write)
		require.NoError(t, err)
		require.Same(t, parsed, table.Model)
	}
}

func TestStruct_type_without_a_name(t *testing.T) {
	t.Parallel()
	db := offline(t, "postgres")
	tables := tenanttable.New(db, field)
	model := parse(t, db, &struct{ TenantID string }{})
	table, err := tables.Resolve(model, "", "projects", tenanttable.Read)
	require.NoError(t, err)
	require.NotNil(t, table)
	require.NotNil(t, tables.View().Lookup("", "projects"))
	require.Nil(t, tables.View().Lookup("", ""))
}

// TestRelations_of_an_embedding_struct are those that GORM makes of its own: project_row_id.
func TestRelations_of_an_embedding_struct(t *testing.T) {
	t.Parallel()
	sides := func(tables *tenanttable.Tables) (columns []string) {
		for _, side := range tables.View().Lookup("", "project_tags").Sides {
			columns = append(columns, side.Columns...)
		}
		return columns
	}
	right := []string{"project_id", "tag_id"}
	db := offline(t, "postgres")
	tables := tenanttable.New(db, field)
	row, view := parse(t, db, &projectRow{}), parse(t, db, &projectView{})

	table, err := tables.Resolve(row, "", "projects", tenanttable.Read)
	require.NoError(t, err)
	require.NotNil(t, table, "in doubt it is a tenant's")
	_, err = tables.Resolve(view, "", "projects", tenanttable.Read)
	require.NoError(t, err)
	require.NoError(t, tables.Declare(&Project{}))
	require.Equal(t, right, sides(tables), "scanned into before the model was known")

	_, err = tables.Resolve(row, "", "project_rows", tenanttable.Read)
	require.NoError(t, err)
	require.Equal(t, right, sides(tables), "read by mistake, from a table that does not exist")
	require.Equal(t, []any{&note{}, &owner{}, &projectRow{}, &Project{}, &tag{}}, tables.Models())
}

type (
	// Artist comes before track in every order.
	Artist struct {
		ID uint
		models.TenantModel
	}
	track struct {
		ID uint
		models.TenantModel
		ArtistID uint
		Artist   *Artist
	}
)

// TestFurther_name_of_a_model_and_of_its_relations is what a migrator makes of one call.
func TestFurther_name_of_a_model_and_of_its_relations(t *testing.T) {
	t.Parallel()
	db := offline(t, "sqlite")
	for _, model := range []any{&Artist{}, &track{}} { // as AutoMigrate does
		require.False(t, db.Table("tracks_2024").Migrator().HasTable(model))
	}
	tables := tenanttable.New(db, field)
	require.NotNil(t, tables.View().Lookup("", "tracks_2024"))
	for _, model := range []any{&track{}, &Artist{}} {
		for range 2 {
			parsed := parse(t, db, model)
			table, err := tables.Resolve(parsed, "", "tracks_2024", tenanttable.Write)
			require.NoError(t, err)
			require.Equal(t, "tracks_2024", table.Name)
			require.Same(t, parsed, table.Model)
			require.Same(t, tables.View().Lookup("", "TRACKS_2024"), table.SQL)
		}
	}
	generation := tables.View().Generation()
	table, err := tables.Resolve(parse(t, db, &projectName{}), "", "tracks_2024", tenanttable.Read)
	require.NoError(t, err)
	require.NotNil(t, table, "whatever its rows are scanned into")
	require.Equal(t, generation, tables.View().Generation())
}

func TestGeneration(t *testing.T) {
	t.Parallel()
	db := offline(t, "postgres")
	tables := tenanttable.New(db, field)
	for _, step := range []struct {
		name    string
		changes bool
		do      func() error
	}{
		{"declared", true, func() error { return tables.Declare(&Project{}) }},
		{"declared_again", false, func() error { return tables.Declare(&Project{}) }},
		{"used", false, func() error {
			_, err := tables.Resolve(parse(t, db, &Project{}), "", "projects", tenanttable.Write)
			return err
		}},
		{"under_another_name", true, func() error {
			_, err := tables.Resolve(parse(t, db, &Project{}), "", "projects_2024",
				tenanttable.Read)
			return err
		}},
		{"under_another_name_again", false, func() error {
			_, err := tables.Resolve(parse(t, db, &Project{}), "", "Projects_2024",
				tenanttable.Write)
			return err
		}},
		{"text", false, func() error { tables.Migrating("SELECT 1 FROM projects"); return nil }},
		{
			"definition_of_what_is_known", false,
			func() error { tables.Migrating("CREATE TABLE projects ()"); return nil },
		},
		{"nobodys_model", false, func() error {
			_, err := tables.Resolve(parse(t, db, &country{}), "", "countries", tenanttable.Read)
			return err
		}},
		{"new_model", true, func() error {
			_, err := tables.Resolve(parse(t, db, &bill{}), "billing", "bills", tenanttable.Read)
			return err
		}},
		{"shared", true, func() error { return tables.Share(&country{}) }},
	} {
		before := tables.View().Generation()
		require.NoError(t, step.do(), step.name)
		require.Equal(t, step.changes, tables.View().Generation() != before, step.name)
	}
}

func TestMigrating(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		learns     bool
	}{
		{"create", `CREATE TABLE "projects" ("id" bigint)`, true},
		{"create_in_small_letters", "\n create table if not exists PROJECTS (id)", true},
		{"alter", "ALTER TABLE projects ADD x int", true},
		{"comment", "COMMENT ON COLUMN projects.id IS 'x'", true},
		{"column_types", "projects", true},
		{"query", "SELECT * FROM projects", false},
		{"definition_of_another", "CREATE TABLE planets (id)", false},
		{"word_that_begins_alike", "CREATED projects", true},
		{"nothing", "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			db := offline(t, "postgres")
			tables := tenanttable.New(db, field)
			parse(t, db, &Project{}) // as a migrator does
			tables.Migrating(test.text)
			require.Equal(t, test.learns, tables.View().Lookup("", "projects") != nil)
			require.Equal(t, test.learns, tables.View().Lookup("", "project_tags") != nil)
		})
	}
}

type (
	citext struct {
		ID       uint
		TenantID string `gorm:"type:citext"`
	}
	nocase struct {
		ID       uint
		TenantID string `gorm:"type:text collate nocase"`
	}
	generalCI struct {
		ID       uint
		TenantID string `gorm:"type:varchar(20) COLLATE utf8mb4_0900_ai_ci"`
	}
	binary struct {
		ID       uint
		TenantID string `gorm:"type:varchar(20) COLLATE utf8mb4_bin"`
	}
	fixed struct {
		ID       uint
		TenantID string `gorm:"type:char(8)"`
	}
	varying struct {
		ID       uint
		TenantID string `gorm:"type:character varying(8)"`
	}
	rtrim struct {
		ID       uint
		TenantID string `gorm:"type:text collate rtrim"`
	}
	number struct {
		ID       uint
		TenantID int
	}
	ofType struct {
		ID       uint
		TenantID lenient
	}
)

// lenient is an ID whose column does not tell capital letters from small ones.
type lenient string

func (lenient) GormDBDataType(*gorm.DB, *schema.Field) string { return "CITEXT" }

func TestColumns_that_compare_otherwise_than_Go(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, dialect string
		model         any
		refused       bool
		padded        bool
	}{
		{"citext", "postgres", &citext{}, true, false},
		{"type_that_is_citext", "postgres", &ofType{}, true, false},
		{"nocase", "sqlite", &nocase{}, true, false},
		{"ci_collation", "mysql", &generalCI{}, true, false},
		{"binary_collation", "mysql", &binary{}, false, true},
		{"char", "postgres", &fixed{}, false, true},
		{"char_on_sqlite", "sqlite", &fixed{}, false, false},
		{"varchar", "postgres", &varying{}, false, false},
		{"rtrim", "sqlite", &rtrim{}, false, true},
		{"text", "postgres", &pairTag{}, false, false},
		{"number", "mysql", &number{}, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			db := offline(t, test.dialect)
			tables := tenanttable.New(db, field)
			err := tables.Declare(test.model)
			model := parse(t, db, test.model)
			table, useErr := tables.Resolve(model, "", model.Table, tenanttable.Read)
			require.NotNil(t, table)
			if test.refused {
				require.ErrorIs(t, err, gormtenant.ErrInvalidModel)
				require.ErrorIs(t, useErr, gormtenant.ErrInvalidModel)
				require.ErrorContains(t, err, "does not tell capital letters from small ones")
				require.NoError(t, tables.Declare(&Project{}))
				_, err = tables.Resolve(model, "", "projects", tenanttable.Read)
				require.ErrorIs(t, err, gormtenant.ErrInvalidModel, "though the table is known")
				require.NotNil(t, tables.View().Lookup("", model.Table),
					"SQL text is held all the same")
				return
			}
			require.NoError(t, err)
			require.NoError(t, useErr)
			require.Equal(t, test.padded, table.Padded)
		})
	}
}

func TestClosure(t *testing.T) {
	t.Parallel()
	names := func(list []*tenanttable.Table) (names []string) {
		for _, table := range list {
			names = append(names, table.Qualified())
		}
		return names
	}
	db := offline(t, "postgres")
	without, err := tenanttable.Of(db).Closure(&bill{}, &country{})
	require.NoError(t, err)
	require.Equal(t, []string{"billing.bills"}, names(without), "without the plugin")

	tables := tenanttable.New(db, field)
	require.Same(t, tables, tenanttable.Of(db))
	require.NoError(t, tables.Declare(&bill{}))
	require.NoError(t, tables.Name("archive.projects", &Project{}))
	_, err = tables.Resolve(parse(t, db, &Project{}), "", "project_view", tenanttable.Read)
	require.NoError(t, err)

	all := []string{"archive.projects", "notes", "owners", "project_tags", "projects", "tags"}
	list, err := tables.Closure(&Project{}, &projectName{})
	require.NoError(t, err)
	require.Equal(t, all, names(list), "without what was only read: it may be a view")
	require.ElementsMatch(t, []string{"projects", "tags"}, list[3].Parents)
	require.ElementsMatch(t, []string{"owners"}, list[0].Parents)

	list, err = tables.Closure()
	require.NoError(t, err)
	require.Equal(t, append(all[:1:1], append([]string{"billing.bills"}, all[1:]...)...),
		names(list))

	_, err = tables.Closure(42)
	require.ErrorIs(t, err, gormtenant.ErrInvalidModel)
}

// TestConcurrent_use learns while others read: nobody sees a model before its join tables.
func TestConcurrent_use(t *testing.T) {
	t.Parallel()
	db := offline(t, "postgres")
	tables := tenanttable.New(db, field)
	var running sync.WaitGroup
	for i := range 8 {
		running.Go(func() {
			name := fmt.Sprintf("projects_%d", i)
			table, err := tables.Resolve(parse(t, db, &Project{}), "", "projects", tenanttable.Read)
			if err != nil || table == nil {
				t.Error("projects", err)
			}
			if join := tables.View().Lookup("",
				"project_tags"); join == nil || len(join.Sides) != 2 {
				t.Error("the join table is missing")
			}
			if _, err := tables.Resolve(parse(t, db, &Project{}), "", name,
				tenanttable.Write); err != nil {
				t.Error(err)
			}
			if tables.View().Lookup("", name) == nil {
				t.Error(name)
			}
		})
	}
	running.Wait()
	var _ sqltext.Tables = tables.View()
}
