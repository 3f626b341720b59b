package callbacks_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// Shipment is a row of a table whose server returns what it has inserted in an order of its own.
type Shipment struct {
	ID uint
	models.TenantModel
	Name    string
	Parcels []Parcel
	Seen    []string `gorm:"-"` // what its hooks saw
}

// Parcel belongs to a shipment.
type Parcel struct {
	ID uint
	models.TenantModel
	ShipmentID uint
	Name       string
}

func (s *Shipment) BeforeCreate(*gorm.DB) error {
	s.Seen = append(s.Seen, fmt.Sprint("before ", s.ID != 0))
	return nil
}

func (s *Shipment) AfterCreate(*gorm.DB) error {
	s.Seen = append(s.Seen, fmt.Sprint("after ", s.ID != 0))
	return nil
}

// openShipments opens a database with an empty table of shipments. On Postgres it is a view with a
// rule that inserts by tenant and then by the order of the text, as Citus returns rows by shard.
func openShipments(
	t *testing.T, open func(*gorm.Config) *gorm.DB, options ...tenantplugin.Option,
) (db *gorm.DB, inserts *textLog) {
	t.Helper()
	inserts = &textLog{Interface: logger.Discard, prefix: "INSERT"}
	db = open(&gorm.Config{
		DisableForeignKeyConstraintWhenMigrating: true, Logger: inserts,
	})
	require.NoError(t, db.Use(tenantplugin.New(options...)))
	require.NoError(t, db.AutoMigrate(&Shipment{}, &Parcel{}))
	db = db.WithContext(gormtenant.Unscoped(t.Context(), "import"))
	if db.Name() == "postgres" {
		for _, text := range []string{
			`ALTER TABLE shipments RENAME TO stored`,
			`CREATE VIEW shipments AS SELECT id, tenant_id, name FROM stored`,
			`CREATE RULE by_shard AS ON INSERT TO shipments DO INSTEAD
				INSERT INTO stored (tenant_id, name)
				SELECT NEW.tenant_id, NEW.name ORDER BY NEW.tenant_id COLLATE "C" DESC
				RETURNING id, tenant_id, name`,
		} {
			require.NoError(t, db.Exec(text).Error)
		}
	}
	inserts.texts = nil
	return db, inserts
}

// textLog notes the statements that begin with a word.
type textLog struct {
	logger.Interface

	prefix string
	texts  []string
}

func (l *textLog) LogMode(logger.LogLevel) logger.Interface { return l }

func (l *textLog) Trace(_ context.Context, _ time.Time, say func() (string, int64), _ error) {
	if text, _ := say(); strings.HasPrefix(text, l.prefix) {
		l.texts = append(l.texts, text)
	}
}

// mixed returns rows of three tenants, none beside another of its own.
func mixed(n int) []Shipment {
	rows := make([]Shipment, n)
	for i := range rows {
		rows[i].TenantID = []string{"acme", "zeta", "initech"}[i%3]
		rows[i].Name = fmt.Sprint("shipment ", i)
	}
	return rows
}

// requireOwnKeys fails where a row in memory has the key of another one.
func requireOwnKeys(t *testing.T, db *gorm.DB, rows []Shipment) {
	t.Helper()
	for i := range rows {
		var stored Shipment
		require.NoError(t, db.First(&stored, rows[i].ID).Error)
		require.Equal(t, rows[i].Name, stored.Name, "row %d", i)
		require.Equal(t, rows[i].TenantID, stored.TenantID, "row %d", i)
	}
}

// TestSplitCreates_is_needed shows the fault: the server's order is not that of the text.
func TestSplitCreates_is_needed(t *testing.T) {
	t.Parallel()
	db, inserts := openShipments(t, On(t, "postgres"))
	rows := mixed(9)
	require.NoError(t, db.Create(&rows).Error)
	require.Len(t, inserts.texts, 1)
	var stored Shipment
	require.NoError(t, db.First(&stored, rows[0].ID).Error)
	require.NotEqual(t, rows[0].Name, stored.Name, "the rule no longer stands for Citus")
}

