package isolation_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/isolation"
	"github.com/gormtenant/gormtenant/tenants"
)

// pace is the time between two writes of a writer. Without it the writers take the processors from
// the moves that they are to disturb.
const pace = 3 * time.Millisecond

// writer writes folders as one tenant, through one application, until it is stopped. What a frozen
// tenant cannot write it tries again.
type writer struct {
	done    []string // the keys of those that were committed
	refused int      // how often it was told to try again
	err     error
	// Held while what is left behind is removed, as by then nobody is to be there.
	pause *sync.RWMutex
}

func (w *writer) run(h *fixture, at *tenants.Tenant, name string, stop *atomic.Bool) {
	for n := 0; !stop.Load() && w.err == nil; n++ {
		id := fmt.Sprintf("%s-%s-%d", at.ID, name, n)
		write := func(tx *gorm.DB) error {
			return tx.Create(&Folder{
				ID:   id,
				Name: "under load",
			}).Error
		}
		if n%2 == 1 { // in a transaction of several statements
			one := write
			write = func(tx *gorm.DB) error {
				return tx.Transaction(func(tx *gorm.DB) error {
					if err := one(tx); err != nil {
						return err
					}
					var count int64
					if err := tx.Model(&Folder{}).Count(&count).Error; err != nil {
						return err
					}
					return tx.Create(&Label{ID: id, Text: name}).Error
				})
			}
		}
		for !stop.Load() && !w.attempt(write, h.as(at), id) {
			time.Sleep(pace)
		}
		time.Sleep(pace)
	}
}

// attempt writes once, and reports whether that was all.
func (w *writer) attempt(write func(tx *gorm.DB) error, db *gorm.DB, id string) bool {
	w.pause.RLock()
	defer w.pause.RUnlock()
	err := write(db)
	switch {
	case err == nil:
		w.done = append(w.done, id)
		return true
	case !isolation.IsMoving(err):
		w.err = fmt.Errorf("%s: %w", id, err)
		return true
	}
	w.refused++
	return false
}

// load has writers write until they are stopped.
func load(t *testing.T, writers map[*writer]func(w *writer, stop *atomic.Bool)) (stop func()) {
	t.Helper()
	var stopped atomic.Bool
	var all sync.WaitGroup
	for w, run := range writers {
		all.Go(func() { run(w, &stopped) })
	}
	end := func() {
		stopped.Store(true)
		all.Wait()
	}
	t.Cleanup(end)
	return func() {
		end()
		for w := range writers {
			require.NoError(t, w.err)
		}
	}
}

// While a tenant moves along every pair of levels, and others work, no write is lost that was
// answered with success, and no row gets to another tenant: in this process, and in one whose cache
// hears of nothing until it is told.
func TestMove_under_load(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		acme, zeta := h.tenant("acme"), h.tenant("zeta")
		other := h.remake(t)
		h.fill(acme, 2)
		h.fill(zeta, 2)
		var pause sync.RWMutex
		mine, theirs := &writer{pause: &pause}, &writer{pause: &pause}
		elsewhere := &writer{pause: &pause}
		stop := load(t, map[*writer]func(w *writer, stop *atomic.Bool){
			mine:      func(w *writer, stop *atomic.Bool) { w.run(h, acme, "here", stop) },
			elsewhere: func(w *writer, stop *atomic.Bool) { w.run(other, acme, "there", stop) },
			theirs:    func(w *writer, stop *atomic.Bool) { w.run(h, zeta, "other", stop) },
		})
		for _, to := range tour(h.levels) {
			_, err := h.mover.Move(t.Context(), acme.ID, tenants.Placement{Level: to})
			require.NoError(t, err)
			other.cache.Invalidate(acme.ID) // NOTIFY does this
			pause.Lock()
			h.remove(acme.ID)
			t.Logf("%s: %d and %d writes by now, %d and %d refused", to, len(mine.done),
				len(elsewhere.done), mine.refused, elsewhere.refused)
			pause.Unlock()
		}
		stop()
		for w, at := range map[*writer]*tenants.Tenant{mine: acme, elsewhere: acme, theirs: zeta} {
			require.NotEmpty(t, w.done)
			var found int64
			require.NoError(t, h.as(at).Model(&Folder{}).Where("id IN ?",
				w.done).Count(&found).Error)
			require.EqualValues(t, len(w.done), found)
		}
		for _, at := range []*tenants.Tenant{acme, zeta} {
			var foreign int64
			place := h.plain(t, h.now(at.ID))
			require.NoError(t, place.Raw("SELECT count(*) FROM folders WHERE tenant_id = ? "+
				"AND id NOT LIKE ?", at.ID, at.ID+"-%").Scan(&foreign).Error)
			require.Zero(t, foreign)
		}
		require.Zero(t, theirs.refused, "another tenant was held up")
	})
}
