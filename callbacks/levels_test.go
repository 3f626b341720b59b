package callbacks_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/internal/testing/dbtest/levels"
	"github.com/gormtenant/gormtenant/internal/testing/race"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// attackLists are the lists of all files. A list of gorm.G is in genericLists.
func attackLists() []attackList {
	return append(genericLists(),
		everyday(), associationKeysOfAnother(), associationsOfAnother(), checkedReferences(),
		uncheckedReferences(), cancelledContexts(), hostileTables(), borrowedTableNames(),
		hostileNames(), failedWrites(), hooks(), skippedHooks(), creates(), deletes(),
		expressions(), opaqueClauses(), orConditions(), saves(), stolenAssociations(),
		selectedColumns(), deletedJoinRows(), nestedCreates(), derivedTables(), nestedJoins(),
		updatesFrom(), columnsInAnotherCase(), fromClauses(), idsOfTwoTypes(), idsInUpdates(),
		joins(), preloads(), statementScopes(), splitTexts(), maskedIDs(), rawSQL(), reads(),
		readsOfOne(), joinRowsByHand(), assignedReferences(), failingLookups(), subqueries(),
		updates(), tenantChanges(), upserts(), upsertTexts(), unusualArguments(),
		harmlessStatements(), overlookedWrites(), overlookedReferences(),
	)
}

// attackedLevels are where the attacks are made. What GORM writes is the same at the three levels
// where tenants have tables of their own on Postgres, and so are the errors: all attacks run where
// roles hold the tenants' schemas, and the other two get raw SQL alone, which each of them holds in
// its own way.
var attackedLevels = []struct {
	name string
	open func(t *testing.T, name string) opener
	raw  bool // raw SQL alone
	// lists are the only ones that are made there, nil for all.
	lists []string
}{
	{name: "sqlite", open: inSharedTables},
	{name: "postgres", open: inSharedTables},
	{name: "mysql", open: inSharedTables},
	{name: "mysql_without_returning", open: inSharedTables, lists: []string{
		"everyday", "association_with_the_key_of_another", "association_of_another",
		"save_writes_every_column_and_then_upserts", "upsert", "upsert_texts",
	}},
	{name: "rows_rls", open: byRouter},
	{name: "schema", open: byRouter, raw: true},
	{name: "schema_roles", open: byRouter},
	{name: "database_postgres", open: byRouter, raw: true},
	{name: "database_sqlite", open: byRouter},
}

// racedLevels are those where the race detector looks. It slows the attacks down several times
// over, and they run in one goroutine.
var racedLevels = []string{"sqlite", "postgres", "schema", "database_sqlite"}

// TestLevels makes all attacks at all levels of isolation: the rows of B are the same afterwards,
// and what A may do, it may do there. One list alone is -run 'TestLevels//upsert'.
func TestLevels(t *testing.T) {
	t.Parallel()
	for _, level := range attackedLevels {
		if testing.Short() && !strings.HasSuffix(level.name, "sqlite") ||
			race.Enabled && !slices.Contains(racedLevels, level.name) {
			continue
		}
		t.Run(level.name, func(t *testing.T) {
			t.Parallel()
			open := level.open(t, level.name)
			for _, l := range attackLists() {
				if level.lists != nil && !slices.Contains(level.lists, l.name) {
					continue
				}
				t.Run(l.name, func(t *testing.T) {
					e := open(t, l.options...)
					if !level.raw {
						for _, a := range l.attacks {
							t.Run(a.name, func(t *testing.T) { a.try(t, e) })
						}
					}
					if e.Own || e.Held {
						t.Run("raw", func(t *testing.T) { letThrough(t, open, l) })
					}
				})
			}
		})
	}
}

// letThrough runs the attacks with raw SQL where raw SQL is let through, and the database is all
// that keeps tenants apart: nothing of B is changed or seen, whatever comes of the attack.
func letThrough(t *testing.T, open opener, l attackList) {
	t.Helper()
	e := open(t, append(slices.Clone(l.options), tenantplugin.AllowRawSQL())...)
	for _, a := range l.attacks {
		if !a.alone && !errors.Is(a.want, gormtenant.ErrRawSQL) {
			continue
		}
		if e.Held && strings.Contains(a.name, "shared_table") {
			continue // everyone may change it
		}
		t.Run(a.name, func(t *testing.T) {
			outcome, _ := e.Attack(t, func() error { return a.run(t, e) })
			require.NotContains(t, strings.Join(outcome.Read, "\n"), B)
		})
	}
}

// opener opens a level with the plugin.
type opener func(t *testing.T, options ...tenantplugin.Option) *Env

// inSharedTables is a database with the tables of all tenants, and nothing but the plugin.
func inSharedTables(t *testing.T, name string) opener {
	t.Helper()
	open := On(t, name)
	plain := open(&gorm.Config{DisableForeignKeyConstraintWhenMigrating: true})
	require.NoError(t, plain.AutoMigrate(Models()...))
	alone := Alone(t, name)
	return func(t *testing.T, options ...tenantplugin.Option) *Env {
		t.Helper()
		db := open(&gorm.Config{})
		use(t, db, options)
		e := Over(db, map[string]*gorm.DB{A: plain, B: plain}, false)
		e.Alone = alone
		return e
	}
}

// byRouter is a level of isolation behind an isolation.Router.
func byRouter(t *testing.T, name string) opener {
	t.Helper()
	p := levels.Open(t, name, levels.Setup{
		Tenants: []string{A, B}, Models: ofTenants(),
		Migrate: func(db *gorm.DB) error { return db.AutoMigrate(Models()...) },
	})
	alone := Alone(t, p.Plain[A].Name())
	return func(t *testing.T, options ...tenantplugin.Option) *Env {
		t.Helper()
		db := p.Open(t, &gorm.Config{DisableForeignKeyConstraintWhenMigrating: true})
		use(t, db, options)
		e := Over(db, p.Plain, p.Own)
		e.Held = p.RawSQL && !p.Own
		e.Alone = alone
		return e
	}
}

func use(t *testing.T, db *gorm.DB, options []tenantplugin.Option) {
	t.Helper()
	options = append(slices.Clone(options), tenantplugin.Models(Models()...))
	require.NoError(t, db.Use(tenantplugin.New(options...)))
}

// ofTenants are the models with a tenant.
func ofTenants() []any {
	return slices.DeleteFunc(Models(), func(model any) bool {
		_, shared := model.(*Country)
		return shared
	})
}