// TestSplitCreates sends one INSERT for each tenant: every row gets its own key, in its place.
func TestSplitCreates(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db, inserts := openShipments(t, open, tenantplugin.SplitCreates())
		reset := func(t *testing.T) {
			t.Helper()
			require.NoError(t, db.Exec("DELETE FROM parcels").Error)
			require.NoError(t, db.Where("1 = 1").Delete(&Shipment{}).Error)
			inserts.texts = nil
		}
		for _, c := range []struct {
			name    string
			inserts int // of shipments
			create  func(t *testing.T) ([]Shipment, *gorm.DB)
		}{
			{"slice", 3, func(*testing.T) ([]Shipment, *gorm.DB) {
				rows := mixed(9)
				return rows, db.Create(&rows)
			}},
			{"slice_by_value", 3, func(*testing.T) ([]Shipment, *gorm.DB) {
				rows := mixed(9)
				return rows, db.Create(rows)
			}},
			{"pointers", 3, func(*testing.T) ([]Shipment, *gorm.DB) {
				rows := mixed(9)
				pointers := make([]*Shipment, len(rows))
				for i := range rows {
					pointers[i] = &rows[i]
				}
				return rows, db.Create(&pointers)
			}},
			{"array", 3, func(*testing.T) ([]Shipment, *gorm.DB) {
				rows := [9]Shipment(mixed(9))
				tx := db.Create(&rows)
				return rows[:], tx
			}},
			{"in_batches", 6, func(*testing.T) ([]Shipment, *gorm.DB) {
				rows := mixed(9)
				return rows, db.CreateInBatches(&rows, 5)
			}},
			{"batch_size", 6, func(*testing.T) ([]Shipment, *gorm.DB) {
				rows := mixed(9)
				return rows, db.Session(&gorm.Session{CreateBatchSize: 5}).Create(&rows)
			}},
			{"one_tenant", 1, func(*testing.T) ([]Shipment, *gorm.DB) {
				rows := []Shipment{mixed(1)[0], mixed(4)[3]}
				return rows, db.Create(&rows)
			}},
			{"one_row", 1, func(*testing.T) ([]Shipment, *gorm.DB) {
				rows := mixed(1)
				return rows, db.Create(&rows[0])
			}},
			{"without_transaction", 3, func(*testing.T) ([]Shipment, *gorm.DB) {
				rows := mixed(9)
				return rows, db.Session(&gorm.Session{SkipDefaultTransaction: true}).Create(&rows)
			}},
			{"in_a_transaction", 3, func(t *testing.T) ([]Shipment, *gorm.DB) {
				rows := mixed(9)
				var made *gorm.DB
				require.NoError(t, db.Transaction(func(tx *gorm.DB) error {
					made = tx.Create(&rows)
					return made.Error
				}))
				return rows, made
			}},
			{"prepared", 3, func(*testing.T) ([]Shipment, *gorm.DB) {
				rows := mixed(9)
				return rows, db.Session(&gorm.Session{PrepareStmt: true}).Create(&rows)
			}},
		} {
			t.Run(c.name, func(t *testing.T) {
				reset(t)
				rows, made := c.create(t)
				require.NoError(t, made.Error)
				require.EqualValues(t, len(rows), made.RowsAffected)
				require.Len(t, inserts.texts, c.inserts, "INSERTs")
				for i, want := range mixed(len(rows)) {
					if c.name == "one_tenant" {
						want = mixed(len(rows) * 3)[i*3]
					}
					require.Equal(t, want.Name, rows[i].Name, "the order of rows")
					require.Equal(t, []string{"before false", "after true"}, rows[i].Seen)
				}
				requireOwnKeys(t, db, rows)
			})
		}
		t.Run("children", func(t *testing.T) {
			reset(t)
			rows := mixed(6)
			for i := range rows {
				rows[i].Parcels = []Parcel{{Name: rows[i].Name}}
				rows[i].Parcels[0].TenantID = rows[i].TenantID
			}
			require.NoError(t, db.Create(&rows).Error)
			requireOwnKeys(t, db, rows)
			for i := range rows {
				var parcel Parcel
				require.NoError(t, db.Take(&parcel, "shipment_id = ?", rows[i].ID).Error)
				require.Equal(t, rows[i].Name, parcel.Name)
			}
		})
		t.Run("dry_run", func(t *testing.T) {
			reset(t)
			text := db.ToSQL(func(tx *gorm.DB) *gorm.DB {
				rows := mixed(3)
				return tx.Create(&rows)
			})
			require.Equal(t, 1, strings.Count(text, "INSERT"), text)
		})
	})
}

// Crate is a plain row, on both kinds of databases.
type Crate struct {
	ID uint
	models.TenantModel
	Name      string
	Version   int
	UpdatedAt time.Time
}

func openCrates(
	t *testing.T, open func(*gorm.Config) *gorm.DB, options ...tenantplugin.Option,
) *gorm.DB {
	t.Helper()
	db := open(&gorm.Config{})
	options = append(options, tenantplugin.SplitCreates())
	require.NoError(t, db.Use(tenantplugin.New(options...)))
	require.NoError(t, db.AutoMigrate(&Crate{}))
	return db.WithContext(gormtenant.Unscoped(t.Context(), "import"))
}

func crates(tenants ...string) []Crate {
	rows := make([]Crate, len(tenants))
	for i, tenant := range tenants {
		rows[i].TenantID, rows[i].Name = tenant, fmt.Sprint("crate ", i)
	}
	return rows
}

