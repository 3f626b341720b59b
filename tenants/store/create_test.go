package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/store"
)

func TestCreate_stores_all_fields(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, db *gorm.DB, _ *store.Store) {
		s := newStore(t, db, store.Clock(clock))
		created := create(t, s, acme())
		want := acme()
		want.Status = tenants.Active
		want.CreatedAt = time.Date(2026, 1, 2, 2, 4, 5, 6_000, time.UTC)
		want.UpdatedAt = want.CreatedAt
		require.Equal(t, want, created)
		for _, identifier := range []string{"t-1", "acme", "projects.acme.com", "acme.org"} {
			require.Equal(t, want, lookup(t, s, identifier), identifier)
		}
	})
}

func TestCreate_fills_what_is_left_out(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *gorm.DB, s *store.Store) {
		created := create(t, s, &tenants.Tenant{Slug: "acme"})
		id, err := uuid.Parse(created.ID)
		require.NoError(t, err)
		require.EqualValues(t, 7, id.Version())
		require.Equal(t, tenants.Active, created.Status)
		require.Equal(t, "free", created.Plan)
		require.WithinDuration(t, time.Now(), created.CreatedAt, time.Minute)
		require.Equal(t, created, lookup(t, s, "acme"))
		require.NotEqual(t, created.ID, create(t, s, &tenants.Tenant{Slug: "zeta"}).ID)
	})
}

func TestCreate_writes_domains_in_lower_case_and_ascii(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *gorm.DB, s *store.Store) {
		given := []string{"Projects.ACME.com.", "bücher.example"}
		created := create(t, s, &tenants.Tenant{Slug: "acme", Domains: given})
		require.Equal(t, []string{"projects.acme.com", "xn--bcher-kva.example"}, created.Domains)
		require.Equal(t, []string{"Projects.ACME.com.", "bücher.example"}, given,
			"the caller's slice")
		require.Equal(t, created, lookup(t, s, "xn--bcher-kva.example"))
	})
}

func TestCreate_lets_a_tenant_use_one_name_twice(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *gorm.DB, s *store.Store) {
		create(t, s, &tenants.Tenant{ID: "acme", Slug: "acme"})
		create(t, s, &tenants.Tenant{ID: "zeta.com", Slug: "zeta", Domains: []string{"zeta.com"}})
		require.Equal(t, "zeta", lookup(t, s, "zeta.com").Slug)
	})
}

func TestCreate_refuses_what_another_tenant_is_found_by(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name        string
		given       tenants.Tenant
		field, says string
	}{
		{"same_id", tenants.Tenant{ID: "t-1", Slug: "x"}, "ID", `"t-1"`},
		{"same_slug", tenants.Tenant{ID: "x", Slug: "acme"}, "Slug", `"acme"`},
		{
			"same_domain",
			tenants.Tenant{ID: "x", Slug: "x", Domains: []string{"new.com", "ACME.org"}},
			"Domains", `"acme.org"`,
		},
		{"slug_is_their_id", tenants.Tenant{ID: "x", Slug: "t-1"}, "Slug", `"t-1"`},
		{"id_is_their_slug", tenants.Tenant{ID: "acme", Slug: "x"}, "ID", `"acme"`},
		{"id_is_their_name", tenants.Tenant{ID: "acme.org", Slug: "x"}, "ID", `"acme.org"`},
		{
			"domain_is_their_id",
			tenants.Tenant{ID: "x", Slug: "x", Domains: []string{"id.net"}},
			"Domains", `"id.net"`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, db *gorm.DB, s *store.Store) {
				create(t, s, acme())
				create(t, s, &tenants.Tenant{ID: "id.net", Slug: "zeta"})
				before := content(t, db)
				given := test.given
				err := s.Create(t.Context(), &given)
				requireField(t, err, store.ErrTaken, test.field, test.says)
				require.NotContains(t, err.Error(), "Acme Ltd")
				require.Equal(t, test.given, given)
				require.Equal(t, before, content(t, db))
			})
		})
	}
}

