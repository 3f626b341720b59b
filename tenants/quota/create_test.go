package quota_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/models"
	"github.com/gormtenant/gormtenant/tenants"
)

// slugOnly is a smaller struct over the table of projects.
type slugOnly struct {
	models.TenantModel
	Slug string
}

func (slugOnly) TableName() string { return "projects" }

// way creates one project.
type way struct {
	name   string
	create func(tx *gorm.DB) error
}

// ways create one project each.
var ways = []way{
	{"struct", func(tx *gorm.DB) error { return tx.Create(newProject()).Error }},
	{"slice", func(tx *gorm.DB) error { return tx.Create([]*project{newProject()}).Error }},
	{
		"in_batches",
		func(tx *gorm.DB) error {
			return tx.CreateInBatches([]*project{newProject()}, 5).Error
		},
	},
	{
		"create_batch",
		func(tx *gorm.DB) error {
			return batched(tx, 1).Create([]*project{newProject()}).Error
		},
	},
	{
		"map",
		func(tx *gorm.DB) error {
			return tx.Model(&project{}).Create(map[string]any{"slug": slug()}).Error
		},
	},
	{
		"maps",
		func(tx *gorm.DB) error {
			return tx.Model(&project{}).Create(&[]map[string]any{{"Slug": slug()}}).Error
		},
	},
	{
		"table",
		func(tx *gorm.DB) error {
			return tx.Table("projects").Create(map[string]any{"slug": slug()}).Error
		},
	},
	{
		"table_arg",
		func(tx *gorm.DB) error {
			return tx.Table("?", gorm.Expr("projects")).Create(newProject()).Error
		},
	},
	{"smaller_struct", func(tx *gorm.DB) error { return tx.Create(&slugOnly{Slug: slug()}).Error }},
	{"save", func(tx *gorm.DB) error { return tx.Save(newProject()).Error }},
	{"save_with_key", func(tx *gorm.DB) error { return tx.Save(withKey(newProject())).Error }},
	{"save_slice", func(tx *gorm.DB) error { return tx.Save([]*project{newProject()}).Error }},
	{"select", func(tx *gorm.DB) error { return tx.Select("Slug").Create(newProject()).Error }},
	{"prepared", func(tx *gorm.DB) error {
		return tx.Session(&gorm.Session{PrepareStmt: true}).Create(newProject()).Error
	}},
	{
		"skip_hooks",
		func(tx *gorm.DB) error {
			return tx.Session(&gorm.Session{SkipHooks: true}).Create(newProject()).Error
		},
	},
	{"no_transaction", func(tx *gorm.DB) error { return without(tx).Create(newProject()).Error }},
	{"transaction", func(tx *gorm.DB) error { return tx.Transaction(createOne) }},
	{"nested", func(tx *gorm.DB) error {
		return tx.Transaction(func(tx *gorm.DB) error { return tx.Transaction(createOne) })
	}},
	{"connection", func(tx *gorm.DB) error { return tx.Connection(createOne) }},
	{
		"generics",
		func(tx *gorm.DB) error {
			return gorm.G[project](tx).Create(tx.Statement.Context, newProject())
		},
	},
	{
		"append",
		func(tx *gorm.DB) error {
			return tx.Model(owner(tx)).Association("Projects").Append(newProject())
		},
	},
	{
		"has_many",
		func(tx *gorm.DB) error {
			return tx.Updates(&user{ID: owner(tx).ID, Projects: newProjects(1)}).Error
		},
	},
	{
		"first_or_create",
		func(tx *gorm.DB) error {
			return tx.Where("slug = ?", slug()).FirstOrCreate(newProject()).Error
		},
	},
}

func createOne(tx *gorm.DB) error { return tx.Create(newProject()).Error }

func withKey(p *project) *project {
	p.ID = uint(len(p.Slug))*1000 + uint(p.Slug[len(p.Slug)-1])*100 + uint(p.Slug[len(p.Slug)-2])
	return p
}

