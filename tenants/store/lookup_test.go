package store_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/store"
)

// counter is a logger that counts statements, and the most rows that one of them gave.
type counter struct {
	logger.Interface
	statements, mostRows atomic.Int64
}

func (c *counter) LogMode(logger.LogLevel) logger.Interface { return c }

func (c *counter) Trace(_ context.Context, _ time.Time, statement func() (string, int64), _ error) {
	c.statements.Add(1)
	if _, rows := statement(); rows > c.mostRows.Load() {
		c.mostRows.Store(rows)
	}
}

// take returns the number of statements since the last call.
func (c *counter) take() int64 { return c.statements.Swap(0) }

// counted is a database whose statements are counted.
func counted(t *testing.T, test func(t *testing.T, db *gorm.DB, c *counter)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		c := &counter{Interface: logger.Discard}
		db := open(&gorm.Config{Logger: c})
		require.NoError(t, newStore(t, db).Migrate(t.Context()))
		test(t, db, c)
	})
}

func TestLookup_is_one_statement(t *testing.T) {
	t.Parallel()
	counted(t, func(t *testing.T, db *gorm.DB, c *counter) {
		s := newStore(t, db)
		create(t, s, acme())
		c.take()
		for _, identifier := range []string{"t-1", "acme", "acme.org"} {
			lookup(t, s, identifier)
			require.EqualValues(t, 1, c.take(), identifier)
		}
		_, err := s.Lookup(t.Context(), "nobody")
		require.ErrorIs(t, err, tenants.ErrNotFound)
		require.EqualValues(t, 1, c.take())
	})
}

var hostile = map[string]string{
	"empty":         "",
	"space":         " ",
	"nul":           "acme\x00",
	"only_nul":      "\x00",
	"not_utf8":      "acme\xff",
	"half_a_rune":   "\xc3",
	"huge":          strings.Repeat("a", 1<<20),
	"one_too_long":  strings.Repeat("a", 256),
	"sql":           "' OR 1 = 1 --",
	"wildcard":      "%",
	"not_ascii":     "acmé",
	"full_width":    "ａｃｍｅ",
	"line_break":    "acme\n",
	"path":          "../acme",
	"host_and_port": "[::1]:80",
}

func TestLookup_sends_nothing_for_what_is_nobodys_name(t *testing.T) {
	t.Parallel()
	counted(t, func(t *testing.T, db *gorm.DB, c *counter) {
		s := newStore(t, db)
		create(t, s, acme())
		c.take()
		for name, identifier := range hostile {
			_, err := s.Lookup(t.Context(), identifier)
			require.ErrorIs(t, err, tenants.ErrNotFound, name)
			require.EqualValues(t, 0, c.take(), name)
		}
	})
}

func TestLookup_takes_names_byte_for_byte(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *gorm.DB, s *store.Store) {
		create(t, s, acme())
		for _, other := range []string{
			"ACME", "T-1", "acme.org.", "Acme.org", "acme.orgx", "xacme", "acme_", "Acme",
		} {
			_, err := s.Lookup(t.Context(), other)
			require.ErrorIs(t, err, tenants.ErrNotFound, other)
		}
	})
}

// A directory that fails must not look like one that has no such tenant.
func TestLookup_error_is_not_ErrNotFound(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *gorm.DB, s *store.Store) {
		tenant := create(t, s, acme())
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		fails := func(ctx context.Context, want error) {
			_, lookupErr := s.Lookup(ctx, "acme")
			_, countErr := s.Count(ctx)
			var listErr error
			for _, listErr = range s.List(ctx, "") {
				require.Error(t, listErr)
			}
			passed := *tenant
			for _, err := range []error{
				lookupErr, countErr, listErr, s.Update(ctx, &passed), s.Suspend(ctx, "t-1"),
				s.Create(ctx, &tenants.Tenant{Slug: "x"}),
			} {
				require.Error(t, err)
				require.NotErrorIs(t, err, tenants.ErrNotFound)
				require.ErrorContains(t, err, "gormtenant: ")
				if want != nil {
					require.ErrorIs(t, err, want)
				}
			}
		}
		fails(ended, context.Canceled)
		require.NoError(t, db.Exec("UPDATE gormtenant_tenants SET limits = '{'").Error)
		_, err := s.Lookup(t.Context(), "acme")
		require.Error(t, err)
		require.NotErrorIs(t, err, tenants.ErrNotFound)
		require.NoError(t, db.Exec("DROP TABLE gormtenant_domains").Error)
		require.NoError(t, db.Exec("DROP TABLE gormtenant_names").Error)
		require.NoError(t, db.Exec("DROP TABLE gormtenant_tenants").Error)
		fails(t.Context(), nil)
	})
}
