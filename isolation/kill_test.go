package isolation_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/testing/soak"
	"github.com/gormtenant/gormtenant/isolation"
	"github.com/gormtenant/gormtenant/tenants"
)

const orders = "GORMTENANT_TEST_MOVER"

// order is what a process that moves a tenant is told.
type order struct {
	Address []string
	Tenant  string
	To      tenants.Placement
}

// TestMoverProcess is that process. By itself it does nothing.
func TestMoverProcess(t *testing.T) {
	text := os.Getenv(orders)
	if text == "" {
		t.Skip("it is run by TestMove_killed")
	}
	var o order
	require.NoError(t, json.Unmarshal([]byte(text), &o))
	var h *fixture
	if o.Address[0] == "sqlite" {
		h = sqliteIn(t, o.Address[2], false)
	} else {
		h = postgresAt(t, o.Address[1], o.Address[2], false)
	}
	fmt.Println("moving")
	_, err := h.mover.Move(t.Context(), o.Tenant, o.To)
	require.NoError(t, err)
	fmt.Println("moved")
}

// moveElsewhere has another process move a tenant, and kills it after a time. It returns how long
// the move took where it came to its end first.
func (h *fixture) moveElsewhere(
	t *testing.T, o order, patience time.Duration,
) (took time.Duration, killed bool) {
	t.Helper()
	text, err := json.Marshal(o)
	require.NoError(t, err)
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMoverProcess$", "-test.v")
	child.Env = append(os.Environ(), orders+"="+string(text))
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	child.Stderr = os.Stderr
	require.NoError(t, child.Start())
	lines := bufio.NewScanner(out)
	var began time.Time
	var timer *time.Timer
	for lines.Scan() {
		switch lines.Text() {
		case "moving":
			began = time.Now()
			timer = time.AfterFunc(patience, func() { _ = child.Process.Kill() })
		case "moved":
			took = time.Since(began)
		}
	}
	require.NotNil(t, timer, "the process has not begun")
	timer.Stop()
	_ = child.Wait()
	return took, took == 0
}

// A mover that is killed at any point leaves the tenant working where the directory says, with all
// its rows, and the same call again finishes the move.
func TestMove_killed(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it starts many processes")
	}
	killMoves(t, 1)
}

func TestMove_killed_soak(t *testing.T) {
	soak.Skip(t)
	killMoves(t, 5)
}

// killMoves goes along every pair of levels, so many times.
func killMoves(t *testing.T, tours int) {
	each(t, func(t *testing.T, h *fixture) {
		acme, zeta := h.tenant("acme"), h.tenant("zeta")
		h.fill(acme, 5)
		h.fill(zeta, 2)
		mine, theirs := h.of(t, acme.ID), h.of(t, zeta.ID)
		whole := 3 * time.Second // a guess that becomes better
		kills := 0
		way := slices.Repeat(tour(h.levels), tours)
		for _, to := range way {
			o := order{h.address, acme.ID, tenants.Placement{Level: to}}
			patience := time.Duration(rand.Int64N(int64(whole)))
			took, killed := h.moveElsewhere(t, o, patience)
			if took > 0 {
				whole = took
			}
			if killed {
				kills++
			}
			h.cache.Invalidate(acme.ID)
			where := h.now(acme.ID).Placement
			require.Equal(t, mine, h.of(t, acme.ID), "killed after %v on the way to %s, "+
				"the tenant is at %s", patience, to, where)
			// Where it was killed between freezing and switching, the tenant waits for the server
			// to notice, or for the lease to end.
			extra := Folder{ID: acme.ID + "-extra"}
			require.Eventually(t, func() bool {
				err := h.as(acme).Create(&extra).Error
				require.True(t, err == nil || isolation.IsMoving(err), "%v", err)
				return err == nil
			}, 2*time.Minute, 100*time.Millisecond)
			require.NoError(t, h.as(acme).Delete(&extra).Error)

			_, err := h.mover.Move(t.Context(), acme.ID, o.To)
			require.NoError(t, err)
			require.Equal(t, to, h.now(acme.ID).Placement.Level)
			require.Nil(t, h.now(acme.ID).Moving)
			h.remove(acme.ID)
			require.Equal(t, mine, h.of(t, acme.ID))
			require.Equal(t, theirs, h.of(t, zeta.ID))
		}
		t.Logf("%d of %d moves were killed; a whole one takes about %v", kills, len(way), whole)
	})
}
