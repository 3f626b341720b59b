package transfer_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// Order is a tenant's; its lines and their notes say so only by what they refer to.
type Order struct {
	ID uint
	models.TenantModel
	Lines   []Line
	Remarks []Remark `gorm:"polymorphic:About"`
}

type Line struct {
	ID      uint
	OrderID *uint
	Product string
	Notes   []LineNote
	Labels  []Label `gorm:"many2many:line_labels"`
}

type LineNote struct {
	ID     uint
	LineID uint
	Text   string
}

// Label is nobody's.
type Label struct {
	ID   uint
	Text string
}

// Remark is about anything.
type Remark struct {
	ID        uint
	AboutID   uint
	AboutType string
	Text      string
}

// Parcel has no relation, but a foreign key.
type Parcel struct {
	ID      uint
	OrderID uint
}

var hangingTables = []string{
	"orders", "lines", "line_notes", "labels", "line_labels", "remarks", "parcels",
}

func orderModels() []any {
	return []any{&Order{}, &Line{}, &LineNote{}, &Label{}, &Remark{}, &Parcel{}}
}

// order gives a tenant an order with all that hangs on it.
func order(t *testing.T, h *fixture, tenant string, first uint) {
	t.Helper()
	require.NoError(t, h.as(t, tenant).Create(&Order{ID: first}).Error)
	lines := []Line{{ID: first, OrderID: &first}, {ID: first + 1, OrderID: &first}}
	require.NoError(t, h.DB.Table(h.at("lines")).Omit("Notes", "Labels").Create(&lines).Error)
	for _, statement := range []string{
		"INSERT INTO {line_notes} (id, line_id, text) VALUES (@f, @f, 'n'), (@f + 1, @f + 1, 'm')",
		"INSERT INTO {line_labels} (line_id, label_id) VALUES (@f, 1), (@f + 1, 1)",
		"INSERT INTO {remarks} (id, about_id, about_type) VALUES (@f, @f, 'orders'), " +
			"(@f + 1, @f, 'else')",
		"INSERT INTO {parcels} (id, order_id) VALUES (@f, @f)",
	} {
		for _, table := range hangingTables {
			statement = replace(statement, "{"+table+"}", h.at(table))
		}
		require.NoError(t, h.DB.Exec(statement, map[string]any{"f": first}).Error)
	}
}

func (h *fixture) counts(t *testing.T) (counts []int64) {
	t.Helper()
	for _, table := range hangingTables {
		var n int64
		require.NoError(t, h.DB.Raw("SELECT count(*) FROM "+h.at(table)).Scan(&n).Error)
		counts = append(counts, n)
	}
	return counts
}

func hang(t *testing.T, h *fixture) {
	t.Helper()
	require.NoError(t, h.app.AutoMigrate(orderModels()...))
	require.NoError(t, h.DB.Exec("INSERT INTO "+h.at("labels")+" (id, text) VALUES (1, 'l')").Error)
	if h.DB.Name() == "postgres" {
		require.NoError(t, h.DB.Exec("ALTER TABLE "+h.at("parcels")+" ADD FOREIGN KEY (order_id) "+
			"REFERENCES "+h.at("orders")).Error)
		return
	}
	require.NoError(t, h.DB.Exec("DROP TABLE parcels").Error)
	require.NoError(t, h.DB.Exec("CREATE TABLE parcels (id integer PRIMARY KEY, "+
		"order_id integer REFERENCES orders)").Error)
}

func hangingPlan(t *testing.T, h *fixture) *transfer.Plan {
	t.Helper()
	p, err := transfer.Read(h.DB, acme, orderModels()...)
	require.NoError(t, err)
	p, err = p.Complete(t.Context(), h.Location)
	require.NoError(t, err)
	return p
}

