package tenanttable_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/scopes"
)

// fixture is one database with rows of both tenants: A has project 1 with tag 1, B 11 with tag 11.
type fixture struct {
	t     *testing.T
	open  func(*gorm.Config) *gorm.DB
	plain *gorm.DB
}

func onEach(t *testing.T, test func(f *fixture)) {
	t.Helper()
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		t.Helper()
		plain := open(&gorm.Config{DisableForeignKeyConstraintWhenMigrating: true})
		for _, text := range []string{
			"CREATE TABLE projects (id int primary key, tenant_id text, name text, owner_id int)",
			"CREATE TABLE projects_2024 " +
				"(id int primary key, tenant_id text, name text, owner_id int)",
			"CREATE TABLE owners (id integer primary key, tenant_id text)",
			"CREATE TABLE tags (id integer primary key, tenant_id text, label text)",
			"CREATE TABLE project_tags " +
				"(project_id int, tag_id int, primary key (project_id, tag_id))",
			"CREATE TABLE countries (code varchar(2) primary key, name text)",
			"INSERT INTO projects VALUES (1, 'acme', 'site', NULL), (11, 'zeta', 'hers', NULL)",
			"INSERT INTO projects_2024 VALUES (1, 'acme', 'old', NULL), (11, 'zeta', 'hers', NULL)",
			"INSERT INTO tags VALUES (1, 'acme', 'red'), (11, 'zeta', 'blue')",
			"INSERT INTO project_tags VALUES (1, 1), (11, 11)",
			"INSERT INTO countries VALUES ('PT', 'Portugal')",
		} {
			require.NoError(t, plain.Exec(text).Error)
		}
		test(&fixture{t: t, open: open, plain: plain})
	})
}

// start returns the database as a program that has just started sees it, without a tenant and as A.
func (f *fixture) start(options ...tenantplugin.Option) (nobody, a *gorm.DB) {
	f.t.Helper()
	db := f.open(&gorm.Config{DisableForeignKeyConstraintWhenMigrating: true})
	require.NoError(f.t, db.Use(tenantplugin.New(options...)))
	return db, db.WithContext(gormtenant.WithTenant(f.t.Context(), dbtest.A))
}

func (f *fixture) count(table string) (n int64) {
	f.t.Helper()
	require.NoError(f.t, f.plain.Table(table).Count(&n).Error)
	return n
}

func TestScanning_into_an_embedding_struct_teaches_nothing(t *testing.T) {
	onEach(t, func(f *fixture) {
		for _, first := range []struct {
			name string
			scan func(a *gorm.DB) error
		}{
			{"table", func(a *gorm.DB) error {
				return a.Table("projects").Select("projects.*, 1 AS n").Scan(&[]projectRow{}).Error
			}},
			{"model", func(a *gorm.DB) error {
				return a.Model(&Project{}).Select("projects.*, 1 AS n").Scan(&[]projectRow{}).Error
			}},
			{"raw", func(a *gorm.DB) error {
				return a.Raw("SELECT *, 1 AS n FROM projects WHERE projects.tenant_id = ?",
					scopes.ID(a.Statement.Context)).Scan(&[]projectRow{}).Error
			}},
			{"raw_find", func(a *gorm.DB) error {
				return a.Raw("SELECT *, 1 AS n FROM projects WHERE projects.tenant_id = ?",
					scopes.ID(a.Statement.Context)).Find(&[]projectRow{}).Error
			}},
			{"where", func(a *gorm.DB) error {
				return a.Where(&projectRow{}).Find(&[]Project{}).Error
			}},
		} {
			_, a := f.start()
			require.NoError(f.t, first.scan(a), first.name)
			var found []Project
			require.NoError(f.t, a.Preload("Tags").Find(&found).Error, first.name)
			require.Len(f.t, found, 1)
			require.Equal(f.t, "red", found[0].Tags[0].Label, first.name)
			require.NoError(f.t, a.Model(&found[0]).Association("Tags").Append(&tag{ID: 1}),
				first.name)
		}
	})
}

