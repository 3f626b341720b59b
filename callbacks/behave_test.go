package callbacks_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
	"gorm.io/plugin/dbresolver"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/callbacks"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// TestBehavesAsEver goes through the parts of GORM that are no statements.
func TestBehavesAsEver(t *testing.T) {
	t.Parallel()
	configs := []struct {
		name   string
		config gorm.Config
	}{
		{"plain", gorm.Config{}},
		{"prepared", gorm.Config{PrepareStmt: true}},
		{"without_default_transaction", gorm.Config{SkipDefaultTransaction: true}},
		{"query_fields", gorm.Config{QueryFields: true}},
		{"translated_errors", gorm.Config{TranslateError: true}},
		{"full_saves", gorm.Config{FullSaveAssociations: true}},
		{"batches", gorm.Config{CreateBatchSize: 1}},
		{"no_nested_transactions", gorm.Config{DisableNestedTransaction: true}},
	}
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		plain := NewEnv(t, open, &gorm.Config{}).Plain
		for _, c := range configs {
			t.Run(c.name, func(t *testing.T) {
				db := open(&c.config)
				use(t, db, nil)
				e := Over(db, map[string]*gorm.DB{A: plain, B: plain}, false)
				e.Seed(t)
				behave(t, e)
			})
		}
	})
}

func behave(t *testing.T, e *Env) {
	t.Helper()
	theirs := e.Rows(t, B)
	p := Project{Slug: "n", Tags: []Tag{{Label: "l"}}, Tasks: []Task{{Title: "a"}, {Title: "b"}}}
	require.NoError(t, e.As().Create(&p).Error)
	require.NoError(t, e.As().Preload("Tags").Preload("Tasks").First(&p, p.ID).Error)
	require.Len(t, p.Tasks, 2)
	p.Name = "changed"
	require.NoError(t, e.As().Save(&p).Error)
	for range 2 { // the second time from the cache of prepared statements
		keys, err := find(e.As().Where("budget >= ? OR\n1 = 1", 0))
		require.NoError(t, err)
		require.Len(t, keys, 3)
		require.ErrorIs(t, e.As().Save(&Project{ID: 11, Slug: "m"}).Error,
			gormtenant.ErrOtherTenant)
		require.ErrorIs(t, e.DB.Find(&[]Project{}).Error, gormtenant.ErrNoTenant)
		require.ErrorIs(t, e.As().First(&Project{}, 11).Error, gorm.ErrRecordNotFound)
	}
	own := errors.New("roll back")
	err := e.As().Transaction(func(tx *gorm.DB) error {
		require.NoError(t, tx.Create(&Project{Slug: "gone"}).Error)
		_ = tx.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.Create(&Project{Slug: "gone too"}).Error)
			return own
		})
		return own
	})
	require.ErrorIs(t, err, own)
	var n int64
	require.NoError(t, e.As().Model(&Project{}).Where("slug LIKE 'gone%'").Count(&n).Error)
	require.Zero(t, n)
	require.NoError(t, e.As().Select("Tags", "Tasks").Delete(&p).Error)
	require.Equal(t, theirs, e.Rows(t, B))
}

// failedWrites in GORM's own transaction.
func failedWrites() attackList {
	return attackList{name: "failed_write_leaves_nothing_behind", attacks: []attack{
		{name: "has_many", run: func(t *testing.T, e *Env) error {
			return e.As().
				Create(&Project{
					Slug: "n", Owner: &User{Name: "n"},
					Tasks: []Task{{Title: "n"}, {ID: 11}},
				}).Error
		}, want: gormtenant.ErrOtherTenant},
		{name: "transaction", run: func(t *testing.T, e *Env) error {
			return e.As().Transaction(func(tx *gorm.DB) error {
				require.NoError(t, tx.Create(&Project{Slug: "n"}).Error)
				return tx.Save(&Project{ID: 11, Slug: "m"}).Error
			})
		}, want: gormtenant.ErrOtherTenant},
	}}
}

type hooked struct {
	ID       uint
	TenantID string
	Name     string
	Slug     string
}

func (hooked) TableName() string { return "projects" }

// AfterCreate uses the transaction as the statement's own tenant.
func (h *hooked) AfterCreate(tx *gorm.DB) error {
	var n int64
	if err := tx.Model(&Project{}).Count(&n).Error; err != nil || n != 3 {
		return errors.Join(errors.New("a hook sees its tenant's rows"), err)
	}
	return tx.Create(&Tag{Label: "from a hook"}).Error
}

