package tenanttable_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/sqltext"
	"github.com/gormtenant/gormtenant/internal/tenanttable"
	"github.com/gormtenant/gormtenant/models"
)

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

// twoTenants is unusable: which of the two says whose a row is cannot be told.
type twoTenants struct {
	ID     uint
	First  string `gorm:"tenant"`
	Second string `gorm:"tenant"`
}

// holder is related to it.
type holder struct {
	ID uint
	models.TenantModel
	HeldID uint
	Held   twoTenants
}

// TestClosure_of_unusable_models: a table that nothing is done with would stay open to all.
func TestClosure_of_unusable_models(t *testing.T) {
	t.Parallel()
	db := offline(t, "postgres")
	_, err := tenanttable.New(db, field).Closure(&twoTenants{})
	require.ErrorIs(t, err, gormtenant.ErrInvalidModel, "given")

	_, err = tenanttable.New(db, field).Closure(&holder{})
	require.ErrorIs(t, err, gormtenant.ErrInvalidModel, "related to one that was given")

	tables := tenanttable.New(db, field)
	_, err = tables.Resolve(parse(t, db, &twoTenants{}), "", "two_tenants", tenanttable.Write)
	require.ErrorIs(t, err, gormtenant.ErrInvalidModel)
	_, err = tables.Closure()
	require.ErrorIs(t, err, gormtenant.ErrInvalidModel, "used")
}

// TestClosure_without_what_was_scanned: what rows of a report are scanned into has no table.
func TestClosure_without_what_was_scanned(t *testing.T) {
	t.Parallel()
	db := offline(t, "postgres")
	tables := tenanttable.New(db, field)
	require.NoError(t, tables.Declare(&owner{}))
	_, err := tables.Resolve(parse(t, db, &projectRow{}), "", "owners", tenanttable.Read)
	require.NoError(t, err)
	list, err := tables.Closure()
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, "owners", list[0].Qualified())
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
