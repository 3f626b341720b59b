package isolation_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/isolation"
	"github.com/gormtenant/gormtenant/tenants"
)

// halting is a directory whose first change of a placement halts once it is made.
type halting struct {
	isolation.Directory
	halted, goOn chan struct{}
	once         bool
}

func (d *halting) Place(
	ctx context.Context, id string, edit func(t *tenants.Tenant) error,
) (*tenants.Tenant, error) {
	placed, err := d.Directory.Place(ctx, id, edit)
	if !d.once {
		d.once = true
		close(d.halted)
		<-d.goOn
	}
	return placed, err
}

// Whoever moves a tenant that another one is moving is told so, whatever the target: not to finish
// or call off what is under way.
func TestMove_while_another_lives(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		acme, zeta := h.tenant("acme"), h.tenant("zeta")
		h.fill(acme, 1)
		h.fill(zeta, 1)
		mine := h.of(t, acme.ID)
		d := &halting{
			Directory: h.store, halted: make(chan struct{}), goOn: make(chan struct{}),
		}
		first := h.moverWith(t, d)
		own := tenants.Placement{Level: h.levels[len(h.levels)-1]}
		done := make(chan error, 1)
		go func() {
			_, err := first.Move(context.Background(), acme.ID, own)
			done <- err
		}()
		<-d.halted
		for _, to := range []tenants.Placement{
			own, {Level: h.levels[1]}, {Level: tenants.Database, Name: "elsewhere"}, {},
		} {
			_, err := h.mover.Move(t.Context(), acme.ID, to)
			require.ErrorIs(t, err, isolation.ErrBusy, to)
			require.NotErrorIs(t, err, isolation.ErrUnfinished, to)
		}
		_, err := h.mover.Move(t.Context(), zeta.ID, own) // nobody else waits
		require.NoError(t, err)
		close(d.goOn)
		require.NoError(t, <-done)
		h.cache.Invalidate(acme.ID)
		require.Equal(t, own.Level, h.now(acme.ID).Placement.Level)
		require.Nil(t, h.now(acme.ID).Moving)
		require.Equal(t, mine, h.of(t, acme.ID))
		_, err = h.mover.Move(t.Context(), acme.ID, own) // the claim is gone
		require.NoError(t, err)
	})
}

// A name that is no ID is refused with the ID that it leads to.
func TestMove_by_another_name(t *testing.T) {
	t.Parallel()
	h := onSQLite(t)
	made := &tenants.Tenant{ID: "t-1", Slug: "acme", Domains: []string{"acme.example.com"}}
	require.NoError(t, h.store.Create(t.Context(), made))
	to := tenants.Placement{Level: tenants.Database}
	for _, name := range []string{"acme", "acme.example.com"} {
		_, err := h.mover.Move(t.Context(), name, to)
		require.ErrorIs(t, err, tenants.ErrNotFound)
		require.ErrorContains(t, err, `whose ID is "t-1"`)
		err = h.mover.Remove(t.Context(), name, to, "")
		require.ErrorContains(t, err, `whose ID is "t-1"`)
	}
	_, err := h.mover.Move(t.Context(), "nobody", to)
	require.ErrorContains(t, err, `the ID "nobody"`)
}
