package adopt_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/adopt"
	"github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/internal/testing/soak"
)

// TestApply_soak adopts a million rows while eight writers of the application that knows no tenants
// go on, and is stopped in the middle once.
func TestApply_soak(t *testing.T) {
	soak.Skip(t)
	db := legacy(t, dbtest.On(t, "postgres"), 2)
	const rows = 1_000_000
	require.NoError(t, db.Exec("INSERT INTO tasks (title, project_id) SELECT 'task ' || i, 1 "+
		"FROM generate_series(1, ?) AS i", rows).Error)

	var written, longest atomic.Int64
	var writers sync.WaitGroup
	stop := make(chan struct{})
	for range 8 {
		writers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				began := time.Now()
				task := oldTask{Title: "meanwhile", ProjectID: 1}
				err := errors.Join(db.Create(&task).Error,
					db.Model(&task).Update("title", "changed").Error)
				if err != nil {
					t.Errorf("writing meanwhile: %v", err)
					return
				}
				written.Add(1)
				took := int64(time.Since(began))
				for old := longest.Load(); took > old && !longest.CompareAndSwap(old, took); {
					old = longest.Load()
				}
			}
		})
	}
	with := append([]adopt.Option{adopt.KeepDefault()}, options...)
	ctx, cancel := context.WithCancel(t.Context())
	filled := func() (n int64) {
		if db.Migrator().HasColumn("tasks", "tenant_id") {
			_ = db.Raw("SELECT count(*) FROM tasks WHERE tenant_id IS NOT NULL").Row().Scan(&n)
		}
		return n
	}
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		for ctx.Err() == nil && filled() < rows/4 {
			time.Sleep(50 * time.Millisecond)
		}
		cancel()
	}()
	began := time.Now()
	require.ErrorIs(t, adopt.Apply(ctx, db, all, with...), context.Canceled)
	<-killed
	half := filled()
	require.NoError(t, adopt.Apply(t.Context(), db, all, with...))
	took := time.Since(began)
	close(stop)
	writers.Wait()
	t.Logf("%d rows, stopped at %d, and %d written meanwhile: %v; longest write %v",
		rows, half, written.Load(), took.Round(time.Millisecond), time.Duration(longest.Load()))
	require.Less(t, half, int64(rows))
	require.NoError(t, adopt.Apply(t.Context(), db, all, options...))
	require.NoError(t, adopt.Check(db, all, options...))
	var n int64
	require.NoError(t, db.Model(&oldTask{}).Count(&n).Error)
	require.Equal(t, rows+4+written.Load(), n)
}
