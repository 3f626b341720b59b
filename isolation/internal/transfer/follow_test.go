package transfer_test

import (
	cryptorand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
)

// inPostgres are the pairs of places between which changes are followed.
var inPostgres = [][2]string{
	{pgRows, pgSchema}, {pgRows, pgDatabase}, {pgSchema, pgRows}, {pgSchema, pgDatabase},
}

// followed begins a move, lets the tenant change what it likes after the first part, and ends it.
func followed(t *testing.T, p *transfer.Plan, from, to *fixture, meanwhile func()) {
	t.Helper()
	f, err := p.Follow(t.Context(), from.Location, to.Location)
	require.NoError(t, err)
	require.NoError(t, f.Prepare(t.Context(), nil))
	meanwhile()
	frozen, err := f.Freeze(t.Context())
	require.NoError(t, err)
	require.NoError(t, f.Finish(t.Context(), nil))
	require.NoError(t, p.Compare(t.Context(), from.Location, to.Location))
	_, err = frozen.Hold(t.Context())
	require.NoError(t, err)
	require.NoError(t, frozen.Keep(t.Context()))
}

// Every change of a row that was copied is taken over.
func TestFollow_takes_over_what_changes(t *testing.T) {
	t.Parallel()
	each(t, inPostgres, func(t *testing.T, from, to *fixture) {
		populate(t, from, to)
		meddle(t, to)
		p := plan(t, from, acme)
		theirs := to.others(t)
		var want string
		followed(t, p, from, to, func() {
			for _, statement := range []string{
				"UPDATE {books} SET title = 'changed' WHERE id = 10",
				"DELETE FROM {book_tags} WHERE book_id = 11",
				"DELETE FROM {books} WHERE id = 11",
				// A row takes the unique value of one that is gone, another that of one that
				// changed.
				"INSERT INTO {books} (id, tenant_id, slug, author_id) VALUES (90, 'acme', " +
					"'acme-11', 10)",
				"UPDATE {books} SET slug = 'other' WHERE id = 12",
				"INSERT INTO {books} (id, tenant_id, slug, author_id) VALUES (9, 'acme', " +
					"'acme-12', 11)",
				"INSERT INTO {authors} (id, tenant_id, name) VALUES (77, 'acme', 'new')",
				"UPDATE {books} SET author_id = 77 WHERE id = 13",
				"UPDATE {tags} SET id = 55 WHERE id = 13",
				"INSERT INTO {book_tags} (book_id, tag_id) VALUES (90, 10), (9, 11)",
				"UPDATE {samples} SET raw = '\\x00ff', doubt = NULL, words = E'\\\\N\\t' " +
					"WHERE id = 10",
				"INSERT INTO {tags} (id, tenant_id) VALUES (80, 'acme')",
				"DELETE FROM {tags} WHERE id = 80",
			} {
				require.NoError(t, from.DB.Exec(from.named(statement)).Error, statement)
			}
			err := from.DB.Exec("TRUNCATE " + from.at("tags") + " CASCADE").Error
			require.True(t, transfer.IsFrozen(err), err)
			want = from.seen(t, acme)
		})
		require.Equal(t, want, to.seen(t, acme))
		require.Equal(t, theirs, to.others(t))
		require.NoError(t, to.as(t, acme).Create(&Author{Name: "next"}).Error, "keys go on")
		require.NoError(t, p.Remove(t.Context(), from.Location))
		require.Zero(t, leftovers(t, from))
	})
}

// Changes that cannot be taken over row by row make all be copied anew.
func TestFollow_copies_anew_what_keys_do_not_tell(t *testing.T) {
	t.Parallel()
	for _, change := range [][]string{
		{ // an exchange of unique values
			"UPDATE {books} SET slug = 'x' WHERE id = 10",
			"UPDATE {books} SET slug = 'acme-10' WHERE id = 11",
			"UPDATE {books} SET slug = 'acme-11' WHERE id = 10",
		},
		{"UPDATE {tags} SET tenant_id = 'acme' WHERE id = 100"}, // with rows that refer to it
		{ // a new key, in rows that refer to it too
			"ALTER TABLE {book_tags} DROP CONSTRAINT fk_book_tags_tag, ADD FOREIGN KEY (tag_id) " +
				"REFERENCES {tags} ON UPDATE CASCADE",
			"UPDATE {tags} SET id = 66 WHERE id = 10",
		},
	} {
		t.Run(change[0], func(t *testing.T) {
			t.Parallel()
			each(t, inPostgres[:1], func(t *testing.T, from, to *fixture) {
				populate(t, from, to)
				require.NoError(t, from.DB.Exec("DELETE FROM book_tags WHERE tag_id >= 100").Error)
				followed(t, plan(t, from, acme), from, to, func() {
					for _, statement := range change {
						require.NoError(t, from.DB.Exec(from.named(statement)).Error, statement)
					}
				})
			})
		})
	}
}

