package transfer_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
	"github.com/gormtenant/gormtenant/isolation/rls"
)

const moved = "gormtenant: the tenant has moved: look up where it is, and write there"

// leave freezes a place for ever.
func leave(t *testing.T, h *fixture, p *transfer.Plan) {
	t.Helper()
	frozen := freeze(t, p, h)
	_, err := frozen.Hold(t.Context())
	require.NoError(t, err)
	require.NoError(t, frozen.Keep(t.Context()))
}

// Statements for everybody pass over the rows of a tenant that has moved; its own fail.
func TestKeep_lets_statements_of_others_pass_over(t *testing.T) {
	t.Parallel()
	onEach(t, []string{pgRows}, func(t *testing.T, h *fixture, _ *transfer.Plan) {
		divide(t, h, acme, 10)
		divide(t, h, zeta, 100)
		p, err := transfer.Read(h.DB, acme, append(all(), &Event{})...)
		require.NoError(t, err)
		leave(t, h, p)
		left := h.bytes(t, "tenant_id = 'acme'")
		for _, statement := range []string{
			"UPDATE books SET title = 'all'",
			"UPDATE tags SET label = 'all'",
			"UPDATE authors SET name = 'all'",
			"UPDATE y1 SET name = 'all'",
			"UPDATE events SET name = 'all'",
			"UPDATE book_tags SET tag_id = tag_id",
			"DELETE FROM author_friends",
			"DELETE FROM samples",
			"UPDATE countries SET name = 'x'",
			"UPDATE books SET title = 'nobody has it' WHERE id = 0",
		} {
			require.NoError(t, h.DB.Exec(statement).Error, statement)
		}
		require.Equal(t, left, h.bytes(t, "tenant_id = 'acme'"))
		var n int64
		require.NoError(t, h.DB.Raw("SELECT count(*) FROM books WHERE title = 'all'").
			Scan(&n).Error)
		require.EqualValues(t, 3, n)
		require.NoError(t, h.DB.Raw("SELECT count(*) FROM samples WHERE tenant_id <> 'acme'").
			Scan(&n).Error)
		require.Zero(t, n)

		// In one transaction too, and after a late write of the tenant's that was taken back.
		require.NoError(t, h.DB.Transaction(func(tx *gorm.DB) error {
			require.NoError(t, tx.Exec("UPDATE books SET title = 'again'").Error)
			require.NoError(t, tx.Exec("SAVEPOINT a").Error)
			require.ErrorContains(t, tx.Exec("UPDATE books SET title = 'x' WHERE id = 10").Error,
				moved)
			require.NoError(t, tx.Exec("ROLLBACK TO SAVEPOINT a").Error)
			require.NoError(t, tx.Exec("UPDATE books SET title = 'x' WHERE id = 0").Error)
			return tx.Exec("DELETE FROM author_friends WHERE author_id = 0").Error
		}))
		for name, write := range writes(h, acme, 10) {
			require.ErrorContains(t, write(h.DB), moved, name)
		}
		err = h.DB.Exec("UPDATE tags SET tenant_id = 'acme' WHERE tenant_id <> 'acme'").Error
		require.ErrorContains(t, err, moved)
		require.ErrorContains(t, h.DB.Exec("UPDATE y1 SET name = 'x' WHERE id = 10").Error, moved)

		// A foreign key that changes rows may do so: it must hold.
		require.NoError(t, h.DB.Exec("ALTER TABLE books DROP CONSTRAINT fk_books_country, "+
			"ADD FOREIGN KEY (country_id) REFERENCES countries ON DELETE SET NULL").Error)
		require.NoError(t, h.DB.Exec("DELETE FROM countries").Error)
		require.NoError(t, h.DB.Raw("SELECT count(*) FROM books WHERE country_id IS NOT NULL").
			Scan(&n).Error)
		require.Zero(t, n)

		require.NoError(t, p.Remove(t.Context(), h.Location))
		require.NotContains(t, h.bytes(t, "1 = 1"), acme)
	})
}

// With policies of gormtenant it is known whose a statement is, also one that meets only rows that
// were left.
func TestKeep_asks_policies_whose_a_statement_is(t *testing.T) {
	t.Parallel()
	onEach(t, []string{pgRows}, func(t *testing.T, h *fixture, p *transfer.Plan) {
		require.NoError(t, rls.Enable(h.app, all()[1:]...))
		leave(t, h, p)
		require.NoError(t, h.DB.Exec("UPDATE books SET title = 'x' WHERE id = 10").Error)
		for _, tenant := range []string{"", acme, zeta} {
			err := h.DB.Transaction(func(tx *gorm.DB) error {
				require.NoError(t, tx.Exec("SELECT set_config('app.tenant_id', ?, true)",
					tenant).Error)
				return tx.Exec("UPDATE books SET title = 'x' WHERE id = 10").Error
			})
			if tenant == acme {
				require.ErrorContains(t, err, moved)
				continue
			}
			require.NoError(t, err, tenant)
		}
		var title string
		require.NoError(t, h.DB.Raw("SELECT title FROM books WHERE id = 10").Scan(&title).Error)
		require.Equal(t, "title", title)
	})
}

func TestKeep_says_on_SQLite_that_the_tenant_has_moved(t *testing.T) {
	t.Parallel()
	onEach(t, []string{liteRows, liteFile}, func(t *testing.T, h *fixture, p *transfer.Plan) {
		leave(t, h, p)
		for name, write := range writes(h, acme, 10) {
			require.ErrorContains(t, write(h.DB), moved, name)
		}
	})
}