func batched(tx *gorm.DB, size int) *gorm.DB {
	return tx.Session(&gorm.Session{CreateBatchSize: size})
}

func without(tx *gorm.DB) *gorm.DB {
	return tx.Session(&gorm.Session{SkipDefaultTransaction: true})
}

// owner returns the one user of the tenant.
func owner(tx *gorm.DB) *user {
	var u user
	_ = tx.AddError(tx.Session(&gorm.Session{NewDB: true}).Where(user{Name: "owner"}).
		FirstOrCreate(&u).Error)
	return &u
}

func TestCreate_up_to_the_limit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		e.add(t, "zeta", 5)
		for _, way := range ways {
			require.NoError(t, e.plain.Exec("DELETE FROM projects WHERE tenant_id = 'acme'").Error)
			for range limits["projects"] {
				require.NoError(t, way.create(e.as()), way.name)
			}
			e.sent.take()
			err := way.create(e.as())
			require.ErrorIs(t, err, tenants.ErrLimit, way.name)
			requireLimit(t, err, "projects", 3, 4)
			require.EqualValues(t, 3, e.live(t, "projects", "acme"), way.name)
			require.EqualValues(t, 5, e.live(t, "projects", "zeta"), way.name)
		}
	})
}

func TestCreate_of_many(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		requireLimit(t, e.as().Create(newProjects(4)).Error, "projects", 3, 4)
		requireLimit(t, e.as().CreateInBatches(newProjects(5), 2).Error, "projects", 3, 4)
		requireLimit(t, e.as().Model(&project{}).Create(&[]map[string]any{
			{"slug": slug()}, {"slug": slug()}, {"slug": slug()}, {"slug": slug()},
		}).Error, "projects", 3, 4)
		require.Zero(t, e.live(t, "projects", "acme"), "a part of a refused create is there")
		require.NoError(t, e.as().Create(newProjects(2)).Error)
		requireLimit(t, e.as().Create(newProjects(2)).Error, "projects", 3, 4)
		require.NoError(t, e.as().Create(newProjects(1)).Error)
		require.EqualValues(t, 3, e.live(t, "projects", "acme"))
	})
}

func TestCreate_of_associations(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		requireLimit(t, e.as().Create(&user{Name: "a", Projects: newProjects(4)}).Error, "projects",
			3, 4)
		require.Zero(t, e.live(t, "users", "acme"), "the owner is there without the projects")
		requireLimit(t,
			e.as().Create(&user{Name: "a", Boss: &user{Name: "b", Boss: &user{Name: "c"}}}).Error,
			"users", 2, 3)
		require.Zero(t, e.live(t, "users", "acme"))
		require.NoError(t,
			e.as().
				Create(&user{
					Name: "a", Boss: &user{Name: "b", Projects: newProjects(1)},
					Projects: newProjects(2),
				}).Error)
		requireLimit(t, e.as().Create(newProject()).Error, "projects", 3, 4)
		requireLimit(t, e.as().Create(&user{Name: "d"}).Error, "users", 2, 3)
	})
}

// twin is a project whose hook creates another one.
type twin struct {
	project
	created bool
}

func (*twin) TableName() string { return "projects" }

func (w *twin) BeforeCreate(tx *gorm.DB) error {
	w.created = true
	return tx.Create(newProject()).Error
}

func TestCreate_in_a_hook_of_a_create(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		require.NoError(t, e.as().Create(&twin{project: *newProject()}).Error)
		w := &twin{project: *newProject()}
		requireLimit(t, e.as().Create(w).Error, "projects", 3, 4)
		require.True(t, w.created)
		require.EqualValues(t, 2, e.live(t, "projects", "acme"))
	})
}

// A refused create leaves nothing in a transaction that goes on.
func TestRefusal_in_a_transaction_that_goes_on(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		require.NoError(t, e.as().Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.Create(newProjects(2)).Error)
			requireLimit(t, tx.Create(newProjects(2)).Error, "projects", 3, 4)
			require.NoError(t, tx.Create(newProject()).Error)
			requireLimit(t, tx.Create(newProject()).Error, "projects", 3, 4)
			return nil
		}))
		require.EqualValues(t, 3, e.live(t, "projects", "acme"))
	})
}

