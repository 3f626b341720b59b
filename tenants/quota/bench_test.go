package quota_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/tenants"
)

// BenchmarkCreate compares a create that is limited with one that is not, on one connection.
func BenchmarkCreate(b *testing.B) {
	for _, dialector := range kinds {
		for _, limit := range []int64{tenants.Unlimited, 1_000_000} {
			name := map[bool]string{true: "not_limited", false: "limited"}[limit < 0]
			b.Run(dialector+"/"+name,
				func(b *testing.B) { benchmarkCreate(b, dialector, 10, limit) })
		}
	}
}

// BenchmarkCreate_by_rows shows what counting costs by the number of rows that the tenant has.
func BenchmarkCreate_by_rows(b *testing.B) {
	for _, dialector := range kinds {
		for _, n := range []int{100, 1000, 10_000, 100_000} {
			b.Run(fmt.Sprint(dialector, "/", n),
				func(b *testing.B) { benchmarkCreate(b, dialector, n, 1_000_000) })
		}
	}
}

// benchmarkCreate creates one project over and over for a tenant that has n.
func benchmarkCreate(b *testing.B, dialector string, n int, limit int64) {
	b.Helper()
	e := newEnv(b, dialectors[dialector](b), &gorm.Config{})
	e.db.Logger = e.plain.Logger
	pool, err := e.db.DB()
	require.NoError(b, err)
	pool.SetMaxOpenConns(1)
	as := func(limit int64) *gorm.DB {
		t := tenant("acme")
		t.Limits = tenants.Limits{"projects": limit}
		return e.db.WithContext(tenants.NewContext(b.Context(), t))
	}
	require.NoError(b, as(tenants.Unlimited).CreateInBatches(newProjects(n), 1000).Error)
	settle := map[string]string{
		"sqlite": "ANALYZE", "postgres": "VACUUM ANALYZE projects",
	}[dialector]
	require.NoError(b, e.plain.Exec(settle).Error)
	tx, p := as(limit), newProject()
	b.ReportAllocs()
	for b.Loop() {
		p.ID = 0
		if err := tx.Create(p).Error; err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		require.NoError(b, e.plain.Exec("DELETE FROM projects WHERE id = ?", p.ID).Error)
		b.StartTimer()
	}
}
