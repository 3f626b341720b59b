package adopt_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/adopt"
	"github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// The models after the change: TenantModel was embedded, and the tenant put into the index of Slug.
type (
	Project struct {
		ID uint
		models.TenantModel
		TenantID string `gorm:"not null;uniqueIndex:idx_projects_slug,priority:1"`
		Name     string `gorm:"index"`
		Slug     string `gorm:"uniqueIndex:idx_projects_slug,priority:2"`
		Code     string
		Token    string `gorm:"uniqueIndex:idx_projects_token"`
		Tasks    []Task `gorm:"constraint:OnDelete:CASCADE"`
		Tags     []Tag  `gorm:"many2many:project_tags"`
	}
	Task struct {
		ID uint
		models.TenantModel
		Title     string
		ProjectID uint
		ParentID  *uint
		Parent    *Task `gorm:"constraint:OnDelete:SET NULL"`
	}
	Tag struct {
		ID uint
		models.TenantModel
		Label string
	}
)

// The same before it.
type (
	oldProject struct {
		ID    uint
		Name  string    `gorm:"index:idx_projects_name"`
		Slug  string    `gorm:"uniqueIndex:idx_projects_slug"`
		Code  string    `gorm:"unique"`
		Token string    `gorm:"uniqueIndex:idx_projects_token"`
		Tasks []oldTask `gorm:"foreignKey:ProjectID;constraint:OnDelete:CASCADE"`
		Tags  []oldTag  `gorm:"many2many:project_tags;joinForeignKey:ProjectID;joinReferences:TagID"` //nolint:lll // a tag
	}
	oldTask struct {
		ID        uint
		Title     string
		ProjectID uint
		ParentID  *uint
		Parent    *oldTask `gorm:"constraint:OnDelete:SET NULL"`
	}
	oldTag struct {
		ID    uint
		Label string
	}
)

func (oldProject) TableName() string { return "projects" }
func (oldTask) TableName() string    { return "tasks" }
func (oldTag) TableName() string     { return "tags" }

var (
	all     = []any{&Project{}, &Task{}, &Tag{}}
	options = []adopt.Option{adopt.Tenant("acme"), adopt.Global("idx_projects_token")}
)

// legacy opens a database of an application that knows no tenants, with rows in it.
func legacy(t *testing.T, open func(*gorm.Config) *gorm.DB, rows int) *gorm.DB {
	t.Helper()
	db := open(&gorm.Config{})
	require.NoError(t, db.AutoMigrate(&oldTag{}, &oldProject{}, &oldTask{}))
	for i := 1; i <= rows; i++ {
		name := fmt.Sprintf("p%d", i)
		p := oldProject{
			Name: name, Slug: name, Code: name, Token: name,
			Tasks: []oldTask{{Title: "a"}, {Title: "b"}}, Tags: []oldTag{{Label: "x"}},
		}
		require.NoError(t, db.Create(&p).Error)
		require.NoError(t, db.Model(&p.Tasks[1]).Update("parent_id", p.Tasks[0].ID).Error)
	}
	return db
}

// everything is all rows, without the tenant column.
func everything(t *testing.T, db *gorm.DB) string {
	t.Helper()
	var text strings.Builder
	for _, query := range []string{
		"SELECT id, name, slug, code, token FROM projects ORDER BY id",
		"SELECT id, title, project_id, parent_id FROM tasks ORDER BY id",
		"SELECT id, label FROM tags ORDER BY id",
		"SELECT project_id, tag_id FROM project_tags ORDER BY project_id, tag_id",
	} {
		var rows []map[string]any
		require.NoError(t, db.Raw(query).Scan(&rows).Error)
		for _, row := range rows {
			for _, column := range []string{
				"id", "name", "slug", "code", "token", "title", "project_id", "parent_id", "label",
				"tag_id",
			} {
				if value, ok := row[column]; ok {
					fmt.Fprintf(&text, "%v,", value)
				}
			}
			text.WriteByte('\n')
		}
	}
	return text.String()
}