func TestTable_under_another_name_is_known_from_its_migration_on(t *testing.T) {
	onEach(t, func(f *fixture) {
		db, a := f.start()
		require.NoError(f.t, db.Table("projects_2024").AutoMigrate(&Project{}))
		require.ErrorIs(f.t, db.Table("projects_2024").Where("1 = 1").Delete(nil).Error,
			gormtenant.ErrNoTenant)
		require.ErrorIs(f.t, db.Exec("DELETE FROM projects_2024").Error, gormtenant.ErrNoTenant)
		_ = a.Exec("DELETE FROM projects_2024").Error // limited or refused
		require.NoError(f.t, a.Table("projects_2024").Where("1 = 1").Delete(nil).Error)
		require.EqualValues(f.t, 1, f.count("projects_2024"), "of B")

		require.NoError(f.t, db.Table("projects_2025").AutoMigrate(&Project{}))
		require.ErrorIs(f.t, db.Exec("DELETE FROM projects_2025").Error, gormtenant.ErrNoTenant,
			"created")
	})
}

func TestTable_under_another_name_is_known_from_its_first_use_on(t *testing.T) {
	onEach(t, func(f *fixture) {
		for _, first := range []struct {
			name string
			use  func(a *gorm.DB) error
		}{
			{"find", func(a *gorm.DB) error {
				return a.Table("projects_2024").Find(&[]Project{}).Error
			}},
			{"alias", func(a *gorm.DB) error {
				return a.Table("projects_2024 AS p").Find(&[]Project{}).Error
			}},
			{"count", func(a *gorm.DB) error {
				var n int64
				return a.Model(&Project{}).Table("projects_2024").Count(&n).Error
			}},
			{"update", func(a *gorm.DB) error {
				tx := a.Model(&Project{}).Table("projects_2024")
				return tx.Where("id = 11").Update("name", "x").Error
			}},
			{"smaller_struct", func(a *gorm.DB) error {
				require.NoError(f.t, a.Find(&[]Project{}).Error)
				return a.Table("projects_2024").Find(&[]projectName{}).Error
			}},
		} {
			db, a := f.start()
			require.NoError(f.t, first.use(a), first.name)
			require.ErrorIs(f.t, db.Table("projects_2024").Where("1 = 1").Delete(nil).Error,
				gormtenant.ErrNoTenant, first.name)
			require.ErrorIs(f.t, db.Exec("DELETE FROM projects_2024").Error, gormtenant.ErrNoTenant,
				first.name)
			var names []string
			require.NoError(f.t, a.Table("projects_2024").Pluck("name", &names).Error)
			require.Equal(f.t, []string{"old"}, names, first.name)
		}
	})
}

// TestLookup_asks_the_table_of_the_statement creates a row whose key is B's in the one table and
// free in the other.
func TestLookup_asks_the_table_of_the_statement(t *testing.T) {
	onEach(t, func(f *fixture) {
		require.NoError(f.t,
			f.plain.Exec("INSERT INTO projects VALUES (12, 'zeta', 'x', NULL)").Error)
		require.NoError(f.t,
			f.plain.Exec("INSERT INTO projects_2024 VALUES (13, 'zeta', 'x', NULL)").Error)
		_, a := f.start()
		upsert := a.Clauses(clause.OnConflict{UpdateAll: true}).Table("projects_2024").
			Session(&gorm.Session{})
		require.NoError(f.t, upsert.Create(&Project{ID: 12, Name: "own"}).Error)
		require.ErrorIs(f.t, upsert.Create(&Project{ID: 13, Name: "own"}).Error,
			gormtenant.ErrOtherTenant)
		require.NoError(f.t, a.Table("projects_2024").Save(&Project{ID: 12, Name: "again"}).Error)
	})
}

func TestSmaller_struct_used_first(t *testing.T) {
	onEach(t, func(f *fixture) {
		for _, second := range []struct {
			name  string
			learn func(db, a *gorm.DB) error
		}{
			{"find", func(_, a *gorm.DB) error { return a.Find(&[]Project{}).Error }},
			{"migration", func(db, _ *gorm.DB) error { return db.AutoMigrate(&Project{}) }},
			{"related_model", func(_, a *gorm.DB) error { return a.Find(&[]owning{}).Error }},
		} {
			db, a := f.start()
			var names []projectName
			require.NoError(f.t, a.Find(&names).Error, "no tenant model was seen yet: nobody's")
			require.Len(f.t, names, 2)
			require.NoError(f.t, second.learn(db, a), second.name)
			require.NoError(f.t, a.Find(&names).Error)
			require.Equal(f.t, []projectName{{ID: 1, Name: "site"}}, names, second.name)
			require.ErrorIs(f.t, db.Where("1 = 1").Delete(&projectName{}).Error,
				gormtenant.ErrNoTenant, second.name)
		}
	})
}

