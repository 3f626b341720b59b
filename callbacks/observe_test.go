package callbacks_test

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/internal/testing/race"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// absent stands under the name of the plugin, so that models do not miss it.
type absent struct{}

func (absent) Name() string              { return models.PluginName }
func (absent) Initialize(*gorm.DB) error { return nil }

// tape records every text that is sent, with its arguments.
type tape struct {
	gorm.ConnPool
	lines *[]string
}

// tapePool is the tape of a pool, which begins transactions.
type tapePool struct{ tape }

// savepoint is a name that GORM makes from where a function is in memory.
var savepoint = regexp.MustCompile(`\bsp\d+`)

func (p tape) note(query string, args []any) {
	line := savepoint.ReplaceAllString(query, "sp")
	for _, arg := range args {
		if value := reflect.ValueOf(arg); value.Kind() == reflect.Pointer && !value.IsNil() {
			arg = value.Elem().Interface()
		}
		line += fmt.Sprintf(" | %T %v", arg, arg)
	}
	*p.lines = append(*p.lines, line)
}

func (p tape) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	p.note(query, args)
	return p.ConnPool.ExecContext(ctx, query, args...)
}

func (p tape) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	p.note(query, args)
	return p.ConnPool.QueryContext(ctx, query, args...)
}

func (p tape) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	p.note(query, args)
	return p.ConnPool.QueryRowContext(ctx, query, args...)
}

func (p tapePool) BeginTx(ctx context.Context, options *sql.TxOptions) (gorm.ConnPool, error) {
	p.note("BEGIN", nil)
	tx, err := p.ConnPool.(gorm.TxBeginner).BeginTx(ctx, options)
	return &tapeTx{tape{tx, p.lines}}, err
}

type tapeTx struct{ tape }

func (p *tapeTx) Commit() error {
	p.note("COMMIT", nil)
	return p.ConnPool.(gorm.TxCommitter).Commit()
}

func (p *tapeTx) Rollback() error {
	p.note("ROLLBACK", nil)
	return p.ConnPool.(gorm.TxCommitter).Rollback()
}

// observed opens the rows of a database once more, with a plugin, and records what is sent.
func observed(
	t *testing.T, open func(*gorm.Config) *gorm.DB, plain *gorm.DB, plugin gorm.Plugin,
) (*Env, *[]string) {
	t.Helper()
	lines := &[]string{}
	db := open(&gorm.Config{
		NowFunc: func() time.Time { return time.Unix(1_800_000_000, 0) },

		DisableForeignKeyConstraintWhenMigrating: true,
	})
	require.NoError(t, db.Use(plugin))
	db.Config.ConnPool = tapePool{tape{db.ConnPool, lines}}
	db.Statement.ConnPool = db.Config.ConnPool
	return Over(db, map[string]*gorm.DB{A: plain, B: plain}, false), lines
}

// inOrder sorts what was sent, and the arguments of each: GORM deletes associations in the order of
// a map, and preloads in the order in which Postgres returns rows.
func inOrder(lines []string) {
	for i, line := range lines {
		parts := strings.Split(line, " | ")
		slices.Sort(parts[1:])
		lines[i] = strings.Join(parts, " | ")
	}
	slices.Sort(lines)
}

// ends runs what may end its test, and waits for it.
func ends(run func(t *testing.T)) {
	var wg sync.WaitGroup
	wg.Go(func() {
		defer func() { _ = recover() }() // The test of the run is none that go test knows.
		run(new(testing.T))
	})
	wg.Wait()
}

// TestObserve_changes_nothing makes every statement and attack, as A, as nobody and with a default,
// and compares what is sent with what an application without the plugin sends.
func TestObserve_changes_nothing(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		plain := open(&gorm.Config{DisableForeignKeyConstraintWhenMigrating: true})
		require.NoError(t, plain.AutoMigrate(Models()...))
		without, wanted := observed(t, open, plain, absent{})
		findings := 0
		found := func(context.Context, tenantplugin.Finding) { findings++ }
		with, sent := observed(t, open, plain, tenantplugin.New(
			tenantplugin.Observe(found), tenantplugin.Models(Models()...)))
		compare := func(t *testing.T, name string, one, other func(t *testing.T, e *Env)) {
			t.Helper()
			*wanted, *sent = nil, nil
			without.Seed(t)
			ends(func(t *testing.T) { one(t, without) })
			with.Seed(t)
			ends(func(t *testing.T) { other(t, with) })
			if !slices.Equal(*wanted, *sent) {
				inOrder(*wanted)
				inOrder(*sent)
				require.Equal(t, strings.Join(*wanted, "\n"), strings.Join(*sent, "\n"), name)
			}
		}
		nothing := 0
		for _, ctx := range []context.Context{context.Background(), with.A} {
			for _, s := range statements {
				run := func(_ *testing.T, e *Env) { _ = s.run(e.DB.WithContext(ctx)) }
				compare(t, s.name, run, run)
				if len(*sent) == 0 {
					nothing++
				}
			}
		}
		require.Zero(t, nothing, "statements that sent nothing")
		if race.Enabled { // see racedLevels
			return
		}
		again := attackLists() // GORM writes keys into the maps of an attack.
		for i, l := range attackLists() {
			for j, a := range l.attacks {
				compare(t, l.name+"/"+a.name,
					func(t *testing.T, e *Env) { _ = a.run(t, e) },
					func(t *testing.T, e *Env) { _ = again[i].attacks[j].run(t, e) })
			}
		}
		require.Positive(t, findings)
	})
}