func TestCreate_that_fails_or_is_taken_back_uses_nothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		taken := newProject()
		require.NoError(t, e.as().Create(taken).Error)
		undo := errors.New("undo")
		for _, tx := range []*gorm.DB{e.as(), without(e.as())} {
			for range 5 {
				require.Error(t, tx.Create(&project{Slug: taken.Slug}).Error)
				require.ErrorIs(t, tx.Transaction(func(tx *gorm.DB) error {
					require.NoError(t, tx.Create(newProjects(2)).Error)
					return undo
				}), undo)
				require.NoError(t, tx.Transaction(func(tx *gorm.DB) error {
					require.ErrorIs(t, tx.Transaction(func(tx *gorm.DB) error {
						require.NoError(t, tx.Create(newProjects(2)).Error)
						return undo
					}), undo)
					return nil
				}))
			}
		}
		require.NoError(t, e.as().Create(newProjects(2)).Error)
		requireLimit(t, e.as().Create(newProject()).Error, "projects", 3, 4)
	})
}

// Without default transactions the count and the INSERT get one, which ends whatever happens.
func TestSkipDefaultTransaction(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, dialectors[kind](t), &gorm.Config{SkipDefaultTransaction: true})
			pool, err := e.db.DB()
			require.NoError(t, err)
			pool.SetMaxOpenConns(1)
			taken := newProject()
			require.NoError(t, e.as().Create(taken).Error)
			require.Error(t, e.as().Create(&project{Slug: taken.Slug}).Error)
			require.NoError(t, e.as().Create(&user{Name: "a", Projects: newProjects(1)}).Error)
			requireLimit(t, e.as().Create(newProjects(2)).Error, "projects", 3, 4)
			require.NoError(t, e.as().Create(newProject()).Error)
			ctx, cancel := context.WithCancel(e.acme)
			cancel()
			require.ErrorIs(t, e.db.WithContext(ctx).Create(newProject()).Error, context.Canceled)
			tx := e.as()
			requireLimit(t, tx.Create(newProject()).Error, "projects", 3, 4)
			require.NoError(t, e.as().Create(&note{}).Error)
			require.EqualValues(t, 3, e.live(t, "projects", "acme"))

			failing := errors.New("failing")
			require.NoError(t,
				e.db.Callback().Create().Before("gormtenant:quota_settle").
					Register("failing", func(db *gorm.DB) {
						_ = db.AddError(failing)
					}))
			require.NoError(t, e.as().Delete(taken).Error)
			require.ErrorIs(t, e.as().Create(newProject()).Error, failing)
			require.EqualValues(t, 2, e.live(t, "projects", "acme"))
			require.Zero(t, pool.Stats().InUse, "a transaction was left open")
		})
	}
}

func TestDryRun_sends_nothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		e.add(t, "acme", 3)
		e.sent.take()
		require.NotContains(t,
			e.as().ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Create(newProject()) }), "locks")
		require.NoError(t, e.as().Session(&gorm.Session{DryRun: true}).Create(newProject()).Error)
		require.NotContains(t, beginnings(e.sent.take()), "LOCK")
	})
}

// SQLite's dialect writes the alias for the table.
func TestCreate_by_an_alias(t *testing.T) {
	t.Parallel()
	e := newEnv(t, dialectors["postgres"](t), &gorm.Config{})
	require.NoError(t, e.as().Table("projects AS p").Create(newProjects(3)).Error)
	requireLimit(t, e.as().Table("projects AS p").Create(newProject()).Error, "projects", 3, 4)
}

// A statement that is used again is a new create.
func TestStatement_that_is_used_again(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, e *env) {
		tx := e.as().Set("x", 1)
		for range 3 {
			require.NoError(t, tx.Create(newProject()).Error)
		}
		requireLimit(t, tx.Create(newProject()).Error, "projects", 3, 4)
	})
}