// A mover that is gone keeps nobody from writing, notes nothing more, and the next one begins anew.
func TestFollow_lost(t *testing.T) {
	t.Parallel()
	each(t, inPostgres[:1], func(t *testing.T, from, to *fixture) {
		populate(t, from, to)
		p := plan(t, from, acme)
		f, err := p.Follow(t.Context(), from.Location, to.Location)
		require.NoError(t, err)
		_, err = p.Follow(t.Context(), from.Location, to.Location)
		require.ErrorIs(t, err, transfer.ErrBusy)
		require.NoError(t, f.Prepare(t.Context(), nil))
		killMover(t, from)
		require.NoError(t, from.DB.Exec("UPDATE books SET title = 'lost' WHERE id = 10").Error)
		_, err = f.Freeze(t.Context())
		require.ErrorIs(t, err, transfer.ErrLost)
		require.NoError(t, from.DB.Exec("UPDATE books SET title = 'works' WHERE id = 10").Error)
		followed(t, p, from, to, func() {
			require.NoError(t, from.DB.Exec("UPDATE books SET title = 'kept' WHERE id = 11").Error)
		})
		require.NoError(t, p.Remove(t.Context(), from.Location))
		require.Zero(t, leftovers(t, from))
	})
}

// Where keys do not tell what has changed, all is copied while the tenant is frozen.
func TestFollow_is_a_freeze_where_it_cannot_note(t *testing.T) {
	t.Parallel()
	for _, change := range []string{
		"ALTER TABLE book_tags DROP CONSTRAINT fk_book_tags_tag",
		"ALTER TABLE samples DROP CONSTRAINT samples_pkey",
	} {
		t.Run(change, func(t *testing.T) {
			t.Parallel()
			each(t, inPostgres[:1], func(t *testing.T, from, to *fixture) {
				populate(t, from, to)
				require.NoError(t, from.DB.Exec(change).Error)
				f, err := plan(t, from, acme).Follow(t.Context(), from.Location, to.Location)
				require.NoError(t, err)
				require.NoError(t, f.Stop(t.Context()))
				require.Zero(t, leftovers(t, from))
				followed(t, plan(t, from, acme), from, to, func() {
					require.NoError(t, from.DB.Exec("UPDATE samples SET words = 'x'").Error)
				})
			})
		})
	}
	list := [][2]string{{pgRows, liteFile}, {liteRows, liteFile}}
	each(t, list, func(t *testing.T, from, to *fixture) {
		populate(t, from, to)
		followed(t, plan(t, from, acme), from, to, func() {
			require.NoError(t, from.DB.Exec("UPDATE samples SET words = 'x'").Error)
		})
	})
}

func TestFollow_stopped(t *testing.T) {
	t.Parallel()
	each(t, inPostgres[:1], func(t *testing.T, from, to *fixture) {
		populate(t, from, to)
		f, err := plan(t, from, acme).Follow(t.Context(), from.Location, to.Location)
		require.NoError(t, err)
		require.NotZero(t, leftovers(t, from))
		require.NoError(t, f.Stop(t.Context()))
		require.Zero(t, leftovers(t, from))
	})
}

// An application's role writes no log by itself, and cannot.
func TestFollow_notes_what_another_role_writes(t *testing.T) {
	t.Parallel()
	each(t, inPostgres[:1], func(t *testing.T, from, to *fixture) {
		populate(t, from, to)
		role := "follow_" + strings.ToLower(cryptorand.Text())
		for _, statement := range []string{
			"CREATE ROLE " + role, "GRANT ALL ON ALL TABLES IN SCHEMA public TO " + role,
		} {
			require.NoError(t, from.DB.Exec(statement).Error)
		}
		t.Cleanup(func() { from.DB.Exec("DROP OWNED BY " + role + "; DROP ROLE " + role) })
		followed(t, plan(t, from, acme), from, to, func() {
			require.NoError(t, from.DB.Transaction(func(tx *gorm.DB) error {
				require.NoError(t, tx.Exec("SET LOCAL ROLE "+role).Error)
				return tx.Exec("UPDATE books SET title = 'by the application' WHERE id = 10").Error
			}))
		})
	})
}