// TestObserve_reports_each_statement: what fails or differs with the plugin is a finding.
func TestObserve_reports_each_statement(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		plain := open(&gorm.Config{DisableForeignKeyConstraintWhenMigrating: true})
		require.NoError(t, plain.AutoMigrate(Models()...))
		var findings []tenantplugin.Finding
		e, _ := observed(t, open, plain, tenantplugin.New(
			tenantplugin.Models(Models()...),
			tenantplugin.Observe(func(_ context.Context, f tenantplugin.Finding) {
				findings = append(findings, f)
			})))
		for _, s := range statements {
			if strings.HasPrefix(s.name, "table_") && strings.HasSuffix(s.name, "rows") {
				continue // made in the same place as rows
			}
			e.Seed(t)
			findings = nil
			_ = s.run(e.DB)
			require.NotEmpty(t, findings, s.name)
			for _, f := range findings {
				require.Equal(t, tenantplugin.Refused, f.Kind, s.name)
				require.Contains(t, f.Advice, "no tenant in the context", s.name)
				require.Contains(t, f.Caller, "no_tenant_test.go:", s.name)
				require.NotEmpty(t, f.Table, s.name)
				require.NotEmpty(t, f.SQL, s.name)
				require.Empty(t, f.Scoped, s.name)
			}
			findings = nil
			_ = s.run(e.As())
			require.NotEmpty(t, findings, s.name)
			for _, f := range findings {
				require.NotEqual(t, tenantplugin.Refused, f.Kind, "%s: %v", s.name, f)
				require.NotEmpty(t, f.Scoped, s.name)
			}
			before := len(findings)
			_ = s.run(e.As())
			require.Len(t, findings, before, "%s: each place is told once", s.name)
		}
		findings = nil
		require.NoError(t, e.DB.Find(&[]Country{}).Error)
		require.NoError(t, e.DB.WithContext(gormtenant.Unscoped(e.A, "x")).Find(&[]Tag{}).Error)
		require.NoError(t, e.DB.AutoMigrate(Models()...))
		e.DB.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Find(&[]Tag{}) })
		require.Empty(t, findings)
	})
}

// TestOnly enforces one model, and reports the others.
func TestOnly(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		plain := open(&gorm.Config{DisableForeignKeyConstraintWhenMigrating: true})
		require.NoError(t, plain.AutoMigrate(Models()...))
		var findings []tenantplugin.Finding
		e, sent := observed(t, open, plain, tenantplugin.New(
			tenantplugin.Only(&Project{}),
			tenantplugin.Models(Models()...),
			tenantplugin.Observe(func(_ context.Context, f tenantplugin.Finding) {
				findings = append(findings, f)
			})))
		e.Seed(t)
		require.ErrorIs(t, e.DB.Find(&[]Project{}).Error, gormtenant.ErrNoTenant)
		err := e.DB.Exec("UPDATE projects SET name = 'x'").Error
		require.ErrorIs(t, err, gormtenant.ErrNoTenant)
		keys, err := find(e.As())
		require.NoError(t, err)
		require.Equal(t, []uint{1, 2}, keys)
		require.Empty(t, findings, "what is enforced is no finding")

		*sent = nil
		var tasks []Task
		require.NoError(t, e.DB.Find(&tasks).Error)
		require.Len(t, tasks, 4)
		require.NotContains(t, strings.Join(*sent, "\n"), "tenant_id")
		require.Len(t, findings, 1)
		require.Equal(t, "tasks", findings[0].Table)

		require.NoError(t, e.As().Preload("Tasks").Joins("Owner").Find(&[]Project{}).Error)
		require.Len(t, findings, 3, "the join of users, and the tasks that are preloaded")
	})
}
