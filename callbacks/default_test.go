package callbacks_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/internal/testing/soak"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/scopes"
)

// TestDefaultTenant_attacks makes the attacks with a context that says nothing, where A is the
// default: it is held as A is.
func TestDefaultTenant_attacks(t *testing.T) {
	t.Parallel()
	attackDefault(t, inSharedTables(t, "sqlite"))
}

// TestDefaultTenant_soak does so on Postgres, without policies and with them.
func TestDefaultTenant_soak(t *testing.T) {
	soak.Skip(t)
	t.Run("postgres", func(t *testing.T) { attackDefault(t, inSharedTables(t, "postgres")) })
	t.Run("rows_rls", func(t *testing.T) { attackDefault(t, byRouter(t, "rows_rls")) })
}

// saysNothing are the attacks that fail only because there is no tenant in the context.
var saysNothing = []string{
	"with_no_tenant", "without_a_tenant_anywhere", "in_raw_sql_without_a_tenant",
	"raw_delete_without_a_tenant",
}

func attackDefault(t *testing.T, open opener) {
	t.Helper()
	for _, l := range attackLists() {
		t.Run(l.name, func(t *testing.T) {
			e := open(t, append(slices.Clone(l.options), tenantplugin.DefaultTenant(A))...)
			e.A = context.Background()
			for _, a := range l.attacks {
				t.Run(a.name, func(t *testing.T) {
					if a.name == "subquery_of_a_tenant_across_tenants" {
						t.Skip("what says nothing within what crosses tenants does so too")
					}
					if slices.Contains(saysNothing, a.name) {
						_, err := e.Attack(t, func() error { return a.run(t, e) })
						require.NotErrorIs(t, err, gormtenant.ErrNoTenant)
						return
					}
					a.try(t, e)
				})
			}
		})
	}
}

// TestDefaultTenant runs every statement with a context that says nothing: it does what it does as
// the tenant, and each is counted.
func TestDefaultTenant(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		config := func() *gorm.Config {
			return &gorm.Config{NowFunc: func() time.Time { return time.Unix(1_800_000_000, 0) }}
		}
		want := NewEnv(t, open, config())
		var events []tenantplugin.DefaultEvent
		got := Over(open(config()), map[string]*gorm.DB{A: want.Plain, B: want.Plain}, false)
		use(t, got.DB, []tenantplugin.Option{
			tenantplugin.DefaultTenant(A),
			tenantplugin.OnDefault(func(ctx context.Context, e tenantplugin.DefaultEvent) {
				require.False(t, gormtenant.Decided(ctx))
				events = append(events, e)
			}),
		})
		for _, s := range statements {
			t.Run(s.name, func(t *testing.T) {
				want.Seed(t)
				wanted, wantErr := want.Attack(t, func() error { return s.run(want.As()) })
				got.Seed(t)
				events = nil
				outcome, err := got.Attack(t, func() error { return s.run(got.DB) })
				require.Equal(t, wantErr, err)
				require.Equal(t, wanted.Read, outcome.Read)
				require.Equal(t, wanted.After, outcome.After)
				require.NotEmpty(t, events)
				for _, e := range events {
					require.Contains(t, e.Caller, "no_tenant_test.go:")
					require.NotEmpty(t, e.Operation)
					require.NotEmpty(t, e.Table)
				}
			})
		}
	})
}