// Nothing that was acknowledged is lost, whatever the tenant does while its rows are copied: also
// to partitions and children by their own names, by keys that change, and where triggers change
// rows.
func TestFollow_under_load_loses_nothing(t *testing.T) {
	t.Parallel()
	each(t, inPostgres[:2], func(t *testing.T, from, to *fixture) {
		populate(t, from, to)
		meddle(t, from)
		divide(t, from, acme, 10)
		require.NoError(t, to.DB.Exec(to.named("CREATE TABLE {events} (id bigint NOT NULL, "+
			"tenant_id text NOT NULL, year int NOT NULL, name text, "+
			"PRIMARY KEY (id, year))")).Error)
		p, err := transfer.Read(from.DB, acme, append(all(), &Event{})...)
		require.NoError(t, err)
		var stop atomic.Bool
		var wait sync.WaitGroup
		defer wait.Wait()
		defer stop.Store(true)
		var total, refused atomic.Int64
		var unexpected atomic.Value
		expect := make([]map[int]string, 3) // of events: what was acknowledged, by writer
		for i := range expect {
			mine := map[int]string{}
			expect[i] = mine
			wait.Go(func() {
				random := rand.New(rand.NewPCG(uint64(i), 1))
				first := 1000 * (i + 1)
				for n := 0; !stop.Load(); n++ {
					id := first + random.IntN(200)
					name := fmt.Sprint(n)
					table := []string{"events", "y1"}[n%2]
					was, there := mine[id]
					var err error
					var then func()
					switch {
					case !there:
						err = from.DB.Exec("INSERT INTO "+table+" (id, tenant_id, year, name) "+
							"VALUES (?, 'acme', 2001, ?)", id, name).Error
						then = func() { mine[id] = name }
					case n%5 == 0:
						err = from.DB.Exec("DELETE FROM "+table+" WHERE id = ?", id).Error
						then = func() { delete(mine, id) }
					case n%5 == 1:
						other := id + 500
						if _, taken := mine[other]; taken || other >= first+1000 {
							continue
						}
						err = from.DB.Exec("UPDATE events SET id = ? WHERE id = ?", other, id).Error
						then = func() { delete(mine, id); mine[other] = was }
					default:
						err = from.DB.Transaction(func(tx *gorm.DB) error {
							if err := tx.Exec("UPDATE "+table+" SET name = ? WHERE id = ?", name,
								id).Error; err != nil {
								return err
							}
							return tx.Exec("UPDATE old_tags SET label = ? WHERE id = 40",
								name).Error
						})
						then = func() { mine[id] = name }
					}
					switch {
					case err == nil:
						then()
						total.Add(1)
					case transfer.IsFrozen(err):
						refused.Add(1)
					default:
						unexpected.Store(err.Error())
						return
					}
				}
			})
		}
		soon(t, func() bool { return total.Load() > 30 || unexpected.Load() != nil })
		f, err := p.Follow(t.Context(), from.Location, to.Location)
		require.NoError(t, err)
		require.NoError(t, f.Prepare(t.Context(), nil))
		now := total.Load()
		soon(t, func() bool { return total.Load() > now+100 || unexpected.Load() != nil })
		frozen, err := f.Freeze(t.Context())
		require.NoError(t, err)
		soon(t, func() bool { return refused.Load() > 3 || unexpected.Load() != nil })
		require.NoError(t, f.Finish(t.Context(), nil))
		_, err = frozen.Hold(t.Context())
		require.NoError(t, err)
		require.NoError(t, p.Compare(t.Context(), from.Location, to.Location))
		require.NoError(t, frozen.Keep(t.Context()))
		stop.Store(true)
		wait.Wait()
		require.Nil(t, unexpected.Load())

		want, got := map[int]string{10: "a", 11: "b"}, map[int]string{}
		for _, mine := range expect {
			for id, name := range mine {
				want[id] = name
			}
		}
		var events []struct {
			ID   int
			Name string
		}
		require.NoError(t, to.DB.Raw("SELECT id, name FROM "+to.at("events")).Scan(&events).Error)
		for _, e := range events {
			got[e.ID] = e.Name
		}
		require.Equal(t, want, got)
		t.Logf("%d writes, %d refused", total.Load(), refused.Load())
	})
}
