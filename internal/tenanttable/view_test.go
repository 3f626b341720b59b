package tenanttable_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/sqltext"
	"github.com/gormtenant/gormtenant/internal/tenanttable"
)

var long = strings.Repeat("long_", 12) + "name" // 64 bytes

type longNamed struct {
	ID       uint
	TenantID string
}

func (longNamed) TableName() string { return long }

type umlaut struct {
	ID       uint
	TenantID string
}

func (umlaut) TableName() string { return "größen" }

type halved struct {
	ID       uint
	TenantID string
}

func (halved) TableName() string { return strings.Repeat("x", 62) + "ß" }

type inCapitals struct {
	ID       uint
	TenantID string
}

func (inCapitals) TableName() string { return "Billing.Invoices" }

type inPublic struct {
	ID       uint
	TenantID string
}

func (inPublic) TableName() string { return "public.invoices" }

type oldProject struct {
	ID   uint
	Name string
}

func (oldProject) TableName() string { return "archive.projects" }

type publicProject struct {
	ID   uint
	Name string
}

func (publicProject) TableName() string { return "public.projects" }

func TestLookup(t *testing.T) {
	t.Parallel()
	everything := []any{
		&Project{}, &country{}, &projectName{}, &bill{}, &oldBill{}, &longNamed{}, &umlaut{},
		&inPublic{}, &oldProject{}, &publicProject{},
		&halved{}, &inCapitals{},
	}
	for _, test := range []struct {
		name, dialect, schema, table string
		found                        bool
	}{
		{"own_name", "postgres", "", "projects", true},
		{"nobodys", "postgres", "", "countries", false},
		{"unknown", "postgres", "", "planets", false},
		{"empty", "postgres", "", "", false},
		{"capitals", "postgres", "", "PROJECTS", true},
		{"capitals_on_sqlite", "sqlite", "Main", "Projects", true},
		{"capitals_beyond_ascii", "mysql", "", "GRÖSSEN", false},
		{"capitals_beyond_ascii_of_the_same_letters", "mysql", "", "GRÖßEN", true},
		{"capitals_of_the_model", "postgres", "billing", "invoices", true},
		{"quotes_in_the_name", "sqlite", "", `"projects"`, true},
		{"smaller_struct_declared_too", "postgres", "", "projects", true},
		{"default_schema_of_an_unqualified_model", "postgres", "public", "projects", true},
		{"unknown_schema_of_an_unqualified_model", "postgres", "tenant_7", "projects", true},
		{"schema_in_which_another_model_has_the_name", "postgres", "archive", "projects", false},
		{"catalog", "postgres", "pg_catalog", "projects", false},
		{"catalog_in_capitals", "postgres", "INFORMATION_SCHEMA", "projects", false},
		{"schema_of_the_model", "postgres", "billing", "bills", true},
		{"schema_in_capitals", "postgres", "BILLING", "Bills", true},
		{"schema_of_a_model_that_is_nobodys", "postgres", "archive", "bills", false},
		{"unknown_schema_of_a_qualified_model", "postgres", "other", "bills", false},
		{"no_schema_of_a_qualified_model", "postgres", "", "bills", true},
		{"no_schema_of_a_model_in_public", "postgres", "", "invoices", true},
		{"join_table", "postgres", "", "project_tags", true},
		{"related_model", "postgres", "", "owners", true},
		{"long", "postgres", "", long, true},
		{"long_cut", "postgres", "", long[:63], true},
		{"long_with_another_end", "postgres", "", long[:63] + "X_and_more", true},
		{"too_short", "postgres", "", long[:62], false},
		{"long_in_capitals", "postgres", "", strings.ToUpper(long) + "S", true},
		{"long_cut_on_sqlite", "sqlite", "", long[:63], false},
		{"long_in_capitals_on_sqlite", "sqlite", "", strings.ToUpper(long), true},
		{"very_long", "sqlite", "", strings.Repeat("X", 1000), false},
		{"cut_before_a_letter_of_two_bytes", "postgres", "", strings.Repeat("x", 62), true},
		{"cut_at_another_letter", "postgres", "", strings.Repeat("x", 62) + "ßß", true},
		{"unknown_dialect_cuts_too", "cockroach", "", long[:63], true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			view := newTables(t, test.dialect, everything...).View()
			table := view.Lookup(test.schema, test.table)
			require.Equal(t, test.found, table != nil)
			if test.found {
				require.NotEqual(t, len(table.Columns) > 0, len(table.Sides) > 0)
			}
		})
	}
}