// BeforeCreate sees the tenant, and may not change it.
func (h *hooked) BeforeCreate(*gorm.DB) error {
	if h.Name == "steal" {
		h.TenantID = B
	} else if h.TenantID != A {
		return errors.New("the tenant is not filled")
	}
	return nil
}

func hooks() attackList {
	return attackList{name: "hooks", attacks: []attack{
		{name: "use_tx", run: func(t *testing.T, e *Env) error {
			err := e.As().Create(&hooked{Slug: "n"}).Error
			require.Equal(t, A, e.Text(t, "SELECT tenant_id FROM tags WHERE label = 'from a hook'"))
			return err
		}},
		{name: "change_the_tenant", run: func(t *testing.T, e *Env) error {
			return e.As().Create(&hooked{Slug: "n", Name: "steal"}).Error
		}, want: gormtenant.ErrOtherTenant},
	}}
}

func skippedHooks() attackList {
	return attackList{
		name: "skipped_hooks",
		attacks: []attack{{name: "create", run: func(t *testing.T, e *Env) error {
			err := e.As().Session(&gorm.Session{SkipHooks: true}).Create(&hooked{Slug: "n"}).Error
			created(t, e, "n")
			return err
		}}},
	}
}

func TestRegister(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := open(&gorm.Config{})
		var order []string
		for _, name := range []string{"WHERE", "FROM", "ON CONFLICT"} {
			db.ClauseBuilders[name] = func(c clause.Clause, b clause.Builder) {
				order = append(order, name)
				c.Build(b)
			}
		}
		require.NoError(t, db.Use(tenantplugin.New()))
		require.ErrorIs(t, db.Use(tenantplugin.New()), gorm.ErrRegistered)
		require.NoError(t, db.AutoMigrate(Models()...))
		order = nil
		tx := db.WithContext(gormtenant.WithTenant(t.Context(), A))
		require.NoError(t, tx.Where("budget > 0 OR\n1 = 1").Find(&[]Project{}).Error)
		require.NoError(t, tx.Save(&[]Project{{ID: 1, Slug: "n"}}).Error)
		require.NoError(t, tx.Save(&[]Project{{ID: 1, Slug: "n"}}).Error)
		require.Contains(t, order, "WHERE")
		require.Contains(t, order, "FROM")
		require.Contains(t, order, "ON CONFLICT")

		ran := false
		require.NoError(t, db.Callback().Query().After(callbacks.QueryName).
			Register("test:after", func(db *gorm.DB) {
				ran = true
			}))
		require.NoError(t, tx.Find(&[]Project{}).Error)
		require.True(t, ran)
	})
}

// dbresolver opens each replica with a copy of the configuration, and GORM then initializes the
// plugins in it once more: on clause builders that both databases share.
func TestResolver_routes_scoped_statements(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		resolverFirst bool
	}{{"resolver_first", true}, {"plugin_first", false}} {
		t.Run(c.name, func(t *testing.T) {
			file := func(name string) gorm.Dialector {
				return sqlite.Open("file:" + filepath.ToSlash(filepath.Join(t.TempDir(), name)) +
					"?_pragma=busy_timeout(5000)")
			}
			first, second := file("first.db"), file("second.db")
			db := Open(t, first, &gorm.Config{})
			require.NoError(t, Open(t, second, &gorm.Config{}).
				AutoMigrate(&Country{}, &Project{}, &User{}))
			require.NoError(t, db.AutoMigrate(&Country{}, &Project{}, &User{}))
			use := []gorm.Plugin{
				dbresolver.Register(dbresolver.Config{Replicas: []gorm.Dialector{second}}),
				tenantplugin.New(),
			}
			if !c.resolverFirst {
				slices.Reverse(use)
			}
			for _, plugin := range use {
				require.NoError(t, db.Use(plugin))
			}
			tx := db.WithContext(gormtenant.WithTenant(t.Context(), A))
			require.NoError(t, tx.Create(&Project{Slug: "n"}).Error)
			require.NoError(t, tx.Where("slug = ?", "n").Limit(1).Order("id").Delete(&Project{}).
				Error)
			require.NoError(t, tx.Create(&Project{Slug: "n"}).Error)
			keys, err := find(tx)
			require.NoError(t, err)
			require.Empty(t, keys, "the replica")
			keys, err = find(tx.Clauses(dbresolver.Write))
			require.NoError(t, err)
			require.Len(t, keys, 1)
			keys, err = find(tx.Clauses(dbresolver.Write).Where("1 = 0 OR\n1 = 1").Limit(5))
			require.NoError(t, err)
			require.Len(t, keys, 1)
			_, err = find(db.Clauses(dbresolver.Write))
			require.ErrorIs(t, err, gormtenant.ErrNoTenant)
			_, err = find(db)
			require.ErrorIs(t, err, gormtenant.ErrNoTenant)
		})
	}
}

