package bench_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/testing/race"
	"github.com/gormtenant/gormtenant/scopes"
)

// firstTexts are statements whose text is another one each time.
var firstTexts = []operation{
	{name: "Find", plugin: func(db *gorm.DB, n int) *gorm.DB {
		return db.Where(fmt.Sprint("budget > ", n)).Find(&[]Project{})
	}},
	{name: "Joins", plugin: func(db *gorm.DB, n int) *gorm.DB {
		return db.Joins(fmt.Sprintf("JOIN tasks t ON t.project_id = projects.id AND t.id > %d", n)).
			Find(&[]Project{})
	}},
	{name: "Update", plugin: func(db *gorm.DB, n int) *gorm.DB {
		return db.Model(&Project{}).Where(fmt.Sprint("budget > ", n)).Update("name", "x")
	}},
	{name: "RawJoin", plugin: func(db *gorm.DB, n int) *gorm.DB {
		id := scopes.ID(gormtenant.WithTenant(db.Statement.Context, tenant))
		return db.Raw(fmt.Sprint(joinTextByHand, " AND p.id > ", n), n, id, id).Scan(&[]uint{})
	}},
	{name: "RawJoinWithoutID", plugin: func(db *gorm.DB, n int) *gorm.DB {
		return db.Raw(fmt.Sprint(joinText, " AND p.id > ", n), n).Scan(&[]uint{})
	}},
	{name: "RawShared", plugin: func(db *gorm.DB, n int) *gorm.DB {
		return db.Raw(fmt.Sprint(sharedText, " AND c.id > ", n), n).Scan(&[]uint{})
	}},
	{name: "RawReport", plugin: func(db *gorm.DB, n int) *gorm.DB {
		return db.Raw(fmt.Sprintf(`WITH big AS (SELECT * FROM projects WHERE budget > %d)
			SELECT b.name, count(t.id) FROM big b LEFT JOIN tasks t ON t.project_id = b.id
			GROUP BY b.name ORDER BY 2 DESC`, n)).Scan(&[]map[string]any{})
	}},
}

// TestAllocations_of_a_first_text: a text that was never seen has to be read, at no more than 50
// allocations over the same statement that crosses tenants.
func TestAllocations_of_a_first_text(t *testing.T) {
	if race.Enabled {
		return // It allocates by itself.
	}
	d, _ := openStub(t)
	all := gormtenant.Unscoped(t.Context(), "the same text, unread")
	one := gormtenant.WithTenant(t.Context(), tenant)
	require.NoError(t, d.scoped.WithContext(one).Find(&[]Task{}).Error)
	for _, op := range firstTexts {
		t.Run(op.name, func(t *testing.T) {
			n := 0
			measure := func(db *gorm.DB) float64 {
				return testing.AllocsPerRun(100, func() {
					n++
					require.NoError(t, op.plugin(db, n).Error)
				})
			}
			unscoped := measure(d.scoped.WithContext(all))
			scoped := measure(d.scoped.WithContext(one))
			t.Logf("unscoped %v, scoped %v", unscoped, scoped)
			require.LessOrEqual(t, scoped, unscoped+50)
		})
	}
}