func TestLookup_takes_no_memory(t *testing.T) {
	view := newTables(t, "postgres", &Project{}, &bill{}).View()
	for _, name := range []string{
		"projects", "PROJECTS", "planets", "select", "Bills", long,
		"grün",
	} {
		require.Zero(t, testing.AllocsPerRun(10, func() { _ = view.Lookup("", name) }), name)
		require.Zero(t, testing.AllocsPerRun(10, func() { _ = view.Lookup("public", name) }), name)
	}
}

// many declares n models of different tables and returns their database.
func many(t testing.TB, n int) *tenanttable.Tables {
	t.Helper()
	db := offline(t, "postgres")
	tables := tenanttable.New(db, field)
	for i := range n {
		require.NoError(t, tables.Name(fmt.Sprintf("table_%d", i), &Project{}))
	}
	return tables
}

func TestResolve_of_what_is_known_takes_no_memory(t *testing.T) {
	db := offline(t, "postgres")
	tables := tenanttable.New(db, field)
	require.NoError(t, tables.Declare(&Project{}))
	model := parse(t, db, &Project{})
	for _, use := range []tenanttable.Use{tenanttable.Read, tenanttable.Write} {
		for _, name := range []string{"projects", "projects_2024"} {
			_, err := tables.Resolve(model, "", name, use)
			require.NoError(t, err)
			require.Zero(t, testing.AllocsPerRun(10, func() {
				_, _ = tables.Resolve(model, "", name, use)
			}))
		}
	}
	require.Zero(t, testing.AllocsPerRun(10, func() {
		tables.Migrating("SELECT * FROM projects")
		tables.Scanned(model, "SELECT * FROM projects")
	}))
}

// BenchmarkFirst_use learns one model after the other.
func BenchmarkFirst_use(b *testing.B) {
	for _, n := range []int{50, 500} {
		b.Run(fmt.Sprintf("%d_models", n), func(b *testing.B) {
			for b.Loop() {
				many(b, n)
			}
		})
	}
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{5, 500} {
		view := many(b, n).View()
		for _, name := range []string{"table_3", "TABLE_3", "planets", "select"} {
			b.Run(fmt.Sprintf("%d_models/%s", n, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					_ = view.Lookup("", name)
				}
			})
		}
	}
}

func TestView_tells_all_of_a_table(t *testing.T) {
	t.Parallel()
	view := newTables(t, "postgres", &Project{}, &bill{}).View()

	require.Equal(t,
		&sqltext.Table{Schema: "billing", Name: "bills", Columns: []string{"tenant_id"}},
		view.Lookup("billing", "bills"))
	projects, tags := view.Lookup("", "projects"), view.Lookup("", "tags")
	require.Equal(t,
		&sqltext.Table{Name: "project_tags", Columns: []string{}, Sides: []sqltext.Side{
			{Columns: []string{"project_id"}, Target: projects, Keys: []string{"id"}},
			{Columns: []string{"tag_id"}, Target: tags, Keys: []string{"id"}},
		}}, view.Lookup("", "project_tags"))

	join := view.Named("", "project_tags")
	require.True(t, join.Joins)
	require.Nil(t, join.Field)
	require.Len(t, join.References, 2)
	require.Equal(t, "projects", join.References[0].Target.Name)

	table := view.Named("", "projects")
	require.Equal(t, `"projects"."tenant_id"`, strings.ReplaceAll(table.Column, "`", `"`))
	require.True(t, table.Direct)
	require.True(t, table.IsColumn("TENANT_ID"))
	require.False(t, table.IsColumn("id"))
	require.Len(t, table.References, 1)
	require.Equal(t, "owners", table.References[0].Target.Qualified())

	notes := view.Named("", "notes")
	require.Len(t, notes.References, 1)
	require.Equal(t, "subject_type", notes.References[0].TypeField.DBName)
	require.Equal(t, "projects", notes.References[0].TypeValue)
	require.Equal(t, "billing.bills", view.Named("billing", "bills").Qualified())
}

