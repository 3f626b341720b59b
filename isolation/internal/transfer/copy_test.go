package transfer_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
	"github.com/gormtenant/gormtenant/models"
)

// fails makes the target refuse one row in the middle of a table.
func fails(t *testing.T, h *fixture) {
	t.Helper()
	if h.DB.Name() == "sqlite" {
		require.NoError(t, h.DB.Exec("CREATE UNIQUE INDEX full_disk ON books "+
			"(CASE WHEN id IN (13, 14) THEN 1 END)").Error)
		return
	}
	require.NoError(t, h.DB.Exec("ALTER TABLE "+h.at("books")+
		" ADD CONSTRAINT full_disk CHECK (id <> 14)").Error)
}

func TestCopy_failing_in_the_middle_leaves_nothing(t *testing.T) {
	t.Parallel()
	each(t, [][2]string{{pgRows, pgSchema}, {pgRows, liteFile}, {liteRows, pgDatabase}},
		func(t *testing.T, from, to *fixture) {
			populate(t, from, to)
			fails(t, to)
			source, target := from.bytes(t, "1 = 1"), to.bytes(t, "1 = 1")
			p := plan(t, from, acme)
			frozen := freeze(t, p, from)
			err := p.Copy(t.Context(), from.Location, to.Location, nil)
			require.ErrorContains(t, err, "full_disk")
			require.ErrorContains(t, err, "books")
			require.Equal(t, target, to.bytes(t, "1 = 1"))
			require.ErrorIs(t, p.Compare(t.Context(), from.Location, to.Location),
				transfer.ErrDiffer)
			require.NoError(t, frozen.Thaw(t.Context()))
			require.Equal(t, source, from.bytes(t, "1 = 1"))
			require.NoError(t, from.as(t, acme).Create(&Tag{Label: "works on"}).Error)
		})
}

func TestClear_makes_way_for_another_attempt(t *testing.T) {
	t.Parallel()
	each(t, [][2]string{{pgSchema, pgRows}, {liteFile, liteRows}},
		func(t *testing.T, from, to *fixture) {
			populate(t, from, to)
			p := plan(t, from, acme)
			before := to.bytes(t, "1 = 1")
			for range 2 {
				require.NoError(t, p.Copy(t.Context(), from.Location, to.Location, nil))
				require.Error(t, p.Copy(t.Context(), from.Location, to.Location, nil))
				require.NoError(t, p.Compare(t.Context(), from.Location, to.Location))
				require.NoError(t, p.Clear(t.Context(), to.Location))
				require.Equal(t, before, to.bytes(t, "1 = 1"))
			}
		})
}

func TestCopy_refuses_before_it_writes(t *testing.T) {
	t.Parallel()
	each(t, [][2]string{{pgSchema, pgRows}, {liteFile, pgRows}, {pgRows, liteFile}},
		func(t *testing.T, from, to *fixture) {
			populate(t, from, to)
			p := plan(t, from, acme)
			before := to.bytes(t, "1 = 1")
			for _, change := range []struct {
				place          *fixture
				do, undo, says string
			}{
				{
					from, "ALTER TABLE " + from.at("books") + " ADD COLUMN extra text",
					"ALTER TABLE " + from.at("books") + " DROP COLUMN extra",
					"extra of books is not there",
				},
				{
					to, "ALTER TABLE " + to.at("books") + " ADD COLUMN extra text",
					"ALTER TABLE " + to.at("books") + " DROP COLUMN extra",
					"extra of books is there only",
				},
				{
					to, "ALTER TABLE " + to.at("book_tags") + " RENAME TO elsewhere",
					"ALTER TABLE " + to.at("elsewhere") + " RENAME TO book_tags",
					"no table book_tags",
				},
			} {
				require.NoError(t, change.place.DB.Exec(change.do).Error)
				require.ErrorContains(t, p.Copy(t.Context(), from.Location, to.Location, nil),
					change.says)
				require.NoError(t, change.place.DB.Exec(change.undo).Error)
			}
			if from.DB.Name() == to.DB.Name() {
				require.NoError(t, to.DB.Exec("ALTER TABLE "+to.at("samples")+
					" ALTER COLUMN words TYPE varchar(100)").Error)
				require.ErrorContains(t, p.Copy(t.Context(), from.Location, to.Location, nil),
					"character varying(100)")
				require.NoError(t, to.DB.Exec("ALTER TABLE "+to.at("samples")+
					" ALTER COLUMN words TYPE text").Error)
			}
			require.Error(t, p.Copy(t.Context(), from.Location, from.Location, nil))

			// Rows that are not the tenant's, or not its alone.
			if from.Shared {
				require.NoError(t, from.DB.Exec("INSERT INTO book_tags (book_id, tag_id) "+
					"VALUES (10, 100)").Error)
			} else {
				require.NoError(t, from.DB.Exec("INSERT INTO "+from.at("tags")+
					" (id, tenant_id, label) VALUES (70, 'somebody', 'x')").Error)
			}
			err := p.Copy(t.Context(), from.Location, to.Location, nil)
			require.ErrorContains(t, err, "not the tenant's alone")
			require.NotContains(t, err.Error(), "somebody")
			require.Equal(t, before, to.bytes(t, "1 = 1"))
		})
}