// Two databases may be opened with one gorm.Config. Each is guarded, and the first still is.
func TestConfig_used_twice(t *testing.T) {
	t.Parallel()
	config := &gorm.Config{Logger: logger.Discard}
	open := func() *gorm.DB {
		db := Open(t, sqlite.Open("file:"+filepath.ToSlash(filepath.Join(t.TempDir(), "x.db"))),
			config)
		require.NoError(t, db.AutoMigrate(&Country{}, &Project{}, &User{}))
		return db
	}
	first := open()
	require.NoError(t, first.Use(tenantplugin.New()))
	second := open()
	if second.Plugins[models.PluginName] == nil { // older GORM takes a copy of its configuration
		require.NoError(t, second.Use(tenantplugin.New()))
	}
	for _, db := range []*gorm.DB{first, second} {
		_, err := find(db)
		require.ErrorIs(t, err, gormtenant.ErrNoTenant)
		require.NoError(t, db.WithContext(gormtenant.WithTenant(t.Context(), A)).
			Create(&Project{Slug: "a"}).Error)
		require.NoError(t, db.WithContext(gormtenant.WithTenant(t.Context(), B)).
			Create(&Project{Slug: "b"}).Error)
		keys, err := find(db.WithContext(gormtenant.WithTenant(t.Context(), A)).
			Where("1 = 1 OR\n1 = 1").Limit(5))
		require.NoError(t, err)
		require.Len(t, keys, 1)
	}
	builders := &gorm.Config{Logger: logger.Discard, ClauseBuilders: first.ClauseBuilders}
	third := Open(t, sqlite.Open(":memory:"), builders)
	require.ErrorContains(t, third.Use(tenantplugin.New(tenantplugin.AllowRawSQL())),
		"with a gorm.Config of its own")
}

// TestConditionsUsedAgain begins a group with an Or. GORM moves it behind another condition, in the
// caller's own slice, so that the statement means the same when it is used again.
func TestConditionsUsedAgain(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		group := func() *gorm.DB {
			return e.As().
				Where(e.DB.Or("title = ?", "plan").
					Where("title = @word", map[string]any{"word": "build"}))
		}
		var all, some []Task
		require.NoError(t, group().FindInBatches(&some, 1, func(*gorm.DB, int) error {
			all = append(all, some...)
			return nil
		}).Error)
		require.Len(t, all, 2, "one in each batch")

		query := group().Session(&gorm.Session{})
		require.NoError(t, query.Find(&all).Error)
		require.Len(t, all, 2)
		require.NoError(t, query.Where("id > 0").Find(&all).Error)
		require.Len(t, all, 2, "the group stays one operand")
	})
}

// TestUpsertOfNoColumns leaves out every column of a map: GORM builds VALUES without a row then,
// and the database inserts one.
func TestUpsertOfNoColumns(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		result := e.As().Model(&User{}).Omit("Name").Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "id"}},
			DoUpdates: clause.AssignmentColumns([]string{"name"}),
		}).Create(map[string]any{"name": "left out"})
		require.NoError(t, result.Error)
		require.EqualValues(t, 1, result.RowsAffected)
	})
}

// TestParallelUse learns the models in many goroutines at once.
func TestParallelUse(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := open(&gorm.Config{DisableForeignKeyConstraintWhenMigrating: true})
		require.NoError(t, db.AutoMigrate(Models()...))
		require.NoError(t, db.Use(tenantplugin.New()))
		var group sync.WaitGroup
		for i := range 16 {
			group.Go(func() {
				tenant := []string{A, B}[i%2]
				tx := db.WithContext(gormtenant.WithTenant(context.Background(), tenant))
				for _, model := range Models() {
					if err := tx.Find(model).Error; err != nil {
						t.Error(err)
					}
				}
				var rows []Project
				err := tx.Joins("Owner").Preload("Tags").Preload("Tasks").Find(&rows).Error
				if err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	})
}

// TestReuse_keeps_the_condition_of_soft_delete: GORM adds it once, and notes that it is there.
func TestReuse_keeps_the_condition_of_soft_delete(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		require.NoError(t, e.As().Delete(&Note{ID: 1}).Error)
		q := e.As().Model(&Note{})
		var rows []Note
		require.NoError(t, q.Find(&rows).Error)
		require.Empty(t, rows)
		var n int64
		require.NoError(t, q.Where("1 = 1").Count(&n).Error)
		require.Zero(t, n)
	})
}