// TestSplitCreates_all_or_none: one INSERT of all rows would have created none either.
func TestSplitCreates_all_or_none(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		for _, c := range []struct {
			name    string
			session gorm.Session
			inside  bool // of a transaction that goes on
		}{
			{name: "default_transaction"},
			{name: "no_transaction", session: gorm.Session{SkipDefaultTransaction: true}},
			{name: "callers_transaction", inside: true},
		} {
			t.Run(c.name, func(t *testing.T) {
				db := openCrates(t, open)
				require.NoError(t, db.Exec("DELETE FROM crates").Error)
				there := crates("b")[0]
				there.ID = 70_000
				require.NoError(t, db.Create(&there).Error)
				db = db.Session(&c.session)
				rows := crates("a", "b", "c", "a")
				rows[1].ID = there.ID
				create := func(tx *gorm.DB) error {
					made := tx.Create(&rows)
					require.Zero(t, made.RowsAffected)
					return made.Error
				}
				var err error
				if c.inside {
					_ = db.Transaction(func(tx *gorm.DB) error {
						err = create(tx)
						return nil // Postgres rolls back all the same.
					})
				} else {
					err = create(db)
				}
				require.Error(t, err)
				var left int64
				require.NoError(t, db.Model(&Crate{}).Count(&left).Error)
				require.EqualValues(t, 1, left)
				for i := range rows {
					require.Equal(t, fmt.Sprint("crate ", i), rows[i].Name)
				}
			})
		}
		t.Run("a_row_of_nobody", func(t *testing.T) {
			db := openCrates(t, open)
			rows := crates("a", "b", "c")
			hook := func(*gorm.DB) { // after all that looks at the rows
				rows[1].TenantID = ""
			}
			require.NoError(t, db.Callback().Create().Before("gorm:create").Register("empty", hook))
			require.ErrorIs(t, db.Create(&rows).Error, gormtenant.ErrNoTenant)
		})
	})
}

// TestSplitCreates_upserts and maps come back as from one INSERT.
func TestSplitCreates_upserts(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		var reported []tenantplugin.UnscopedEvent
		db := openCrates(t, open, tenantplugin.OnUnscoped(
			func(_ context.Context, e tenantplugin.UnscopedEvent) {
				reported = append(reported, e)
			}))
		first := crates("a", "b", "a", "b")
		reported = nil
		require.NoError(t, db.Create(&first).Error)
		require.Len(t, reported, 1)

		t.Run("save", func(t *testing.T) {
			rows := append(crates("c"), first...)
			for i := range rows {
				rows[i].Version, rows[i].UpdatedAt = 2, time.Time{}
			}
			made := db.Save(&rows)
			require.NoError(t, made.Error)
			require.EqualValues(t, 5, made.RowsAffected)
			for _, row := range rows {
				var stored Crate
				require.NoError(t, db.First(&stored, row.ID).Error)
				require.Equal(t, 2, stored.Version)
				require.Equal(t, row.Name, stored.Name)
				require.False(t, stored.UpdatedAt.IsZero())
			}
		})
		t.Run("do_nothing_returning_all", func(t *testing.T) {
			rows := append(crates("b", "a"), first[0], first[1])
			rows = append(rows, crates("a", "b", "a")[2])
			made := db.Clauses(clause.OnConflict{DoNothing: true}, clause.Returning{}).Create(&rows)
			require.NoError(t, made.Error)
			require.EqualValues(t, 3, made.RowsAffected)
			var got []string
			for _, row := range rows {
				require.NotZero(t, row.ID)
				got = append(got, row.TenantID+row.Name)
			}
			require.Equal(t, []string{"bcrate 0", "acrate 1", "acrate 2"}, got)
		})
		t.Run("maps", func(t *testing.T) {
			for _, create := range []func(*[]map[string]any) *gorm.DB{
				func(rows *[]map[string]any) *gorm.DB { return db.Model(&Crate{}).Create(rows) },
				func(rows *[]map[string]any) *gorm.DB { return db.Table("crates").Create(rows) },
				func(rows *[]map[string]any) *gorm.DB { return db.Table("crates").Create(*rows) },
			} {
				made := create(&[]map[string]any{
					{"tenant_id": "a", "name": "m0"},
					{"tenant_id": "b", "name": "m1"},
					{"tenant_id": "a", "name": "m2"},
					{"tenant_id": gorm.Expr("'c'"), "name": "m3"},
				})
				require.NoError(t, made.Error)
				require.EqualValues(t, 4, made.RowsAffected)
				var stored []Crate
				require.NoError(t, db.Order("name").Find(&stored, "name LIKE 'm%'").Error)
				require.Len(t, stored, 4)
				var got []string
				for _, row := range stored {
					got = append(got, row.TenantID+row.Name)
				}
				require.Equal(t, []string{"am0", "bm1", "am2", "cm3"}, got)
				require.NoError(t, db.Delete(&stored).Error)
			}
		})
		t.Run("not_to_be_created", func(t *testing.T) {
			rows := []*Crate{&crates("a")[0], nil, &crates("b")[0]}
			require.ErrorIs(t, db.Create(&rows).Error, gorm.ErrInvalidData)
			require.ErrorIs(t, db.Create(&[]Crate{}).Error, gorm.ErrEmptySlice)
		})
	})
}
