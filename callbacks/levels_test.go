package callbacks_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/internal/testing/dbtest/levels"
	"github.com/gormtenant/gormtenant/internal/testing/race"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// attackList is what one test gave to attacks.
type attackList struct {
	test    string
	attacks []attack
	options []tenantplugin.Option
}

var atLevels struct {
	sync.Mutex
	lists []attackList
}

// addToLevels remembers a list for TestLevels. Tests call it before they become parallel, so that the lists
// of all are there when TestLevels goes on.
func addToLevels(test string, list []attack, options []tenantplugin.Option) {
	atLevels.Lock()
	defer atLevels.Unlock()
	atLevels.lists = append(atLevels.lists, attackList{test, list, options})
}

// TestLevels runs the lists of attacks of all tests that are run at the levels of isolation beyond shared
// tables: the rows of B are the same afterwards, and what A may do, it may do there.
func TestLevels(t *testing.T) {
	t.Parallel()
	atLevels.Lock()
	lists := slices.Clone(atLevels.lists)
	atLevels.Unlock()
	if len(lists) == 0 {
		t.Skip("runs the attacks of the tests that are run: -run '/schema_roles' runs one level alone")
	}
	for _, name := range levels.Names {
		onSQLite := strings.HasSuffix(name, "sqlite")
		if name == "rows_sqlite" || name == "rows_postgres" || testing.Short() && !onSQLite || race.Enabled && name != "database_sqlite" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := levels.Open(t, name, levels.Setup{
				Tenants: []string{A, B}, Models: ofTenants(),
				Migrate: func(db *gorm.DB) error { return db.AutoMigrate(Models()...) },
			})
			for _, l := range lists {
				t.Run(l.test, func(t *testing.T) {
					e := openAt(t, p, l.options...)
					for _, a := range l.attacks {
						t.Run(a.name, func(t *testing.T) {
							if slices.Contains(onlyShared, l.test+"/"+a.name) {
								t.Skip("works in shared tables without policies only")
							}
							a.try(t, e)
						})
					}
					if p.RawSQL {
						t.Run("raw", func(t *testing.T) { letThrough(t, p, l) })
					}
				})
			}
		})
	}
}

// onlyShared are uses, right ones, that work across tenants or without one. The other levels refuse that, or
// have nothing there.
var onlyShared = []string{
	"TestCreate/unscoped_with_a_tenant", "TestOpaqueClauses/set_across_tenants", "TestScopes/unscoped",
	"TestScopes/they_do_not_last", "TestRawSQL/unscoped", "TestRawSQL/shared_table", "TestSubquery/unscoped_with_a_reason",
	"TestUpsert_texts/unscoped_over_its_own_row", "TestLoose/comment_across_tenants",
	"TestLoose/condition_behind_that_of_all_tenants", "TestLoose/subquery_of_a_tenant_across_tenants",
	"TestLoose/several_tables_across_tenants",
}

// letThrough runs the attacks with raw SQL where raw SQL is let through, and the database is all that keeps
// tenants apart: nothing of B is changed or seen, whatever comes of the attack.
func letThrough(t *testing.T, p *levels.Places, l attackList) {
	t.Helper()
	e := openAt(t, p, append(slices.Clone(l.options), tenantplugin.AllowRawSQL())...)
	var seen strings.Builder
	require.NoError(t, e.DB.Callback().Query().After("gorm:after_query").Register("test:seen", func(db *gorm.DB) {
		text, _ := json.Marshal(db.Statement.Dest) // what cannot be written has no text
		seen.Write(text)
	}))
	for _, a := range l.attacks {
		if !errors.Is(a.want, gormtenant.ErrRawSQL) || e.Held && strings.Contains(a.name, "shared_table") {
			continue // what is of all is changed by all
		}
		t.Run(a.name, func(t *testing.T) {
			e.Seed(t)
			theirs := e.Rows(t, B)
			seen.Reset()
			_ = a.run(t, e)
			require.Equal(t, theirs, e.Rows(t, B), "the rows of B")
			require.NotContains(t, seen.String(), B)
		})
	}
}

// openAt opens a level with the plugin.
func openAt(t *testing.T, p *levels.Places, options ...tenantplugin.Option) *Env {
	t.Helper()
	db := p.Open(t, &gorm.Config{DisableForeignKeyConstraintWhenMigrating: true})
	require.NoError(t, db.Use(tenantplugin.New(append(options, tenantplugin.Models(Models()...))...)))
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
