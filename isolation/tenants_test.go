package isolation_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/isolation"
	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/store"
)

// life is the whole life of the fixture's tenants.
func (h *fixture) lifeOf(t *testing.T, more ...isolation.MoverOption) *isolation.Tenants {
	t.Helper()
	r, err := isolation.NewTenants(h.store, all(), append(h.moverLevels, more...)...)
	require.NoError(t, err)
	return r
}

// At every level a tenant is registered, works, is exported, erased, registered again elsewhere and
// imported; nobody else notices.
func TestTenants_whole_life(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		r := h.lifeOf(t)
		zeta := h.tenant("zeta")
		h.fill(zeta, 2)
		theirs := h.of(t, zeta.ID)
		var file []byte
		var mine string
		for _, level := range append([]tenants.Level{tenants.Rows}, tour(h.levels)...) {
			acme := &tenants.Tenant{
				ID: "acme" + h.suffix, Slug: "acme", Placement: tenants.Placement{Level: level},
			}
			require.NoError(t, r.Register(t.Context(), acme), level)
			require.Equal(t, tenants.Active, acme.Status)
			require.Nil(t, acme.Moving)
			require.Equal(t, h.now(acme.ID), acme)
			if file == nil {
				h.fill(acme, 2)
				mine = h.of(t, acme.ID)
			} else {
				_, err := r.Import(t.Context(), acme.ID, bytes.NewReader(file))
				require.NoError(t, err, level)
				require.Equal(t, mine, h.of(t, acme.ID), level)
				_, err = r.Import(t.Context(), acme.ID, bytes.NewReader(file))
				require.ErrorIs(t, err, isolation.ErrOccupied)
			}
			require.Len(t, names(t, h.as(acme)), 3)
			var out bytes.Buffer
			_, err := r.Export(t.Context(), acme.ID, &out)
			require.NoError(t, err)
			file = out.Bytes()

			other := h.remake(t) // which does not hear that the tenant is gone
			require.NoError(t, other.as(acme).Find(&[]Folder{}).Error)
			err = r.Erase(t.Context(), acme.ID, "")
			require.ErrorIs(t, err, isolation.ErrNotConfirmed)
			require.Equal(t, mine, h.of(t, acme.ID))
			confirmation, err := r.EraseConfirmation(acme.ID)
			require.NoError(t, err)
			require.Equal(t, "ERASE_TENANT_tenant_"+acme.ID, confirmation)
			require.NoError(t, r.Erase(t.Context(), acme.ID, confirmation), level)
			require.Error(t, other.as(acme).Create(&Folder{ID: acme.ID + "-late"}).Error)
			_, err = h.store.Lookup(t.Context(), acme.ID)
			require.ErrorIs(t, err, tenants.ErrNotFound)
			require.Empty(t, rows(t, h.shared, "tenant_id = '"+acme.ID+"'"))
			require.Error(t, h.as(acme).Create(&Folder{ID: "x"}).Error, "its place is gone")
			require.ErrorIs(t, r.Erase(t.Context(), acme.ID, confirmation), tenants.ErrNotFound)
			require.Equal(t, theirs, h.of(t, zeta.ID))
		}
	})
}

// Erase finds what moves have left, and what they had begun.
func TestErase_everywhere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		r := h.lifeOf(t)
		acme, zeta := h.tenant("acme"), h.tenant("zeta")
		h.fill(acme, 1)
		h.fill(zeta, 1)
		theirs := h.of(t, zeta.ID)
		for _, level := range h.levels[1:] {
			_, err := r.Move(t.Context(), acme.ID, tenants.Placement{Level: level})
			require.NoError(t, err)
		}
		places := append(slices.Clip(h.now(acme.ID).Left), h.now(acme.ID).Placement)
		confirmation, err := r.EraseConfirmation(acme.ID)
		require.NoError(t, err)
		require.NoError(t, r.Erase(t.Context(), acme.ID, confirmation))
		require.Empty(t, rows(t, h.shared, "tenant_id = '"+acme.ID+"'"))
		for _, at := range places {
			if at.Normal().Level != tenants.Rows {
				require.False(t, h.exists(t, acme.ID, at), at)
			}
		}
		require.Equal(t, theirs, h.of(t, zeta.ID))
	})
}

// exists reports whether a place is there.
func (h *fixture) exists(t *testing.T, id string, at tenants.Placement) (is bool) {
	t.Helper()
	query := map[tenants.Level]string{
		tenants.Schema:   "SELECT count(*) > 0 FROM pg_namespace WHERE nspname = ?",
		tenants.Database: "SELECT count(*) > 0 FROM pg_database WHERE datname = ?",
	}[at.Level]
	if h.shared.Name() == "sqlite" {
		there := tenants.Tenant{ID: id, Placement: at}
		return h.files(t, &there)
	}
	require.NoError(t, h.shared.Raw(query, at.Name).Scan(&is).Error)
	return is
}

