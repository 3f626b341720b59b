package transfer_test

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
)

// benchHome makes a place for a benchmark.
func benchHome(b *testing.B, kind, dsn string) *fixture {
	b.Helper()
	h := &fixture{kind: kind, dsn: dsn, Location: transfer.Location{Shared: kind == pgRows}}
	config := &gorm.Config{Logger: logger.Discard}
	var err error
	if kind == liteFile {
		h.dsn = "file:" + b.TempDir() +
			"/test.db?_pragma=busy_timeout(20000)&_pragma=foreign_keys(1)&_pragma=journal_mode(WAL)"
		h.DB, err = gorm.Open(sqlite.Open(h.dsn), config)
		require.NoError(b, err)
		h.app = h.DB
	} else {
		h.DB, err = gorm.Open(postgres.Open(h.dsn), config)
		require.NoError(b, err)
		h.app = h.DB
	}
	if kind == pgSchema {
		h.Schema = "own"
		require.NoError(b, h.DB.Exec("CREATE SCHEMA own").Error)
		h.app, err = gorm.Open(postgres.Open(h.dsn+"&search_path=own"), config)
		require.NoError(b, err)
	}
	require.NoError(b, h.app.AutoMigrate(all()...))
	for _, db := range []*gorm.DB{h.DB, h.app} {
		pool, err := db.DB()
		require.NoError(b, err)
		b.Cleanup(func() { _ = pool.Close() })
	}
	return h
}

// BenchmarkMove_100000_rows measures from Freeze to Compare: how long the tenant cannot write.
// Another tenant has as many rows in the shared tables.
func BenchmarkMove_100000_rows(b *testing.B) {
	const rows = 100_000
	for _, kind := range []string{pgSchema, liteFile} {
		b.Run(pgRows+"_to_"+kind, func(b *testing.B) {
			dsn := pgtest.New(b)
			from := benchHome(b, pgRows, dsn)
			for i, tenant := range []string{acme, "other"} {
				first := i * rows
				require.NoError(b, from.DB.Exec("INSERT INTO authors (id, tenant_id, name) "+
					"VALUES (?, ?, 'ann')", first+1, tenant).Error)
				require.NoError(b, from.DB.Exec("INSERT INTO books (id, tenant_id, title, slug, "+
					"author_id, created_at) SELECT ? + n, ?, 'A title of some length', ? || n, ?, "+
					"'2024-01-01'::timestamptz + n * interval '1.000001 s' "+
					"FROM generate_series(1, ?) AS n", first, tenant, tenant, first+1, rows).Error)
			}
			to := benchHome(b, kind, dsn)
			p, err := transfer.Read(from.DB, acme, all()...)
			require.NoError(b, err)
			var steps [3]time.Duration
			var peak atomic.Uint64
			for b.Loop() {
				b.StopTimer()
				require.NoError(b, p.Clear(b.Context(), to.Location))
				runtime.GC()
				stop := make(chan struct{})
				go func() {
					for {
						select {
						case <-stop:
							return
						case <-time.After(5 * time.Millisecond):
							var m runtime.MemStats
							runtime.ReadMemStats(&m)
							peak.Store(max(peak.Load(), m.HeapAlloc))
						}
					}
				}()
				b.StartTimer()
				began := time.Now()
				frozen, err := p.Freeze(b.Context(), from.Location)
				require.NoError(b, err)
				steps[0] += time.Since(began)
				began = time.Now()
				require.NoError(b, p.Copy(b.Context(), from.Location, to.Location, nil))
				steps[1] += time.Since(began)
				began = time.Now()
				require.NoError(b, p.Compare(b.Context(), from.Location, to.Location))
				steps[2] += time.Since(began)
				b.StopTimer()
				close(stop)
				require.NoError(b, frozen.Thaw(b.Context()))
				b.StartTimer()
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(float64(peak.Load())/(1<<20), "peak-MB")
			for i, name := range []string{"freeze", "copy", "compare"} {
				b.ReportMetric(float64(steps[i].Milliseconds())/float64(b.N),
					fmt.Sprintf("%s-ms", name))
			}
		})
	}
}

// BenchmarkFreeze measures how long the tenant cannot write, from Freeze to Hold, in a move of so
// many rows during which it makes so many changes a second.
func BenchmarkFreeze(b *testing.B) {
	for _, c := range []struct{ rows, writes int }{
		{20_000, 100}, {200_000, 0}, {200_000, 100}, {200_000, 500},
	} {
		b.Run(fmt.Sprintf("rows=%d/writes=%d", c.rows, c.writes), func(b *testing.B) {
			dsn := pgtest.New(b)
			from := benchHome(b, pgRows, dsn)
			require.NoError(b, from.DB.Exec("INSERT INTO authors (id, tenant_id, name) "+
				"VALUES (1, ?, 'ann')", acme).Error)
			require.NoError(b, from.DB.Exec("INSERT INTO books (id, tenant_id, title, slug, "+
				"author_id, created_at) SELECT n, ?, 'A title of some length', 's' || n, 1, "+
				"now() FROM generate_series(1, ?) AS n", acme, c.rows).Error)
			require.NoError(b, from.DB.Exec("VACUUM ANALYZE").Error)
			to := benchHome(b, pgSchema, dsn)
			p, err := transfer.Read(from.DB, acme, all()...)
			require.NoError(b, err)
			var frozen, whole time.Duration
			var written atomic.Int64
			for b.Loop() {
				stop, done := make(chan struct{}), make(chan struct{})
				go func() {
					defer close(done)
					if c.writes == 0 {
						return
					}
					ticker := time.NewTicker(time.Second / time.Duration(c.writes))
					defer ticker.Stop()
					for n := 1; ; n = (n*7 + 1) % c.rows {
						select {
						case <-stop:
							return
						case <-ticker.C:
						}
						err := from.DB.Exec("UPDATE books SET title = 'x' WHERE id = ?", n).Error
						if err == nil {
							written.Add(1)
						}
					}
				}()
				began := time.Now()
				f, err := p.Follow(b.Context(), from.Location, to.Location)
				require.NoError(b, err)
				require.NoError(b, f.Prepare(b.Context(), nil))
				closed := time.Now()
				hold, err := f.Freeze(b.Context())
				require.NoError(b, err)
				require.NoError(b, f.Finish(b.Context(), nil))
				_, err = hold.Hold(b.Context())
				require.NoError(b, err)
				frozen += time.Since(closed)
				whole += time.Since(began)
				require.NoError(b, hold.Thaw(b.Context()))
				close(stop)
				<-done
			}
			b.ReportMetric(frozen.Seconds()*1000/float64(b.N), "frozen-ms")
			b.ReportMetric(whole.Seconds()/float64(b.N), "whole-s")
			b.ReportMetric(float64(written.Load())/float64(b.N), "writes")
		})
	}
}