func TestCompare_finds_what_differs(t *testing.T) {
	t.Parallel()
	each(t, [][2]string{{pgRows, pgSchema}, {pgRows, liteFile}, {liteRows, liteFile}},
		func(t *testing.T, from, to *fixture) {
			populate(t, from, to)
			p := plan(t, from, acme)
			require.NoError(t, p.Copy(t.Context(), from.Location, to.Location, nil))
			for change, says := range map[string]string{
				"UPDATE {samples} SET words = words || ' ' WHERE id = " +
					"10": "words",
				"UPDATE {samples} SET never = '2024-01-01 00:00:00.000001+00:00' " +
					"WHERE id = 10": "never",
				"UPDATE {samples} SET amount = 12345678.123457 " +
					"WHERE id = 10": "amount",
				"UPDATE {samples} SET doubt = NULL " +
					"WHERE id = 10": "doubt",
				"UPDATE {books} SET deleted_at = NULL WHERE id = " +
					"11": "deleted_at",
				"DELETE FROM {book_tags} WHERE book_id = 10": "7 " +
					"rows in the source, 6 in the copy",
				"INSERT INTO {tags} (id, tenant_id) VALUES (99, " +
					"'acme')": "2 rows in the source, 3 in the copy",
			} {
				for _, table := range tables {
					change = replace(change, "{"+table+"}", to.at(table))
				}
				require.NoError(t, p.Compare(t.Context(), from.Location, to.Location))
				require.NoError(t, to.DB.Exec(change).Error, change)
				err := p.Compare(t.Context(), from.Location, to.Location)
				require.ErrorIs(t, err, transfer.ErrDiffer, change)
				require.ErrorContains(t, err, says)
				require.NoError(t, p.Clear(t.Context(), to.Location))
				require.NoError(t, p.Copy(t.Context(), from.Location, to.Location, nil))
			}
		})
}

// Hen and Egg refer to each other.
type Hen struct {
	ID uint
	models.TenantModel
	EggID uint
}

type Egg struct {
	ID uint
	models.TenantModel
	HenID uint
}

func TestCopy_of_tables_that_refer_to_each_other(t *testing.T) {
	t.Parallel()
	each(t, [][2]string{{pgRows, pgSchema}, {pgRows, liteFile}, {liteFile, pgRows}},
		func(t *testing.T, from, to *fixture) {
			p, err := transfer.Read(from.DB, acme, &Hen{}, &Egg{})
			require.NoError(t, err)
			for _, h := range []*fixture{from, to} {
				if h.DB.Name() == "sqlite" {
					require.NoError(t, h.DB.Exec("CREATE TABLE hens (id integer PRIMARY KEY, "+
						"tenant_id text, egg_id integer NOT NULL REFERENCES eggs DEFERRABLE "+
						"INITIALLY DEFERRED)").Error)
					require.NoError(t, h.DB.Exec("CREATE TABLE eggs (id integer PRIMARY KEY, "+
						"tenant_id text, hen_id integer NOT NULL REFERENCES hens)").Error)
					continue
				}
				require.NoError(t, h.app.AutoMigrate(&Hen{}, &Egg{}))
				require.NoError(t, h.DB.Exec("ALTER TABLE "+h.at("hens")+
					" ALTER egg_id SET NOT NULL, ADD FOREIGN KEY (egg_id) REFERENCES "+
					h.at("eggs")).Error)
				require.NoError(t, h.DB.Exec("ALTER TABLE "+h.at("eggs")+
					" ALTER hen_id SET NOT NULL, ADD FOREIGN KEY (hen_id) REFERENCES "+
					h.at("hens")).Error)
			}
			insert := func(tx *gorm.DB) error {
				if tx.Name() == "sqlite" {
					if err := tx.Exec("INSERT INTO hens (id, tenant_id, egg_id) " +
						"VALUES (10, 'acme', 20)").Error; err != nil {
						return err
					}
					return tx.Exec("INSERT INTO eggs (id, tenant_id, hen_id) " +
						"VALUES (20, 'acme', 10)").Error
				}
				return tx.Exec("WITH a AS (INSERT INTO " + from.at("hens") +
					" (id, tenant_id, egg_id) VALUES (10, 'acme', 20)) " +
					"INSERT INTO " + from.at("eggs") + " (id, tenant_id, hen_id) " +
					"VALUES (20, 'acme', 10)").Error
			}
			require.NoError(t, from.DB.Transaction(insert))
			require.NoError(t, p.Copy(t.Context(), from.Location, to.Location, nil))
			require.NoError(t, p.Compare(t.Context(), from.Location, to.Location))
			require.NoError(t, p.Remove(t.Context(), from.Location))
			var n int64
			require.NoError(t, to.DB.Raw("SELECT count(*) FROM "+to.at("hens")+
				" JOIN "+to.at("eggs")+
				" AS eggs ON eggs.hen_id = 10").Scan(&n).Error)
			require.EqualValues(t, 1, n)
			require.NoError(t, from.DB.Raw("SELECT count(*) FROM "+from.at("hens")).Scan(&n).Error)
			require.Zero(t, n)
		})
}