func TestKind(t *testing.T) {
	t.Parallel()
	db := offline(t, "postgres")
	tables := tenanttable.New(db, field)
	require.NoError(t, tables.Declare(&Project{}, &oldBill{}))
	require.NoError(t, tables.Share(&country{}))
	view := tables.View()
	for _, test := range []struct {
		name  string
		model any
		table string
		want  tenanttable.Kind
	}{
		{"tenant_model", &Project{}, "projects", tenanttable.Tenant},
		{"smaller_struct", &projectName{}, "projects", tenanttable.Tenant},
		{"shared_model", &country{}, "countries", tenanttable.Shared},
		{"shared_table_without_model", nil, "Countries", tenanttable.Shared},
		{"shared_model_under_another_name", &country{}, "countries_2024", tenanttable.Shared},
		{"shared_table_read_into_a_tenant_model", &Project{}, "countries", tenanttable.Shared},
		{"undeclared_model", &oldBill{}, "bills", tenanttable.Unknown},
		{"unknown_table", nil, "planets", tenanttable.Unknown},
		{"unknown_table_read_into_a_tenant_model", &Project{}, "planets", tenanttable.Tenant},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.model == nil {
				require.Equal(t, test.want, view.Kind(nil, "", test.table))
				return
			}
			require.Equal(t, test.want, view.Kind(parse(t, db, test.model), "", test.table))
		})
	}
}

func TestDeclarations_that_make_no_sense(t *testing.T) {
	t.Parallel()
	tables := newTables(t, "postgres", &Project{})
	for _, test := range []struct {
		name, says string
		err        error
	}{
		{"no_model", "int, which is no model", tables.Declare(42)},
		{"nil", "no model", tables.Declare(nil)},
		{"shared_tenant_model", "has a tenant field, TenantID", tables.Share(&tag{})},
		{
			"shared_part_of_a_tenants_table", "projects belongs to tenants",
			tables.Share(&projectName{}),
		},
		{"no_name", "needs a name", tables.Name("", &tag{})},
		{"name_of_quotes", "needs a name", tables.Name(`""`, &tag{})},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.ErrorIs(t, test.err, gormtenant.ErrInvalidModel)
			require.ErrorContains(t, test.err, test.says)
		})
	}
	require.Equal(t, tenanttable.Tenant, tables.View().Kind(nil, "", "projects"))
}

func TestNameOf(t *testing.T) {
	t.Parallel()
	for _, dialect := range []string{"sqlite", "postgres"} {
		db := offline(t, dialect)
		for _, test := range []struct {
			table, schema, name string
			ok                  bool
		}{
			{"projects", "", "projects", true},
			{"billing.bills", "billing", "bills", true},
			{"projects AS p", "", "", false},
			{"(SELECT 1) AS p", "", "", false},
		} {
			schemaName, tableName, ok := tenanttable.NameOf(db.Table(test.table).Statement)
			require.Equal(t, test.ok, ok, test.table)
			require.Equal(t, test.schema, schemaName, test.table)
			require.Equal(t, test.name, tableName, test.table)
		}
		stmt := &gorm.Statement{DB: db}
		require.NoError(t, stmt.Parse(&bill{}))
		schemaName, tableName, ok := tenanttable.NameOf(stmt)
		require.Equal(t, []any{"billing", "bills", true}, []any{schemaName, tableName, ok})
	}
}
