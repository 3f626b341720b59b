package isolation_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/isolation"
	"github.com/gormtenant/gormtenant/tenants"
)

// unmoved fails unless the tenant is where it was, with its rows, and can write.
func (h *fixture) unmoved(t *testing.T, before *tenants.Tenant, mine string) {
	t.Helper()
	now := h.now(before.ID)
	require.Equal(t, before.Placement, now.Placement)
	require.Equal(t, before.Left, now.Left)
	require.Nil(t, now.Moving)
	require.Equal(t, mine, h.of(t, before.ID))
	extra := Folder{ID: before.ID + "-extra"}
	require.NoError(t, h.as(before).Create(&extra).Error)
	require.NoError(t, h.as(before).Delete(&extra).Error)
}

// Keys that others have taken in the shared tables are found before anything is written.
func TestMove_back_to_keys_that_are_taken(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		acme, zeta := h.tenant("acme"), h.tenant("zeta")
		h.fill(acme, 1)
		own := h.levels[len(h.levels)-1]
		h.move(acme.ID, own)
		docs := []Doc{{FolderID: acme.ID + "-0"}, {FolderID: acme.ID + "-0"}}
		require.NoError(t, h.as(acme).Create(&docs).Error)
		h.fill(zeta, 2) // takes the same numbers
		mine, theirs, before := h.of(t, acme.ID), h.of(t, zeta.ID), h.now(acme.ID)
		_, err := h.mover.Move(t.Context(), acme.ID, tenants.Placement{})
		require.ErrorIs(t, err, isolation.ErrOccupied)
		require.ErrorContains(t, err, "docs: (id)")
		require.ErrorContains(t, err, fmt.Sprint(docs[0].ID))
		h.unmoved(t, before, mine)
		require.Equal(t, theirs, h.of(t, zeta.ID))
		require.Empty(t, rows(t, h.shared, "tenant_id = '"+acme.ID+"'"))

		require.NoError(t, h.as(acme).Unscoped().Delete(&docs).Error)
		h.move(acme.ID, tenants.Rows)
		require.Equal(t, theirs, h.of(t, zeta.ID))
		next := Doc{FolderID: acme.ID + "-0"} // the sequence is past all keys
		require.NoError(t, h.as(acme).Create(&next).Error)
		require.Greater(t, next.ID, docs[1].ID)
	})
}

// Rows that nobody brought are not taken for the tenant's, nor deleted.
func TestMove_to_a_place_with_rows(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		acme := h.tenant("acme")
		own := h.levels[len(h.levels)-1]
		h.fill(acme, 1)
		_, err := h.mover.Move(t.Context(), acme.ID, tenants.Placement{Level: own})
		require.NoError(t, err)
		mine, before := h.of(t, acme.ID), h.now(acme.ID)
		old := rows(t, h.shared, "tenant_id = '"+acme.ID+"'")
		require.Equal(t, mine, old)

		_, err = h.mover.Move(t.Context(), acme.ID, tenants.Placement{}) // which it has left
		require.ErrorIs(t, err, isolation.ErrOccupied)
		require.ErrorContains(t, err, "Remove")
		h.unmoved(t, before, mine)

		// Somebody forgets that there are rows.
		_, err = h.store.Place(t.Context(), acme.ID,
			func(t *tenants.Tenant) error { t.Left = nil; return nil })
		require.NoError(t, err)
		_, err = h.mover.Move(t.Context(), acme.ID, tenants.Placement{})
		require.ErrorIs(t, err, isolation.ErrOccupied)
		require.ErrorContains(t, err, "already")
		require.Equal(t, old, rows(t, h.shared, "tenant_id = '"+acme.ID+"'"))
	})
}

// A process that does not know yet that the tenant has moved is told so, and writes nowhere.
func TestMove_unknown_to_another_process(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		acme := h.tenant("acme")
		h.fill(acme, 1)
		other := h.remake(t)
		require.NoError(t, other.as(acme).Create(&Folder{ID: acme.ID + "-a"}).Error)
		for _, to := range tour(h.levels)[:len(h.levels)-1] {
			_, err := h.mover.Move(t.Context(), acme.ID, tenants.Placement{Level: to})
			require.NoError(t, err)
			late := Folder{ID: acme.ID + "-late"}
			for _, err := range []error{
				other.as(acme).Create(&late).Error,
				other.as(acme).Model(&Folder{ID: acme.ID + "-a"}).Update("name", "late").Error,
				other.as(acme).Where("1 = 1").Delete(&Doc{}).Error,
				other.as(acme).Transaction(func(tx *gorm.DB) error {
					var found []Folder
					return errors.Join(tx.Find(&found).Error, tx.Create(&late).Error)
				}),
			} {
				require.Error(t, err)
				require.True(t, isolation.IsMoving(err), "%v", err)
			}
			other.cache.Invalidate(acme.ID)
			require.NoError(t, other.as(acme).Create(&late).Error)
			require.NoError(t, other.as(acme).Delete(&late).Error)
			h.remove(acme.ID)
		}
	})
}