// oldProjectName is a smaller struct over a table that is the projects' under another name.
type oldProjectName struct {
	ID   uint
	Name string
}

func (oldProjectName) TableName() string { return "projects_2024" }

func TestSmaller_struct_over_another_name_used_first(t *testing.T) {
	onEach(t, func(f *fixture) {
		db, a := f.start(tenantplugin.Models(&Project{}))
		var names []oldProjectName
		require.NoError(f.t, a.Find(&names).Error, "nothing else is known of the table")
		require.NoError(f.t, a.Table("projects_2024").Find(&[]Project{}).Error)
		require.NoError(f.t, a.Find(&names).Error)
		require.Equal(f.t, []oldProjectName{{ID: 1, Name: "old"}}, names)
		require.ErrorIs(f.t, db.Find(&names).Error, gormtenant.ErrNoTenant)
	})
}

// owning has projects, and no table in most databases of this test.
type owning struct {
	ID uint
	models.TenantModel
	Projects []Project `gorm:"foreignKey:OwnerID"`
}

func (owning) TableName() string { return "owners" }

func TestNobodys_table_read_into_a_tenant_model(t *testing.T) {
	onEach(t, func(f *fixture) {
		_, a := f.start(tenantplugin.Models(&Project{}, &country{}))
		_ = a.Table("countries").Select("name").Find(&[]Project{}).Error
		var found []country
		require.NoError(f.t, a.Find(&found).Error, "but that was only scanned into")
		require.Len(f.t, found, 1)
	})
}

func TestMigration_of_tables_that_exist_is_learned(t *testing.T) {
	onEach(t, func(f *fixture) {
		db, _ := f.start()
		require.NoError(f.t, db.AutoMigrate(&Project{}))
		for _, table := range []string{"projects", "project_tags", "tags", "owners"} {
			require.ErrorIs(f.t, db.Exec("DELETE FROM "+table).Error, gormtenant.ErrNoTenant, table)
		}
	})
}

func TestMigration_before_the_plugin_is_learned(t *testing.T) {
	onEach(t, func(f *fixture) {
		db := f.open(&gorm.Config{DisableForeignKeyConstraintWhenMigrating: true})
		require.NoError(f.t, db.AutoMigrate(&Project{}))
		require.NoError(f.t, db.Table("projects_2024").AutoMigrate(&Project{}))
		require.NoError(f.t, db.Use(tenantplugin.New()))
		for _, table := range []string{"projects", "project_tags", "projects_2024"} {
			require.ErrorIs(f.t, db.Exec("DELETE FROM "+table).Error, gormtenant.ErrNoTenant, table)
		}
	})
}

// TestRaw_text_scanned_into_the_model_of_its_table is the first thing that names the model.
func TestRaw_text_scanned_into_the_model_of_its_table(t *testing.T) {
	onEach(t, func(f *fixture) {
		db, a := f.start()
		require.ErrorIs(f.t, db.Raw("SELECT * FROM projects").Find(&[]Project{}).Error,
			gormtenant.ErrNoTenant)
		var found []Project
		if a.Raw("SELECT * FROM projects").Find(&found).Error == nil {
			require.Len(f.t, found, 1)
		}
	})
}