func TestCreate_refuses_bad_input(t *testing.T) {
	t.Parallel()
	type tenant = tenants.Tenant
	year := func(n int) *time.Time { at := time.Date(n, 1, 1, 0, 0, 0, 0, time.UTC); return &at }
	cases := []struct {
		name        string
		given       *tenant
		field, says string
	}{
		{"id_with_nul", &tenant{ID: "a\x00b", Slug: "x"}, "ID", "letters"},
		{"id_not_utf8", &tenant{ID: "a\xffb", Slug: "x"}, "ID", "letters"},
		{"id_with_space", &tenant{ID: "a b", Slug: "x"}, "ID", "letters"},
		{"id_climbs_directories", &tenant{ID: "../../etc", Slug: "x"}, "ID", "letters"},
		{
			"id_is_sql", &tenant{ID: "x'; DROP TABLE gormtenant_names; --", Slug: "x"}, "ID",
			"letters",
		},
		{"id_huge", &tenant{ID: strings.Repeat("a", 1<<20), Slug: "x"}, "ID", "at most 255"},
		{"id_reserved", &tenant{ID: "Admin", Slug: "x"}, "ID", "reserved"},
		{"slug_missing", &tenant{}, "Slug", "missing"},
		{"slug_upper_case", &tenant{Slug: "Acme"}, "Slug", "a to z"},
		{"slug_with_dot", &tenant{Slug: "a.b"}, "Slug", "a to z"},
		{"slug_with_underscore", &tenant{Slug: "a_b"}, "Slug", "a to z"},
		{"slug_not_ascii", &tenant{Slug: "bücher"}, "Slug", "a to z"},
		{"slug_not_utf8", &tenant{Slug: "a\xff"}, "Slug", "a to z"},
		{"slug_with_nul", &tenant{Slug: "a\x00"}, "Slug", "a to z"},
		{"slug_leading_hyphen", &tenant{Slug: "-a"}, "Slug", "a to z"},
		{"slug_trailing_hyphen", &tenant{Slug: "a-"}, "Slug", "a to z"},
		{"slug_punycode", &tenant{Slug: "xn--bcher-kva"}, "Slug", "third and fourth"},
		{"slug_too_long", &tenant{Slug: strings.Repeat("a", 64)}, "Slug", "at most 63"},
		{"slug_huge", &tenant{Slug: strings.Repeat("a", 1<<20)}, "Slug", "at most 63"},
		{"slug_reserved", &tenant{Slug: "www"}, "Slug", "reserved"},
		{"slug_reserved_by_option", &tenant{Slug: "partner"}, "Slug", "reserved"},
		{
			"domain_reserved", &tenant{Slug: "x", Domains: []string{"example.com"}}, "Domains",
			"reserved",
		},
		{
			"domain_below_reserved", &tenant{Slug: "x", Domains: []string{"a.app.EXAMPLE.com"}},
			"Domains", "reserved",
		},
		{
			"domain_twice", &tenant{Slug: "x", Domains: []string{"a.com", "A.com."}}, "Domains",
			"twice",
		},
		{
			"domain_with_port", &tenant{Slug: "x", Domains: []string{"a.com:80"}}, "Domains",
			"host alone",
		},
		{"domains_too_many", &tenant{Slug: "x", Domains: make([]string, 1001)}, "Domains", "1001"},
		{"name_not_utf8", &tenant{Slug: "x", Name: "\xff"}, "Name", "UTF-8"},
		{"name_with_nul", &tenant{Slug: "x", Name: "a\x00"}, "Name", "control"},
		{"name_turned_around", &tenant{Slug: "x", Name: "Acme\u202emoc"}, "Name", "cannot be seen"},
		{"name_isolated", &tenant{Slug: "x", Name: "\u2066Acme\u2069"}, "Name", "cannot be seen"},
		{"name_zero_width_space", &tenant{Slug: "x", Name: "Ac\u200bme"}, "Name", "cannot be seen"},
		{
			"name_zero_width_joiner", &tenant{Slug: "x", Name: "Ac\u200dme"}, "Name",
			"cannot be seen",
		},
		{"name_byte_order_mark", &tenant{Slug: "x", Name: "\ufeffAcme"}, "Name", "cannot be seen"},
		{"name_soft_hyphen", &tenant{Slug: "x", Name: "Ac\u00adme"}, "Name", "cannot be seen"},
		{"name_filler", &tenant{Slug: "x", Name: "Acme\u3164"}, "Name", "cannot be seen"},
		{"name_tag", &tenant{Slug: "x", Name: "Acme\U000e0041"}, "Name", "cannot be seen"},
		{"name_line_separator", &tenant{Slug: "x", Name: "a\u2028b"}, "Name", "cannot be seen"},
		{
			"attribute_without_a_name",
			&tenant{Slug: "x", Attributes: map[string]string{"": "x"}}, "Attributes", "no name",
		},
		{
			"attribute_name_with_nul",
			&tenant{Slug: "x", Attributes: map[string]string{"\x00": "x"}}, "Attributes",
			"plain text",
		},
		{
			"attribute_too_long",
			&tenant{Slug: "x", Attributes: map[string]string{"x": strings.Repeat("x", 4097)}},
			"Attributes", "4096 bytes",
		},
		{"name_with_line_break", &tenant{Slug: "x", Name: "a\nb"}, "Name", "control"},
		{
			"name_too_long", &tenant{Slug: "x", Name: strings.Repeat("é", 256)}, "Name",
			"at most 255",
		},
		{"status_unknown", &tenant{Slug: "x", Status: "gone"}, "Status", "tenants.Active"},
		{
			"plan_unknown", &tenant{Slug: "x", Plan: "gold"}, "Plan",
			"enterprise, free, pro, starter",
		},
		{"plan_with_nul", &tenant{Slug: "x", Plan: "free\x00"}, "Plan", "enterprise"},
		{"expires_in_year_10000", &tenant{Slug: "x", ExpiresAt: year(10_000)}, "ExpiresAt", "9999"},
		{"expires_before_christ", &tenant{Slug: "x", ExpiresAt: year(-1)}, "ExpiresAt", "9999"},
		{
			"limit_without_name", &tenant{Slug: "x", Limits: tenants.Limits{"": 1}}, "Limits",
			"no name",
		},
		{
			"limit_with_nul", &tenant{Slug: "x", Limits: tenants.Limits{"a\x00": 1}}, "Limits",
			"plain text",
		},
		{
			"limit_not_utf8", &tenant{Slug: "x", Limits: tenants.Limits{"\xff": 1}}, "Limits",
			"plain text",
		},
		{
			"limit_name_too_long",
			&tenant{Slug: "x", Limits: tenants.Limits{strings.Repeat("a", 101): 1}}, "Limits",
			"100",
		},
		{
			"limit_below_unlimited", &tenant{Slug: "x", Limits: tenants.Limits{"a": -2}}, "Limits",
			"0 or more",
		},
	}
	each(t, func(t *testing.T, db *gorm.DB, _ *store.Store) {
		s := newStore(t, db, store.Reserved("partner", "Example.com"))
		for _, test := range cases {
			t.Run(test.name, func(t *testing.T) {
				given := *test.given
				requireField(t, s.Create(t.Context(), &given), store.ErrInvalid, test.field,
					test.says)
				require.Equal(t, *test.given, given)
			})
		}
		require.ErrorIs(t, s.Create(t.Context(), nil), store.ErrInvalid)
		require.ErrorIs(t, s.Update(t.Context(), nil), store.ErrInvalid)
		require.Empty(t, content(t, db))
	})
}

func TestCreate_takes_what_is_at_the_bounds(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *gorm.DB, s *store.Store) {
		label := strings.Repeat("a", 63)
		domains := []string{
			strings.Join([]string{label, label, label, strings.Repeat("a", 61)}, "."),
		}
		limits := tenants.Limits{strings.Repeat("l", 100): 1<<63 - 1}
		for len(domains) < 1000 {
			domains = append(domains,
				strings.Repeat("a", len(domains)%60)+"a.x"+strings.Repeat("b", len(domains)/60))
		}
		created := create(t, s, &tenants.Tenant{
			ID: strings.Repeat("I", 255), Slug: label, Name: strings.Repeat("é", 255),
			Domains: domains, Limits: limits,
		})
		require.Equal(t, created, lookup(t, s, domains[0]))
		require.Equal(t, created, lookup(t, s, domains[999]))
	})
}