// What is being copied when the target has no room left leaves nothing there, and the same call
// again works.
func TestMove_with_a_full_disk(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		acme, zeta := h.tenant("acme"), h.tenant("zeta")
		own := h.levels[len(h.levels)-1]
		h.fill(acme, 3)
		h.fill(zeta, 3)
		h.move(acme.ID, own)
		// No trigger, which would be off: the second of these rows finds no room.
		full := "CREATE UNIQUE INDEX no_room ON docs (tenant_id) WHERE body = '' " +
			"AND tenant_id = '" + acme.ID + "'"
		require.NoError(t, h.shared.Exec(full).Error)
		mine, theirs, before := h.of(t, acme.ID), h.of(t, zeta.ID), h.now(acme.ID)
		_, err := h.mover.Move(t.Context(), acme.ID, tenants.Placement{})
		require.ErrorContains(t, err, "copying docs")
		require.Empty(t, rows(t, h.shared, "tenant_id = '"+acme.ID+"'"))
		require.Equal(t, theirs, h.of(t, zeta.ID))
		h.unmoved(t, before, mine)

		require.NoError(t, h.shared.Exec("DROP INDEX no_room").Error)
		h.move(acme.ID, tenants.Rows)
		require.Equal(t, mine, h.of(t, acme.ID))
	})
}

// Rows arrive as they were, and the application's triggers work on.
func TestMove_into_a_table_that_changes_rows(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		acme := h.tenant("acme")
		h.fill(acme, 2)
		h.move(acme.ID, h.levels[len(h.levels)-1])
		twist := "CREATE FUNCTION twist() RETURNS trigger LANGUAGE plpgsql AS $$ " +
			"BEGIN NEW.body := 'twisted'; RETURN NEW; END $$;" +
			"CREATE TRIGGER twist BEFORE INSERT ON docs FOR EACH ROW EXECUTE FUNCTION twist()"
		if h.shared.Name() == "sqlite" {
			twist = "CREATE TRIGGER twist AFTER INSERT ON docs BEGIN UPDATE docs " +
				"SET body = 'twisted' WHERE id = NEW.id; END"
		}
		require.NoError(t, h.shared.Exec(twist).Error)
		mine := h.of(t, acme.ID)
		h.move(acme.ID, tenants.Rows)
		require.Equal(t, mine, h.of(t, acme.ID))
		require.NoError(t, h.as(acme).Create(&Doc{FolderID: acme.ID + "-root"}).Error)
		var twisted int64
		require.NoError(t, h.as(acme).Model(&Doc{}).Where("body = 'twisted'").Count(&twisted).Error)
		require.EqualValues(t, 1, twisted)
	})
}

// Of two moves of one tenant one works, and the other is told so, or finds that it has nothing to
// do.
func TestMove_of_one_tenant_twice_at_once(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		acme := h.tenant("acme")
		h.fill(acme, 2)
		other := h.remake(t)
		mine := h.of(t, acme.ID)
		for _, to := range tour(h.levels) {
			var both sync.WaitGroup
			errs := make([]error, 2)
			for i, mover := range []*isolation.Mover{h.mover, other.mover} {
				both.Go(func() {
					_, errs[i] = mover.Move(t.Context(), acme.ID,
						tenants.Placement{Level: to})
				})
			}
			both.Wait()
			require.True(t, errs[0] == nil || errs[1] == nil, "%v", errs)
			for _, err := range errs {
				if err != nil {
					require.ErrorIs(t, err, isolation.ErrBusy)
				}
			}
			require.Equal(t, to, h.now(acme.ID).Placement.Level)
			require.Nil(t, h.now(acme.ID).Moving)
			h.cache.Invalidate(acme.ID)
			h.remove(acme.ID)
			require.Equal(t, mine, h.of(t, acme.ID))
		}
	})
}

