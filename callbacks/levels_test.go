package callbacks_test

import (
	"encoding/json"
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

// attackLists are those of all tests. A list of gorm.G is in genericLists.
func attackLists() []attackList {
	return append(genericLists(),
		associationKeysOfAnother(), associationsOfAnother(), checkedReferences(),
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

// beyondTables are the levels of isolation beyond shared tables. What GORM writes is the same at
// the three levels where tenants have tables of their own on Postgres, and so are the errors: all
// attacks run where roles hold the tenants' schemas, and the other two get raw SQL alone, which
// each of them holds in its own way.
var beyondTables = []struct {
	level string
	raw   bool // raw SQL alone
}{
	{level: "rows_rls"},
	{level: "schema", raw: true},
	{level: "schema_roles"},
	{level: "database_postgres", raw: true},
	{level: "database_sqlite"},
}

// TestLevels runs all lists at the levels of isolation beyond shared tables: the rows of B are the
// same afterwards, and what A may do, it may do there.
func TestLevels(t *testing.T) {
	t.Parallel()
	for _, at := range beyondTables {
		onSQLite := at.level == "database_sqlite"
		if (testing.Short() || race.Enabled) && !onSQLite {
			continue
		}
		t.Run(at.level, func(t *testing.T) {
			t.Parallel()
			p := levels.Open(t, at.level, levels.Setup{
				Tenants: []string{A, B}, Models: ofTenants(),
				Migrate: func(db *gorm.DB) error { return db.AutoMigrate(Models()...) },
			})
			for _, l := range attackLists() {
				t.Run(l.name, func(t *testing.T) {
					if !at.raw {
						e := openAt(t, p, l.options...)
						for _, a := range l.attacks {
							t.Run(a.name, func(t *testing.T) { a.try(t, e) })
						}
					}
					if p.RawSQL {
						t.Run("raw", func(t *testing.T) { letThrough(t, p, l) })
					}
				})
			}
		})
	}
}

// letThrough runs the attacks with raw SQL where raw SQL is let through, and the database is all
// that keeps tenants apart: nothing of B is changed or seen, whatever comes of the attack.
func letThrough(t *testing.T, p *levels.Places, l attackList) {
	t.Helper()
	e := openAt(t, p, append(slices.Clone(l.options), tenantplugin.AllowRawSQL())...)
	var seen strings.Builder
	query := e.DB.Callback().Query().After("gorm:after_query")
	require.NoError(t, query.Register("test:seen", func(db *gorm.DB) {
		text, _ := json.Marshal(db.Statement.Dest) // what cannot be written has no text
		seen.Write(text)
	}))
	for _, a := range l.attacks {
		if !errors.Is(a.want, gormtenant.ErrRawSQL) {
			continue
		}
		if e.Held && strings.Contains(a.name, "shared_table") {
			continue // everyone may change it
		}
		t.Run(a.name, func(t *testing.T) {
			seen.Reset()
			_, _ = e.Attack(t, func() error { return a.run(t, e) })
			require.NotContains(t, seen.String(), B)
		})
	}
}

// openAt opens a level with the plugin.
func openAt(t *testing.T, p *levels.Places, options ...tenantplugin.Option) *Env {
	t.Helper()
	db := p.Open(t, &gorm.Config{DisableForeignKeyConstraintWhenMigrating: true})
	options = append(slices.Clone(options), tenantplugin.Models(Models()...))
	require.NoError(t, db.Use(tenantplugin.New(options...)))
	e := Over(db, p.Plain, p.Own)
	e.Held = p.RawSQL && !p.Own
	return e
}

// ofTenants are the models with a tenant.
func ofTenants() []any {
	return slices.DeleteFunc(Models(), func(model any) bool {
		_, shared := model.(*Country)
		return shared
	})
}