// enforces reports what an adopted database has to do.
func enforces(t *testing.T, db *gorm.DB) {
	t.Helper()
	require.NoError(t, db.Use(tenantplugin.New(tenantplugin.Models(all...))))
	acme := db.WithContext(gormtenant.WithTenant(context.Background(), "acme"))
	zeta := db.WithContext(gormtenant.WithTenant(context.Background(), "zeta"))
	var first Project
	require.NoError(t, acme.Preload("Tasks").Preload("Tags").First(&first).Error)
	require.Equal(t, "acme", first.TenantID)
	require.Len(t, first.Tasks, 2)
	require.Len(t, first.Tags, 1)
	same := Project{Name: "p1", Slug: "p1", Code: "p1", Token: "own"}
	require.NoError(t, zeta.Create(&same).Error, "names are each tenant's own")
	same.ID = 0
	require.Error(t, zeta.Create(&same).Error, "and unique in it")
	stolen := Project{Name: "x", Slug: "x", Code: "x", Token: "p1"}
	require.Error(t, zeta.Create(&stolen).Error, "but tokens are all tenants'")
	require.Error(t, zeta.Create(&Task{Title: "spy", ProjectID: first.ID}).Error,
		"the database refuses the key of another tenant's row")
	require.NoError(t, zeta.First(&same, "slug = ?", "p1").Error)
	require.NoError(t, zeta.Create(&Task{Title: "own", ProjectID: same.ID}).Error)
}

func TestApply(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := legacy(t, open, 3)
		before := everything(t, db)
		require.ErrorIs(t, adopt.Check(db, all, options...), adopt.ErrLeft)

		require.NoError(t, adopt.Apply(t.Context(), db, all, options...))
		require.Equal(t, before, everything(t, db))
		require.NoError(t, adopt.Check(db, all, options...))
		left, err := adopt.Statements(db, all, options...)
		require.NoError(t, err)
		require.Empty(t, left)
		require.NoError(t, adopt.Apply(t.Context(), db, all, options...), "a second time")

		require.NoError(t, db.AutoMigrate(all...))
		require.NoError(t, adopt.Check(db, all, options...), "AutoMigrate takes nothing back")
		enforces(t, db)
	})
}

// TestStatements runs the texts as a migration tool does.
func TestStatements(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := legacy(t, open, 3)
		before := everything(t, db)
		list, err := adopt.Statements(db, all, options...)
		require.NoError(t, err)
		require.Equal(t, before, everything(t, db), "nothing was written")
		require.NoError(t, db.Connection(func(tx *gorm.DB) error {
			for _, text := range list {
				if err := tx.Exec(text).Error; err != nil {
					return fmt.Errorf("%s: %w", text, err)
				}
			}
			return nil
		}))
		require.Equal(t, before, everything(t, db))
		require.NoError(t, adopt.Check(db, all, options...))
		enforces(t, db)
	})
}

// TestApply_stopped_anywhere stops Apply in front of each of its statements, and goes on.
func TestApply_stopped_anywhere(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := legacy(t, open, 2)
		before := everything(t, db)
		for stops, last := 0, -1; ; stops++ {
			ctx, cancel := context.WithCancel(t.Context())
			lines := &counting{cancel: cancel, after: 1}
			err := adopt.Apply(ctx, db, all, slices.Concat(options,
				[]adopt.Option{adopt.Progress(lines), adopt.Batch(1)})...)
			cancel()
			require.Equal(t, before, everything(t, db))
			if err == nil {
				require.True(t, stops > 0 || db.Name() == "sqlite")
				break
			}
			require.ErrorIs(t, err, context.Canceled)
			if db.Name() == "sqlite" {
				list, err := adopt.Statements(db, all, options...)
				require.NoError(t, err)
				require.True(t, last < 0 || last == len(list), "nothing is half done")
				last = len(list)
				if stops > len(list) {
					require.NoError(t, adopt.Apply(t.Context(), db, all, options...))
					break
				}
			}
			require.Less(t, stops, 100)
		}
		require.NoError(t, adopt.Check(db, all, options...))
		enforces(t, db)
	})
}

// counting cancels a context when some lines were written.
type counting struct {
	cancel context.CancelFunc
	after  int
}

func (c *counting) Write(b []byte) (int, error) {
	if strings.Contains(string(b), "adopt: ") {
		if c.after--; c.after < 0 {
			c.cancel()
		}
	}
	return len(b), nil
}