// The lines of an order move with it, there and back.
func TestMove_takes_along_what_hangs_on_rows(t *testing.T) {
	t.Parallel()
	each(t, [][2]string{
		{pgRows, pgSchema}, {pgRows, liteFile}, {liteRows, pgDatabase}, {liteRows, liteFile},
	},
		func(t *testing.T, from, to *fixture) {
			hang(t, from)
			hang(t, to)
			order(t, from, acme, 10)
			order(t, from, zeta, 100)
			require.NoError(t, from.DB.Exec("INSERT INTO "+from.at("lines")+
				" (id, product) VALUES (500, 'nobody''s')").Error)
			p := hangingPlan(t, from)
			require.Equal(t, []string{
				"orders", "lines", "line_labels", "line_notes", "parcels", "remarks",
			}, p.Tables())
			all := from.counts(t)
			theirs := []int64{1, 3, 2, 1, 2, 3, 1} // and what is nobody's
			mine := []int64{1, 2, 2, 1, 2, 1, 1}
			found, err := p.Collisions(t.Context(), from.Location, to.Location)
			require.NoError(t, err)
			require.Empty(t, found)

			frozen := freeze(t, p, from)
			for _, w := range []struct {
				write   string
				refused bool
			}{
				{"UPDATE {lines} SET product = 'x' WHERE id = 10", true},
				{"UPDATE {lines} SET product = 'x' WHERE id = 100", false},
				{"UPDATE {lines} SET product = 'x' WHERE id = 500", false},
				{"INSERT INTO {lines} (id, product) VALUES (501, 'nobody''s')", false},
				{"DELETE FROM {lines} WHERE id = 501", false},
				{"UPDATE {lines} SET order_id = 10 WHERE id = 500", true},
				{"INSERT INTO {line_notes} (id, line_id) VALUES (77, 11)", true},
				{"INSERT INTO {line_notes} (id, line_id) VALUES (77, 101)", false},
				{"DELETE FROM {line_notes} WHERE id = 77", false},
				{"DELETE FROM {line_labels} WHERE line_id = 10", true},
				{"UPDATE {remarks} SET text = 'x' WHERE id = 10", true},
				{"UPDATE {remarks} SET text = 'x' WHERE id IN (11, 100)", false},
				{"INSERT INTO {parcels} (id, order_id) VALUES (78, 10)", true},
				{"UPDATE {labels} SET text = 'x'", false},
			} {
				for _, table := range hangingTables {
					w.write = replace(w.write, "{"+table+"}", from.at(table))
				}
				err := from.DB.Exec(w.write).Error
				require.Equal(t, w.refused, transfer.IsFrozen(err), "%s: %v", w.write, err)
			}
			require.NoError(t, p.Copy(t.Context(), from.Location, to.Location, nil))
			require.NoError(t, p.Compare(t.Context(), from.Location, to.Location))
			_, err = frozen.Hold(t.Context())
			require.NoError(t, err)
			require.NoError(t, frozen.Keep(t.Context()))
			require.Equal(t, mine, to.counts(t))
			require.Equal(t, all, from.counts(t))
			require.NoError(t, p.Remove(t.Context(), from.Location))
			require.Equal(t, theirs, from.counts(t))

			back := hangingPlan(t, to)
			found, err = back.Collisions(t.Context(), to.Location, from.Location)
			require.NoError(t, err)
			require.Empty(t, found)
			require.NoError(t, back.Copy(t.Context(), to.Location, from.Location, nil))
			require.NoError(t, back.Compare(t.Context(), to.Location, from.Location))
			require.Equal(t, all, from.counts(t))
			// A key that is taken is found before, also where no tenant column says whose it is.
			require.NoError(t, back.Clear(t.Context(), from.Location))
			require.NoError(t, from.DB.Exec("UPDATE "+from.at("lines")+
				" SET id = 11 WHERE id = 500").Error)
			found, err = back.Collisions(t.Context(), to.Location, from.Location)
			require.NoError(t, err)
			require.Len(t, found, 1)
			require.Equal(t, "lines: (id) of 1 rows is taken: 11", found[0].String())
		})
}

