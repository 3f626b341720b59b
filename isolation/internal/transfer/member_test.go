package transfer_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
	"github.com/gormtenant/gormtenant/models"
)

// Event is in partitions by year, and those of one year in partitions again.
type Event struct {
	ID uint
	models.TenantModel
	Year int
	Name string
}

// divide makes the table of events, and a child of tags, with rows of a tenant.
func divide(t *testing.T, h *fixture, tenant string, first int) {
	t.Helper()
	if first == 10 {
		for _, statement := range []string{
			"CREATE TABLE {events} (id bigint NOT NULL, tenant_id text NOT NULL, " +
				"year int NOT NULL, name text, PRIMARY KEY (id, year)) PARTITION BY RANGE (year)",
			"CREATE TABLE {y1} PARTITION OF {events} FOR VALUES FROM (2001) TO (2002)",
			"CREATE TABLE {y2} PARTITION OF {events} FOR VALUES FROM (2002) TO (2003) " +
				"PARTITION BY LIST (id)",
			"CREATE TABLE {y2_rest} PARTITION OF {y2} DEFAULT",
			"CREATE TABLE {old_tags} () INHERITS ({tags})",
		} {
			require.NoError(t, h.DB.Exec(h.named(statement)).Error)
		}
	}
	for _, statement := range []string{
		"INSERT INTO {events} (id, tenant_id, year, name) VALUES (@first, @tenant, 2001, 'a'), " +
			"(@first + 1, @tenant, 2002, 'b')",
		"INSERT INTO {old_tags} (id, tenant_id, label) VALUES (@first + 30, @tenant, 'old')",
	} {
		require.NoError(t, h.DB.Exec(h.named(statement), map[string]any{
			"first": first, "tenant": tenant,
		}).Error)
	}
}

// named writes the names of tables into a statement.
func (h *fixture) named(statement string) string {
	for _, table := range append([]string{
		"events", "y1", "y2", "y2_rest", "y3", "old_tags", "older_tags", "lines", "notes",
		"countries",
	}, tables...) {
		statement = replace(statement, "{"+table+"}", h.at(table))
	}
	return statement
}

// withEvents is onEach with tables in parts.
func withEvents(t *testing.T, test func(t *testing.T, h *fixture, p *transfer.Plan)) {
	t.Helper()
	onEach(t, []string{pgRows, pgSchema}, func(t *testing.T, h *fixture, _ *transfer.Plan) {
		divide(t, h, acme, 10)
		if h.Shared {
			divide(t, h, zeta, 100)
		}
		p, err := transfer.Read(h.DB, acme, append(all(), &Event{})...)
		require.NoError(t, err)
		test(t, h, p)
	})
}

var writesToMembers = []string{
	"INSERT INTO {y1} (id, tenant_id, year) VALUES (@first + 5, @tenant, 2001)",
	"UPDATE {y1} SET name = 'x' WHERE id = @first",
	"DELETE FROM {y1} WHERE id = @first",
	"INSERT INTO {y2} (id, tenant_id, year) VALUES (@first + 5, @tenant, 2002)",
	"UPDATE {y2_rest} SET name = 'x' WHERE id = @first + 1",
	"DELETE FROM {y2} WHERE id = @first + 1",
	"UPDATE {events} SET name = 'x' WHERE id = @first + 1",
	"INSERT INTO {old_tags} (id, tenant_id) VALUES (@first + 31, @tenant)",
	"UPDATE {old_tags} SET label = 'x' WHERE id = @first + 30",
	"UPDATE {tags} SET label = 'x' WHERE id = @first + 30",
	"DELETE FROM {old_tags} WHERE id = @first + 30",
}

// The names of partitions and children are ways to the tenant's rows as well.
func TestFreeze_holds_partitions_and_children(t *testing.T) {
	t.Parallel()
	withEvents(t, func(t *testing.T, h *fixture, p *transfer.Plan) {
		frozen := freeze(t, p, h)
		write := func(statement, tenant string, first int) error {
			return h.DB.Exec(h.named(statement), map[string]any{
				"first": first, "tenant": tenant,
			}).Error
		}
		for _, statement := range writesToMembers {
			require.True(t, transfer.IsFrozen(write(statement, acme, 10)), statement)
		}
		for _, table := range []string{"y1", "y2", "y2_rest", "events", "old_tags"} {
			err := h.DB.Exec("TRUNCATE " + h.at(table)).Error
			require.True(t, transfer.IsFrozen(err), table)
		}
		if h.Shared {
			for _, statement := range writesToMembers {
				require.NoError(t, write(statement, zeta, 100), statement)
			}
		}
		// One that comes now is frozen too, also against TRUNCATE.
		require.NoError(t, h.DB.Exec(h.named(
			"CREATE TABLE {y3} (LIKE {events} INCLUDING ALL)")).Error)
		require.NoError(t, h.DB.Exec(h.named("ALTER TABLE {events} ATTACH PARTITION {y3} "+
			"FOR VALUES FROM (2003) TO (2004)")).Error)
		err := h.DB.Exec(h.named("INSERT INTO {y3} (id, tenant_id, year) " +
			"VALUES (15, 'acme', 2003)")).Error
		require.True(t, transfer.IsFrozen(err), err)
		require.NoError(t, h.DB.Exec(h.named(
			"CREATE TABLE {older_tags} () INHERITS ({tags})")).Error)
		_, err = frozen.Hold(t.Context())
		require.NoError(t, err)
		for _, table := range []string{"y3", "older_tags"} {
			require.True(t, transfer.IsFrozen(h.DB.Exec("TRUNCATE "+h.at(table)).Error), table)
		}
		require.NoError(t, frozen.Thaw(t.Context()))
		require.Zero(t, leftovers(t, h))
		for _, statement := range writesToMembers {
			require.NoError(t, write(statement, acme, 10), statement)
		}
	})
}

// Rows that come or go with a partition are no writes, so no trigger sees them.
func TestHold_refuses_partitions_that_came_with_rows_or_went(t *testing.T) {
	t.Parallel()
	for _, change := range [][]string{
		{
			"CREATE TABLE {y3} (LIKE {events} INCLUDING ALL)",
			"INSERT INTO {y3} (id, tenant_id, year) VALUES (15, 'acme', 2003)",
			"ALTER TABLE {events} ATTACH PARTITION {y3} FOR VALUES FROM (2003) TO (2004)",
		},
		{
			"CREATE TABLE {older_tags} (LIKE {tags})",
			"INSERT INTO {older_tags} (id, tenant_id) VALUES (15, 'acme')",
			"ALTER TABLE {older_tags} INHERIT {tags}",
		},
		{"ALTER TABLE {events} DETACH PARTITION {y1}"},
		{"ALTER TABLE {old_tags} NO INHERIT {tags}"},
	} {
		t.Run(fmt.Sprint(change[len(change)-1]), func(t *testing.T) {
			t.Parallel()
			withEvents(t, func(t *testing.T, h *fixture, p *transfer.Plan) {
				frozen := freeze(t, p, h)
				for _, statement := range change {
					require.NoError(t, h.DB.Exec(h.named(statement)).Error)
				}
				_, err := frozen.Hold(t.Context())
				require.ErrorContains(t, err, "move it again")
				require.NoError(t, frozen.Thaw(t.Context()))
			})
		})
	}
}
