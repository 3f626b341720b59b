package callbacks_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/scopes"
)

// TestOnUnscoped is told of each statement that crosses tenants, once.
func TestOnUnscoped(t *testing.T) {
	t.Parallel()
	var (
		mutex  sync.Mutex
		events = map[string][]tenantplugin.UnscopedEvent{}
	)
	type nameKey struct{}
	audit := tenantplugin.OnUnscoped(func(ctx context.Context, event tenantplugin.UnscopedEvent) {
		mutex.Lock()
		defer mutex.Unlock()
		name, _ := ctx.Value(nameKey{}).(string)
		events[name] = append(events[name], event)
	})
	Run(t, func(t *testing.T, e *Env) {
		for _, test := range []struct {
			name string
			run  func(db *gorm.DB) error
			want []tenantplugin.UnscopedEvent
		}{
			{"find", func(db *gorm.DB) error {
				return db.Find(&[]Project{}).Error
			}, event("query", "projects")},
			{"count", func(db *gorm.DB) error {
				return db.Model(&Project{}).Count(new(int64)).Error
			}, event("query", "projects")},
			{"rows", rowsOf, event("row", "projects")},
			{"update", func(db *gorm.DB) error {
				return db.Model(&Project{ID: 1}).Update("name", "x").Error
			}, event("update", "projects")},
			{"delete", func(db *gorm.DB) error {
				return db.Delete(&Task{ID: 1}).Error
			}, event("delete", "tasks")},
			{"softly", func(db *gorm.DB) error {
				return db.Delete(&Note{ID: 1}).Error
			}, event("delete", "notes")},
			{"exec", func(db *gorm.DB) error {
				return db.Exec("UPDATE projects SET name = 'x'").Error
			}, event("raw", "projects")},
			{"raw", func(db *gorm.DB) error {
				return db.Raw("SELECT 1 FROM tags").Scan(new(int)).Error
			}, event("raw", "tags")},
			{"raw_of_several_tables", func(db *gorm.DB) error {
				return db.Raw("SELECT count(*) FROM tags, users " +
					"WHERE EXISTS (SELECT 1 FROM tasks)").
					Scan(new(int)).Error
			}, event("raw", "tags")},
			{"exec_that_reads_another_table", func(db *gorm.DB) error {
				return db.Exec("UPDATE tasks SET title = (SELECT max(name) FROM projects)").Error
			}, event("raw", "tasks")},
			{"text_in_a_statement_of_its_own_table", func(db *gorm.DB) error {
				return db.Joins("JOIN tasks t ON t.project_id = projects.id").
					Where("EXISTS (SELECT 1 FROM tags)").Find(&[]Project{}).Error
			}, event("query", "projects")},
			{"text_in_an_update_of_a_shared_table", func(db *gorm.DB) error {
				return db.Model(&Country{}).Where("EXISTS (SELECT 1 FROM tags)").
					Update("name", gorm.Expr("(SELECT max(name) FROM users)")).Error
			}, event("update", "users")},
			{"shared", func(db *gorm.DB) error { return db.Find(&[]Country{}).Error }, nil},
			{"no_rows", func(db *gorm.DB) error { return db.Exec("SELECT 1").Error }, nil},
			{"dry_run", func(db *gorm.DB) error {
				return db.Session(&gorm.Session{DryRun: true}).Find(&[]Project{}).Error
			}, nil},
			{"subquery_of_a_scoped_statement", func(db *gorm.DB) error {
				return db.Scopes(scopes.Tenant(A)).
					Where("owner_id IN (?)", db.Session(&gorm.Session{NewDB: true}).Model(&User{}).
						Select("id")).
					Find(&[]Project{}).Error
			}, event("query", "users")},
			{"preload", func(db *gorm.DB) error {
				return db.Preload("Tasks").Find(&[]Project{}).Error
			}, append(event("query", "projects"), event("query", "tasks")...)},
			{"join_from_a_shared_table", func(db *gorm.DB) error {
				return db.Model(&Country{}).Clauses(clause.From{Joins: []clause.Join{{
					Table: clause.Table{Name: "projects"},
					ON:    clause.Where{Exprs: []clause.Expression{gorm.Expr("1 = 1")}},
				}, {
					Table: clause.Table{Name: "tags"},
					ON:    clause.Where{Exprs: []clause.Expression{gorm.Expr("1 = 1")}},
				}}}).Find(&[]Country{}).Error
			}, event("query", "projects")},
			{"fragments_of_a_shared_table", func(db *gorm.DB) error {
				return db.Where("EXISTS (SELECT 1 FROM projects) AND EXISTS (SELECT 1 FROM tags)").
					Order("(SELECT count(*) FROM users)").Find(&[]Country{}).Error
			}, event("query", "projects")},
			{"create", func(db *gorm.DB) error {
				p := Project{Slug: "n"}
				p.TenantID = A
				return db.Create(&p).Error
			}, event("create", "projects")},
			{"refused_create", func(db *gorm.DB) error {
				_ = db.Create(&Project{Slug: "n"})
				return nil
			}, nil},
			{"tenant_inside", func(db *gorm.DB) error {
				return db.Scopes(scopes.Tenant(A)).Find(&[]Project{}).Error
			}, nil},
		} {
			t.Run(test.name, func(t *testing.T) {
				e.Seed(t)
				name := e.Name + test.name
				ctx := context.WithValue(gormtenant.Unscoped(t.Context(), "audit"), nameKey{}, name)
				require.NoError(t, test.run(e.DB.WithContext(ctx)))
				mutex.Lock()
				defer mutex.Unlock()
				require.Equal(t, test.want, events[name])
			})
		}
	}, audit)
}

func event(operation, table string) []tenantplugin.UnscopedEvent {
	return []tenantplugin.UnscopedEvent{{Operation: operation, Table: table, Reason: "audit"}}
}

// TestUnscoped crosses tenants, and only then.
func TestUnscoped(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		all := e.DB.WithContext(gormtenant.Unscoped(t.Context(), "test"))
		keys, err := find(all.Joins("Owner").
			Where("projects.owner_id IN (?)", e.DB.Model(&User{}).Select("id")))
		require.NoError(t, err)
		require.Len(t, keys, 4, "a sub-query crosses with its statement")

		p := Project{ID: 11, Name: "x", Slug: "n"}
		require.NoError(t, all.Save(&p).Error)
		require.Equal(t, B, e.Text(t, "SELECT tenant_id FROM projects WHERE id = 11"),
			"the empty tenant of Save is dropped")
		require.ErrorIs(t, all.Model(&p).Update("tenant_id", "").Error, gormtenant.ErrNoTenant)
		require.NoError(t, all.Model(&p).Update("tenant_id", A).Error, "a row can be moved")
		require.Equal(t, A, e.Text(t, "SELECT tenant_id FROM projects WHERE id = 11"))

		require.ErrorIs(t, all.Where("1 = 1").Scopes(scopes.Tenant("")).Find(&[]Project{}).Error,
			gormtenant.ErrNoTenant)
		require.NoError(t, e.As().Unscoped().Find(&[]Project{}).Error,
			"gorm's own, about soft delete")
	})
}
