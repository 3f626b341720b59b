package transfer_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
)

// No write that was told to have succeeded is missing, and none of another tenant comes along.
func TestMove_under_load_loses_nothing(t *testing.T) {
	t.Parallel()
	each(t, [][2]string{{pgRows, pgSchema}, {pgSchema, pgRows}, {liteRows, liteFile}},
		func(t *testing.T, from, to *fixture) {
			populate(t, from, to)
			writers := 4
			if from.DB.Name() == "sqlite" {
				writers = 2
			} else {
				require.NoError(t, from.DB.Exec(
					"SELECT setval(pg_get_serial_sequence(?, 'id'), 10000)",
					from.at("tags")).Error)
			}
			var stop atomic.Bool
			var wait sync.WaitGroup
			var mutex sync.Mutex
			written := map[string][]string{}
			var frozenErrors, total atomic.Int64
			var unexpected atomic.Value
			defer wait.Wait()
			defer stop.Store(true)
			start := func(tenant string) {
				for i := range writers {
					wait.Go(func() {
						db := from.as(t, tenant)
						for n := 0; !stop.Load(); n++ {
							label := fmt.Sprintf("%s-%d-%d", tenant, i, n)
							tx := db.Begin()
							err := tx.Create(&Tag{Label: label}).Error
							if err == nil {
								err = tx.Model(&Tag{}).Where("label = ?", label).Update("label",
									label+"+").Error
							}
							if err == nil {
								err = tx.Commit().Error
							} else {
								tx.Rollback()
							}
							switch {
							case err == nil:
								total.Add(1)
								mutex.Lock()
								written[tenant] = append(written[tenant], label+"+")
								mutex.Unlock()
							case transfer.IsFrozen(err):
								frozenErrors.Add(1)
							case strings.Contains(err.Error(), "SQLITE_BUSY"):
							default:
								unexpected.Store(err.Error())
								return
							}
						}
					})
				}
			}
			start("acme")
			if from.Shared {
				start("other")
			}
			soon(t, func() bool { return total.Load() > 40 })
			p := plan(t, from, acme)
			frozen := freeze(t, p, from)
			soon(t, func() bool { return frozenErrors.Load() > 5 })
			mutex.Lock()
			before := append([]string{}, written["acme"]...)
			mutex.Unlock()
			require.NoError(t, p.Copy(t.Context(), from.Location, to.Location, nil))
			require.NoError(t, p.Compare(t.Context(), from.Location, to.Location))
			_, err := frozen.Hold(t.Context())
			require.NoError(t, err)
			require.NoError(t, frozen.Keep(t.Context()))
			stop.Store(true)
			wait.Wait()
			require.Nil(t, unexpected.Load())

			require.Len(t, written["acme"], len(before), "writes after the freeze")
			var labels []string
			require.NoError(t, to.as(t, acme).Model(&Tag{}).Where("label LIKE ?",
				"acme-%").Pluck("label", &labels).Error)
			require.ElementsMatch(t, before, labels)
			if !to.Shared {
				require.NotContains(t, to.bytes(t, "1 = 1"), "other")
			}
			if from.Shared {
				require.NoError(t, p.Remove(t.Context(), from.Location))
				require.NoError(t, from.as(t, "other").Model(&Tag{}).Pluck("label", &labels).Error)
				require.ElementsMatch(t, written["other"], labels)
			}
			t.Logf("%d writes, %d refused", total.Load(), frozenErrors.Load())
		})
}