// A registration that fails leaves nothing, one that was cut off is finished by the same call.
func TestRegister_again(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		r := h.lifeOf(t)
		zeta := h.tenant("zeta")
		for _, level := range h.levels {
			at := tenants.Placement{Level: level}
			err := r.Register(t.Context(), &tenants.Tenant{
				ID: "new-" + string(level) + h.suffix, Slug: "zeta", Placement: at,
			})
			require.ErrorIs(t, err, store.ErrTaken, level)
			err = r.Register(t.Context(), &tenants.Tenant{ID: zeta.ID, Slug: "z", Placement: at})
			require.ErrorIs(t, err, store.ErrTaken, "another's place is not touched")

			// As a kill between the entry and the place leaves it.
			cut := &tenants.Tenant{
				ID: "cut-" + string(level) + h.suffix, Slug: "cut-" + string(level),
				Placement: at, Moving: &at, Status: tenants.Suspended,
			}
			require.NoError(t, h.store.Create(t.Context(), cut))
			_, err = r.Move(t.Context(), cut.ID, tenants.Placement{})
			require.Error(t, err, "it is not there yet")
			other := &tenants.Tenant{ID: cut.ID, Slug: "other", Placement: at}
			require.ErrorIs(t, r.Register(t.Context(), other), isolation.ErrUnfinished)
			again := &tenants.Tenant{ID: cut.ID, Slug: cut.Slug, Placement: at}
			require.NoError(t, r.Register(t.Context(), again))
			require.NoError(t, again.Usable(again.CreatedAt))
			require.NoError(t, h.as(again).Create(&Folder{ID: cut.ID}).Error)
			require.ErrorIs(t, r.Register(t.Context(), again), store.ErrTaken, "once")
			h.erase(t, r, again.ID)
		}
		err := r.Register(t.Context(), &tenants.Tenant{
			ID: "far" + h.suffix, Slug: "far",
			Placement: tenants.Placement{Level: tenants.Database, Server: "mars"},
		})
		require.Error(t, err)
		_, err = h.store.Lookup(t.Context(), "far"+h.suffix)
		require.ErrorIs(t, err, tenants.ErrNotFound, "the entry is taken back")
		require.Error(t, r.Register(t.Context(), nil))
	})
}

func (h *fixture) erase(t *testing.T, r *isolation.Tenants, id string) {
	t.Helper()
	confirmation, err := r.EraseConfirmation(id)
	require.NoError(t, err)
	require.NoError(t, r.Erase(t.Context(), id, confirmation))
}

// One that is to be suspended is.
func TestRegister_with_another_status(t *testing.T) {
	t.Parallel()
	h := onSQLite(t)
	r := h.lifeOf(t)
	t1 := &tenants.Tenant{ID: "t-1", Slug: "acme", Status: tenants.Suspended}
	require.NoError(t, r.Register(t.Context(), t1))
	require.Equal(t, tenants.Suspended, t1.Status)
	require.Equal(t, tenants.Suspended, h.now("t-1").Status)
}

// An erasure that fails half-way is finished by the same call, and the tenant is not served
// meanwhile.
func TestErase_again(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		broken := &failing{Registry: h.store}
		r, err := isolation.NewTenants(broken, all(), h.moverLevels...)
		require.NoError(t, err)
		for _, level := range h.levels {
			acme := &tenants.Tenant{
				ID: "acme-" + string(level) + h.suffix, Slug: "acme-" + string(level),
				Placement: tenants.Placement{Level: level},
			}
			require.NoError(t, r.Register(t.Context(), acme))
			h.fill(acme, 1)
			confirmation, err := r.EraseConfirmation(acme.ID)
			require.NoError(t, err)
			broken.delete = errFailing
			require.ErrorIs(t, r.Erase(t.Context(), acme.ID, confirmation), errFailing)
			require.ErrorIs(t, h.now(acme.ID).Usable(acme.CreatedAt), tenants.ErrClosed)
			broken.delete = nil
			require.NoError(t, r.Erase(t.Context(), acme.ID, confirmation), level)
			require.Empty(t, rows(t, h.shared, "tenant_id = '"+acme.ID+"'"))
		}
	})
}

var errFailing = errors.New("the directory is down")

// failing is a directory that cannot delete.
type failing struct {
	isolation.Registry
	delete error
}

func (f *failing) Delete(
	ctx context.Context, id string, allow func(t *tenants.Tenant) error,
) error {
	if f.delete != nil {
		return f.delete
	}
	return f.Registry.Delete(ctx, id, allow)
}

// MigrateAll goes to the shared tables too, and to every place that is in use.
func TestTenants_MigrateAll(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		color := migrations.Migration{
			Version: "2", Up: func(_ context.Context, db *gorm.DB) error {
				return db.Exec("ALTER TABLE labels ADD COLUMN color text").Error
			},
		}
		h.list = []migrations.Migration{color}
		for _, level := range h.levels[1:] {
			h.move(h.tenant(string(level)).ID, level)
		}
		next := h.remake(t)
		r := next.lifeOf(t, isolation.SharedMigrations(migrate, color),
			isolation.Progress(nil))
		var dry strings.Builder
		require.NoError(t, r.MigrateAll(t.Context(), migrations.DryRun(&dry)))
		require.Equal(t, len(h.levels), strings.Count(dry.String(), "ADD COLUMN color"))
		for range 2 {
			require.NoError(t, r.MigrateAll(t.Context()))
		}
		require.NoError(t, h.shared.Exec("SELECT color FROM labels").Error)
		require.NoError(t, h.shared.Exec("SELECT version FROM tenant_quota_locks").Error)
		for _, level := range h.levels[1:] {
			h.with(t, h.now(string(level)+h.suffix), func(db *gorm.DB) {
				require.NoError(t, db.Exec("SELECT color FROM labels").Error)
			})
		}
	})
}