// What refers to rows that move and is not known to go with them is named, before anything is
// written.
func TestCollisions_refuses_what_would_stay_behind(t *testing.T) {
	t.Parallel()
	each(t, [][2]string{{pgRows, pgSchema}, {liteRows, liteFile}, {liteFile, liteRows}},
		func(t *testing.T, from, to *fixture) {
			hang(t, from)
			hang(t, to)
			order(t, from, acme, 10)
			check := func(says string, given ...any) {
				t.Helper()
				p, err := transfer.Read(from.DB, acme, given...)
				require.NoError(t, err)
				if p, err = p.Complete(t.Context(), from.Location); err == nil {
					_, err = p.Collisions(t.Context(), from.Location, to.Location)
				}
				if says == "" {
					require.NoError(t, err)
					return
				}
				require.ErrorContains(t, err, says)
				require.ErrorContains(t, err, "stay behind")
			}
			check("", orderModels()...)
			check("parcels", &Order{})
			require.NoError(t, from.DB.Exec("DELETE FROM "+from.at("parcels")).Error)
			check("", &Order{})
			require.NoError(t, from.DB.Exec("CREATE TABLE "+from.at("unknown")+
				" (line_id bigint REFERENCES "+from.at("lines")+")").Error)
			check("", &Order{})
			require.NoError(t, from.DB.Exec("INSERT INTO "+from.at("unknown")+
				" VALUES (10)").Error)
			check("unknown", &Order{})
			require.NoError(t, from.DB.Exec("DELETE FROM "+from.at("unknown")).Error)

			require.NoError(t, from.DB.Use(tenantplugin.New(tenantplugin.Shared(&Line{}))))
			check("lines", &Order{})
		})
}

// Bond is between two rows by keys that have the tenant in them.
type Bond struct {
	LeftTenant  string `gorm:"primaryKey"`
	LeftID      uint   `gorm:"primaryKey"`
	RightTenant string `gorm:"primaryKey"`
	RightID     uint   `gorm:"primaryKey"`
}

type End struct {
	TenantID string `gorm:"primaryKey;tenant"`
	ID       uint   `gorm:"primaryKey;autoIncrement:false"`
	Others   []End  `gorm:"many2many:bonds;joinForeignKey:LeftTenant,LeftID;joinReferences:RightTenant,RightID"` //nolint:lll // a tag
}

// A row of a join table with two tenants in it is moved if both are the tenant, not if the first
// is.
func TestMove_looks_at_both_tenants_of_a_join_row(t *testing.T) {
	t.Parallel()
	list := [][2]string{{pgRows, pgSchema}, {liteRows, liteFile}}
	each(t, list, func(t *testing.T, from, to *fixture) {
		for _, h := range []*fixture{from, to} {
			require.NoError(t, h.app.AutoMigrate(&End{}))
		}
		p, err := transfer.Read(from.DB, acme, &End{})
		require.NoError(t, err)
		require.Equal(t, []string{"ends", "bonds"}, p.Tables())
		require.NoError(t, from.DB.Exec("INSERT INTO ends (tenant_id, id) VALUES ('acme', 1), "+
			"('acme', 2), ('zeta', 1)").Error)
		require.NoError(t, from.DB.Exec("INSERT INTO bonds (left_tenant, left_id, right_tenant, "+
			"right_id) VALUES ('acme', 1, 'acme', 2), ('acme', 1, 'zeta', 1)").Error)
		for _, other := range []string{"acme", "zeta"} {
			require.NoError(t, from.DB.Exec("UPDATE bonds SET left_tenant = ? WHERE right_id = 1",
				other).Error)
			err = p.Copy(t.Context(), from.Location, to.Location, nil)
			if other == "acme" {
				require.ErrorContains(t, err, "1 rows of bonds are not the tenant's alone")
			}
		}
		require.NoError(t, err)
		var n int64
		require.NoError(t, to.DB.Raw("SELECT count(*) FROM "+to.at("bonds")).Scan(&n).Error)
		require.EqualValues(t, 1, n)
		frozen := freeze(t, p, from)
		err = from.DB.Exec("INSERT INTO bonds (left_tenant, left_id, right_tenant, right_id) " +
			"VALUES ('zeta', 1, 'acme', 2)").Error
		require.True(t, transfer.IsFrozen(err), err)
		require.NoError(t, frozen.Thaw(t.Context()))
	})
}