func TestTables_of_one_name_in_two_schemas(t *testing.T) {
	onEach(t, func(f *fixture) {
		for _, schemaName := range []string{"billing", "archive"} {
			if f.plain.Name() == "postgres" {
				require.NoError(f.t, f.plain.Exec("CREATE SCHEMA "+schemaName).Error)
			}
		}
		open := func() (db, a *gorm.DB) {
			db, a = f.start()
			if db.Name() == "sqlite" {
				pool, err := db.DB()
				require.NoError(f.t, err)
				pool.SetMaxOpenConns(1)
				for _, schemaName := range []string{"billing", "archive"} {
					require.NoError(f.t, db.Exec("ATTACH ':memory:' AS "+schemaName).Error)
				}
			}
			unscoped := db.WithContext(gormtenant.Unscoped(f.t.Context(), "set-up"))
			for _, text := range []string{
				"CREATE TABLE IF NOT EXISTS billing.bills (id int, tenant_id text, total int)",
				"CREATE TABLE IF NOT EXISTS archive.bills (id integer, total integer)",
				"DELETE FROM billing.bills", "DELETE FROM archive.bills",
				"INSERT INTO billing.bills VALUES (1, 'acme', 1), (11, 'zeta', 11)",
				"INSERT INTO archive.bills VALUES (1, 1), (2, 2)",
			} {
				require.NoError(f.t, unscoped.Exec(text).Error)
			}
			return db, a
		}
		for _, order := range [][]string{{"bill", "oldBill"}, {"oldBill", "bill"}} {
			db, a := open()
			for _, model := range order {
				if model == "bill" {
					var bills []bill
					require.NoError(f.t, a.Find(&bills).Error)
					require.Len(f.t, bills, 1, fmt.Sprint(order))
				} else {
					var bills []oldBill
					require.NoError(f.t, a.Find(&bills).Error)
					require.Len(f.t, bills, 2, fmt.Sprint(order))
				}
			}
			require.NoError(f.t, db.Exec("UPDATE archive.bills SET total = 3").Error)
			require.ErrorIs(f.t, db.Exec("UPDATE billing.bills SET total = 3").Error,
				gormtenant.ErrNoTenant)
			require.NoError(f.t, db.Table("archive.bills").Where("id = 2").Delete(nil).Error)
			require.ErrorIs(f.t, db.Table("billing.bills").Where("1 = 1").Delete(nil).Error,
				gormtenant.ErrNoTenant)
			require.NoError(f.t, a.Create(&bill{ID: 2}).Error)
			require.NoError(f.t, a.Model(&bill{}).Where("id = 11").Update("total", 0).Error)
			var total int
			require.NoError(f.t, db.WithContext(gormtenant.Unscoped(f.t.Context(), "test")).
				Raw("SELECT total FROM billing.bills WHERE id = 11").Scan(&total).Error)
			require.Equal(f.t, 11, total)
		}
	})
}

// TestKeys_with_the_tenant_joined_by_many2many is a join table with two tenant columns.
func TestKeys_with_the_tenant_joined_by_many2many(t *testing.T) {
	onEach(t, func(f *fixture) {
		for _, text := range []string{
			"CREATE TABLE pair_projects (tenant_id text, id int, primary key (tenant_id, id))",
			"CREATE TABLE pair_tags (tenant_id text, id int, primary key (tenant_id, id))",
			"CREATE TABLE pair_links (pair_project_tenant_id text, pair_project_id int, " +
				"pair_tag_tenant_id text, pair_tag_id int, primary key (pair_project_tenant_id, " +
				"pair_project_id, pair_tag_tenant_id, pair_tag_id))",
			"INSERT INTO pair_projects VALUES ('acme', 1), ('zeta', 1)",
			"INSERT INTO pair_tags VALUES ('acme', 1), ('zeta', 1), ('acme', 2)",
			"INSERT INTO pair_links VALUES ('acme', 1, 'acme', 1), ('zeta', 1, 'zeta', 1)",
		} {
			require.NoError(f.t, f.plain.Exec(text).Error)
		}
		db, a := f.start(tenantplugin.Models(&pairProject{}))
		var found []pairProject
		require.NoError(f.t, a.Preload("Tags").Find(&found).Error)
		require.Len(f.t, found, 1)
		require.Len(f.t, found[0].Tags, 1)
		tags := a.Model(&found[0]).Association("Tags")
		require.NoError(f.t, tags.Append(&pairTag{TenantID: dbtest.A, ID: 2}))
		require.EqualValues(f.t, 2, tags.Count())
		require.ErrorIs(f.t, a.Model(&found[0]).Association("Tags").
			Append(&pairTag{TenantID: dbtest.B, ID: 1}), gormtenant.ErrOtherTenant)
		require.NoError(f.t, a.Model(&found[0]).Association("Tags").Clear())
		require.EqualValues(f.t, 1, f.count("pair_links"), "of B")

		require.ErrorIs(f.t, db.Exec("DELETE FROM pair_links").Error, gormtenant.ErrNoTenant)
		require.NoError(f.t, a.Table("pair_links").Where("1 = 1").Delete(nil).Error)
		require.EqualValues(f.t, 1, f.count("pair_links"), "of B")
	})
}