// TestDefaultTenant_yields: it stands in for a context that says nothing, and for no other.
func TestDefaultTenant_yields(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		uses := 0
		e := NewEnv(t, open, &gorm.Config{}, tenantplugin.DefaultTenant(A),
			tenantplugin.OnDefault(func(context.Context, tenantplugin.DefaultEvent) { uses++ }))
		require.Zero(t, uses)
		for _, c := range []struct {
			name string
			ctx  context.Context
			want error
			keys []uint
			uses int
		}{
			{"nothing", context.Background(), nil, []uint{1, 2}, 1},
			{"tenant", e.B, nil, []uint{11, 12}, 0},
			{"empty", gormtenant.WithTenant(e.A, ""), gormtenant.ErrNoTenant, nil, 0},
			{"unscoped", gormtenant.Unscoped(e.A, "report"), nil, []uint{1, 2, 11, 12}, 0},
			{"no_reason", gormtenant.Unscoped(e.A, ""), gormtenant.ErrNoReason, nil, 0},
		} {
			t.Run(c.name, func(t *testing.T) {
				uses = 0
				var typed, raw []uint
				db := e.DB.WithContext(c.ctx)
				err := db.Model(&Project{}).Order("id").Pluck("id", &typed).Error
				require.ErrorIs(t, err, c.want)
				require.Equal(t, c.uses, uses)
				err = db.Raw("SELECT id FROM projects ORDER BY id").Scan(&raw).Error
				require.ErrorIs(t, err, c.want)
				require.Equal(t, 2*c.uses, uses)
				require.ElementsMatch(t, c.keys, typed)
				require.ElementsMatch(t, c.keys, raw)
			})
		}
		t.Run("scope_of_one_statement", func(t *testing.T) {
			keys, err := find(e.DB.Scopes(scopes.Tenant(B)))
			require.NoError(t, err)
			require.Equal(t, []uint{11, 12}, keys)
			keys, err = find(e.DB.Scopes(scopes.Unscoped("report")))
			require.NoError(t, err)
			require.Len(t, keys, 4)
		})
		t.Run("sub_query_within_another_tenant", func(t *testing.T) {
			var keys []uint
			own := e.DB.Model(&Project{}).Select("id")
			err := e.DB.WithContext(e.B).Model(&Task{}).Where("project_id IN (?)", own).
				Order("id").Pluck("id", &keys).Error
			require.NoError(t, err)
			require.Equal(t, []uint{11, 12}, keys)
		})
		t.Run("statement_that_is_used_again", func(t *testing.T) {
			uses = 0
			q := e.DB.Model(&Project{}).Where("budget > ?", 0)
			for range 2 {
				require.NoError(t, q.Count(new(int64)).Error)
				require.False(t, gormtenant.Decided(q.Statement.Context))
			}
			require.Equal(t, 2, uses)
		})
		t.Run("what_is_nobodys", func(t *testing.T) {
			uses = 0
			db := e.DB.Session(&gorm.Session{DryRun: false})
			require.NoError(t, db.Find(&[]Country{}).Error)
			require.NoError(t, db.Exec("UPDATE countries SET name = 'x' WHERE 1 = 0").Error)
			require.NoError(t, db.AutoMigrate(Models()...))
			sql := db.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Find(&[]Project{}) })
			require.Contains(t, sql, A)
			require.Zero(t, uses)
		})
		t.Run("id_in_raw_sql", func(t *testing.T) {
			id := scopes.ID(context.Background())
			text := "SELECT id FROM projects WHERE tenant_id = ? ORDER BY id"
			var keys []uint
			require.NoError(t, e.DB.Raw(text, id).Scan(&keys).Error)
			require.Equal(t, []uint{1, 2}, keys)
			insert := "INSERT INTO tags (id, tenant_id, label) VALUES (50, ?, 'x')"
			require.NoError(t, e.DB.Exec(insert, id).Error)
			require.Equal(t, A, e.Text(t, "SELECT tenant_id FROM tags WHERE id = 50"))
			_, err := find(e.DB.Where("tenant_id = ?", id))
			require.NoError(t, err)
			err = e.DB.WithContext(e.B).Raw(text, id).Scan(&keys).Error
			require.ErrorIs(t, err, gormtenant.ErrOtherTenant)
			for _, none := range []context.Context{
				gormtenant.WithTenant(e.A, ""), gormtenant.Unscoped(e.A, "report"),
			} {
				err = e.DB.Exec(strings.Replace(insert, "50", "51", 1), scopes.ID(none)).Error
				require.Error(t, err)
			}
		})
	})
}