// Aisle comes before the tickets, and has no rows.
type Aisle struct {
	ID uint
	models.TenantModel
}

// Ticket has a key that the server always gives.
type Ticket struct {
	ID uint
	models.TenantModel
	Number int64
	Double int64 `gorm:"->"`
}

func TestCopy_sets_sequences_and_never_back(t *testing.T) {
	t.Parallel()
	each(t, [][2]string{{pgSchema, pgRows}, {liteFile, pgRows}},
		func(t *testing.T, from, to *fixture) {
			p, err := transfer.Read(from.DB, acme, &Aisle{}, &Ticket{})
			require.NoError(t, err)
			for _, h := range []*fixture{from, to} {
				require.NoError(t, h.app.AutoMigrate(&Aisle{}))
				if h.DB.Name() == "sqlite" {
					require.NoError(t, h.DB.Exec("CREATE TABLE tickets (id integer PRIMARY KEY, "+
						"tenant_id text, number integer, "+
						"double integer GENERATED ALWAYS AS (number * 2))").Error)
					continue
				}
				require.NoError(t, h.DB.Exec("CREATE SEQUENCE "+h.at("numbers")).Error)
				require.NoError(t, h.DB.Exec("CREATE TABLE "+h.at("tickets")+
					" (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "+
					"tenant_id text NOT NULL, "+
					"number bigint DEFAULT nextval('"+h.at("numbers")+
					"'), double bigint GENERATED ALWAYS AS (number * 2) STORED)").Error)
			}
			override := " OVERRIDING SYSTEM VALUE"
			if from.DB.Name() == "sqlite" {
				override = ""
			}
			require.NoError(t, from.DB.Exec("INSERT INTO "+from.at("tickets")+
				" (id, tenant_id, number)"+override+" VALUES (500, 'acme', 7)").Error)
			require.NoError(t, to.DB.Exec("SELECT setval('numbers', 1000)").Error)
			require.NoError(t, p.Copy(t.Context(), from.Location, to.Location, nil))
			require.NoError(t, p.Compare(t.Context(), from.Location, to.Location))
			var next struct{ ID, Number, Double int64 }
			require.NoError(t, to.DB.Raw("INSERT INTO tickets (tenant_id) VALUES ('zeta') "+
				"RETURNING id, number, double").Scan(&next).Error)
			require.EqualValues(t, 501, next.ID)
			require.EqualValues(t, 1001, next.Number)
			require.NoError(t, to.DB.Raw("SELECT id, number, double FROM tickets "+
				"WHERE tenant_id = 'acme'").Scan(&next).Error)
			require.EqualValues(t, 14, next.Double)
		})
}

// move freezes, copies, compares and leaves.
func move(t *testing.T, p *transfer.Plan, from, to *fixture) {
	t.Helper()
	frozen := freeze(t, p, from)
	require.NoError(t, p.Copy(t.Context(), from.Location, to.Location, nil))
	require.NoError(t, p.Compare(t.Context(), from.Location, to.Location))
	_, err := frozen.Hold(t.Context())
	require.NoError(t, err)
	require.NoError(t, frozen.Keep(t.Context()))
}