func TestMove_refuses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		acme := h.tenant("acme")
		h.fill(acme, 1)
		mine, before := h.of(t, acme.ID), h.now(acme.ID)
		for name, test := range map[string]struct {
			id string
			to tenants.Placement
			is error
		}{
			"nobody": {
				"nobody",
				tenants.Placement{Level: tenants.Database},
				tenants.ErrNotFound,
			},
			"slug": {
				"acme@",
				tenants.Placement{Level: tenants.Database},
				tenants.ErrNotFound,
			},
			"hostile_id": {
				"../../etc'\x00",
				tenants.Placement{Level: tenants.Database},
				tenants.ErrNotFound,
			},
			"unknown_level": {acme.ID, tenants.Placement{Level: "galaxy"}, nil},
			"path": {acme.ID, tenants.Placement{
				Level: tenants.Database,
				Name:  "../other",
			}, nil},
			"unknown_server": {
				acme.ID,
				tenants.Placement{Level: tenants.Database, Server: "mars"},
				nil,
			},
			"name_for_rows": {acme.ID, tenants.Placement{Name: "x"}, nil},
		} {
			_, err := h.mover.Move(t.Context(), test.id, test.to)
			require.Error(t, err, name)
			if test.is != nil {
				require.ErrorIs(t, err, test.is, name)
			}
			h.unmoved(t, before, mine)
		}
		require.ErrorContains(t, h.mover.Remove(t.Context(), acme.ID, tenants.Placement{},
			"DELETE_ROWS_x"), "stays")
		require.ErrorContains(t, h.mover.Remove(t.Context(), acme.ID,
			tenants.Placement{Level: tenants.Database}, ""), "nothing")
		h.unmoved(t, before, mine)

		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := h.mover.Move(cancelled, acme.ID, tenants.Placement{Level: tenants.Database})
		require.ErrorIs(t, err, context.Canceled)
		h.unmoved(t, before, mine)
	})
}

// A move that was cut off is finished by the same call, or called off by one to where the tenant
// is; another has to wait for that.
func TestMove_after_one_that_was_cut_off(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *fixture) {
		acme := h.tenant("acme")
		h.fill(acme, 2)
		mine, before := h.of(t, acme.ID), h.now(acme.ID)
		own := h.levels[len(h.levels)-1]
		_, err := h.mover.Move(t.Context(), acme.ID, tenants.Placement{Level: own})
		require.NoError(t, err)
		// As it was before the directory was switched: the rows are there already.
		cut := func() {
			target := h.now(acme.ID).Placement
			_, err := h.store.Place(t.Context(), acme.ID, func(t *tenants.Tenant) error {
				t.Placement, t.Moving, t.Left = tenants.Placement{}, &target, nil
				return nil
			})
			require.NoError(t, err)
			h.cache.Invalidate(acme.ID)
		}
		cut()
		if len(h.levels) > 2 {
			_, err = h.mover.Move(t.Context(), acme.ID, tenants.Placement{Level: tenants.Schema})
			require.ErrorIs(t, err, isolation.ErrUnfinished)
		}
		_, err = h.mover.Move(t.Context(), acme.ID, tenants.Placement{Level: own})
		require.NoError(t, err)
		require.Equal(t, mine, h.of(t, acme.ID))

		cut()
		_, err = h.mover.Move(t.Context(), acme.ID, tenants.Placement{})
		require.NoError(t, err)
		h.unmoved(t, before, mine)
		if own == tenants.Database {
			_, err = h.mover.Move(t.Context(), acme.ID, tenants.Placement{Level: own})
			require.NoError(t, err) // the place was emptied
			require.Equal(t, mine, h.of(t, acme.ID))
		}
	})
}

// Citus takes no triggers that would follow the tenant. What tells of its tables is a table of its
// catalog; here one of that name stands where the search path finds it.
func TestMove_refuses_tables_of_Citus(t *testing.T) {
	t.Parallel()
	h := onPostgres(t)
	acme := h.tenant("acme")
	h.fill(acme, 1)
	mine, before := h.of(t, acme.ID), h.now(acme.ID)
	to := tenants.Placement{Level: h.levels[len(h.levels)-1]}
	exec := func(statement string) {
		pool, err := h.shared.DB()
		require.NoError(t, err)
		_, err = pool.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	exec(`CREATE TABLE pg_dist_partition (logicalrelid regclass, partmethod "char")`)
	require.NoError(t, h.mover.Check(t.Context(), acme.ID, to), "of tables that are not "+
		"distributed")
	exec("INSERT INTO pg_dist_partition VALUES ('docs', 'h')")
	require.ErrorContains(t, h.mover.Check(t.Context(), acme.ID, to), "distribute.Isolate")
	_, err := h.mover.Move(t.Context(), acme.ID, to)
	require.ErrorContains(t, err, "distribute.Isolate")
	h.unmoved(t, before, mine)
}
