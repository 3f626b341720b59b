package resolve_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/resolve"
)

// noon is the time at which all tests run.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// directory counts how often it is asked.
type directory struct{ asked *[]string }

func (d directory) Lookup(_ context.Context, identifier string) (*tenants.Tenant, error) {
	if d.asked != nil {
		*d.asked = append(*d.asked, identifier)
	}
	switch identifier {
	case "1", "acme", "acme.com":
		return &tenants.Tenant{ID: "1", Slug: "acme", Status: tenants.Active}, nil
	case "2", "zeta":
		return &tenants.Tenant{ID: "2", Slug: "zeta", Status: tenants.Active}, nil
	case "3", "unpaid":
		return &tenants.Tenant{ID: "3", Status: tenants.Suspended}, nil
	case "4", "gone":
		return &tenants.Tenant{ID: "4", Status: tenants.Closed}, nil
	case "5", "trial":
		return &tenants.Tenant{ID: "5", Status: tenants.Active, ExpiresAt: &noon}, nil
	case "down":
		return nil, errors.New("connection refused")
	case "nothing":
		return nil, nil
	case "nameless":
		return &tenants.Tenant{Status: tenants.Active}, nil
	}
	return nil, tenants.ErrNotFound
}

func newResolver(options ...resolve.Option) *resolve.Resolver {
	return resolve.New(directory{},
		append(options, resolve.Clock(func() time.Time { return noon }))...)
}

func TestTenant(t *testing.T) {
	t.Parallel()
	token := func(id string) resolve.Candidate { return resolve.Claim("token", id) }
	slug := func(slug string) resolve.Candidate { return resolve.ClaimSlug("token", slug) }
	host := func(name string) resolve.Candidate { return resolve.Named("host", name) }
	fails := func(c resolve.Candidate, err error) resolve.Candidate {
		c.Err = err
		return c
	}
	errOwn := errors.New("own")
	for _, test := range []struct {
		name string
		said []resolve.Candidate
		kind resolve.Kind // 0 for tenant 1
		err  error
	}{
		{"claim", []resolve.Candidate{token("1")}, 0, nil},
		{"claim_and_name", []resolve.Candidate{token("1"), host("acme")}, 0, nil},
		{"name_and_claim", []resolve.Candidate{host("acme"), token("1")}, 0, nil},
		{"name_of_the_same_text", []resolve.Candidate{host("1"), token("1")}, 0, nil},
		{"claim_of_a_slug", []resolve.Candidate{slug("acme"), host("acme.com")}, 0, nil},
		{"what_says_nothing", []resolve.Candidate{{}, host(""), token("1"), {}, token("")}, 0, nil},

		{"nothing", nil, resolve.NoTenantNamed, resolve.ErrNoTenantNamed},
		{
			"nothing_said",
			[]resolve.Candidate{token(""), host("")},
			resolve.NoTenantNamed,
			resolve.ErrNoTenantNamed,
		},
		{
			"slug_as_an_id",
			[]resolve.Candidate{token("acme")},
			resolve.Unknown,
			tenants.ErrNotFound,
		},
		{
			"slug_as_an_id_behind_a_name",
			[]resolve.Candidate{host("acme"), token("acme")},
			resolve.Unknown, tenants.ErrNotFound,
		},
		{
			"domain_as_an_id",
			[]resolve.Candidate{host("acme"), token("acme.com")},
			resolve.Unknown, tenants.ErrNotFound,
		},
		{
			"name_of_another",
			[]resolve.Candidate{token("1"), host("zeta")},
			resolve.Disagree,
			resolve.ErrDisagree,
		},
		{
			"two_claims",
			[]resolve.Candidate{token("1"), token("2")},
			resolve.Disagree,
			resolve.ErrDisagree,
		},
		{
			"last_of_many",
			[]resolve.Candidate{token("1"), host("acme"), host("1"), host("zeta")},
			resolve.Disagree, resolve.ErrDisagree,
		},
		{
			"name_of_nobody",
			[]resolve.Candidate{token("1"), host("nobody")},
			resolve.Unknown,
			tenants.ErrNotFound,
		},
		{
			"only_a_name",
			[]resolve.Candidate{host("acme")},
			resolve.Unauthenticated,
			resolve.ErrUnauthenticated,
		},
		{
			"name_beside_an_empty_claim",
			[]resolve.Candidate{token(""), host("acme")},
			resolve.Unauthenticated, resolve.ErrUnauthenticated,
		},
		{
			"no_text",
			[]resolve.Candidate{token("1"), host("a\x00")},
			resolve.Malformed,
			resolve.ErrMalformed,
		},
		{
			"long",
			[]resolve.Candidate{token(strings.Repeat("1", 256))},
			resolve.Malformed,
			resolve.ErrMalformed,
		},
		{"suspended", []resolve.Candidate{token("3")}, resolve.Suspended, tenants.ErrSuspended},
		{"closed", []resolve.Candidate{token("4")}, resolve.Closed, tenants.ErrClosed},
		{"expired", []resolve.Candidate{token("5")}, resolve.Expired, tenants.ErrExpired},
		{"down", []resolve.Candidate{token("down")}, resolve.Unavailable, resolve.ErrUnavailable},
		{
			"neither_tenant_nor_error",
			[]resolve.Candidate{token("nothing")},
			resolve.Unavailable,
			resolve.ErrUnavailable,
		},
		{
			"tenant_without_an_id",
			[]resolve.Candidate{token("nameless")},
			resolve.Unavailable,
			resolve.ErrUnavailable,
		},
		{
			"forged",
			[]resolve.Candidate{host("acme"), fails(token("1"), errOwn)},
			resolve.Unauthenticated, errOwn,
		},
		{
			"not_readable",
			[]resolve.Candidate{token("1"), fails(host(""), errOwn)},
			resolve.Malformed, errOwn,
		},
		{
			"could_not_verify",
			[]resolve.Candidate{fails(token("1"), fmt.Errorf("%w: x", resolve.ErrUnavailable))},
			resolve.Unavailable, resolve.ErrUnavailable,
		},
		{
			"timed_out",
			[]resolve.Candidate{fails(token("1"), context.DeadlineExceeded)},
			resolve.Unavailable, context.DeadlineExceeded,
		},
		{
			"says_itself",
			[]resolve.Candidate{
				fails(host(""), &resolve.Error{Kind: resolve.Unknown, Err: errOwn}), token("1"),
			},
			resolve.Unknown, errOwn,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			found, err := newResolver().Tenant(t.Context(),
				resolve.Request{Candidates: test.said})
			if test.kind == 0 {
				require.NoError(t, err)
				require.Equal(t, "1", found.ID)
				return
			}
			require.Nil(t, found)
			require.ErrorIs(t, err, test.err)
			require.Equal(t, test.kind, kindOf(t, err))
		})
	}
}

func kindOf(t *testing.T, err error) resolve.Kind {
	t.Helper()
	var refused *resolve.Error
	require.ErrorAs(t, err, &refused)
	require.NotEmpty(t, refused.Kind.String())
	require.NotEmpty(t, refused.Kind.Detail())
	return refused.Kind
}

// Without anything that vouches the directory is not asked.
func TestTenant_does_not_ask_for_strangers(t *testing.T) {
	t.Parallel()
	var asked []string
	r := resolve.New(directory{&asked})
	request := resolve.Request{Candidates: []resolve.Candidate{resolve.Named("host", "acme")}}
	_, err := r.Tenant(t.Context(), request)
	require.Equal(t, resolve.Unauthenticated, kindOf(t, err))
	request.Authenticated = true
	_, err = r.Tenant(t.Context(), request)
	require.Equal(t, resolve.NotAuthorized, kindOf(t, err))
	require.Empty(t, asked)

	request.Candidates = []resolve.Candidate{
		resolve.Claim("token", "1"), resolve.Named("host", "acme"), resolve.Named("path", "1"),
	}
	_, err = r.Tenant(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, []string{"1", "acme"}, asked, "the same name is looked up once")
}

func TestTenant_authorizes(t *testing.T) {
	t.Parallel()
	errMember := errors.New("no member")
	members := func(_ context.Context, t *tenants.Tenant) error {
		if t.ID == "2" {
			return errMember
		}
		return nil
	}
	for _, test := range []struct {
		said resolve.Candidate
		kind resolve.Kind
	}{
		{resolve.Named("host", "acme"), 0},
		{resolve.Named("host", "zeta"), resolve.NotAuthorized},
		{resolve.Claim("token", "2"), resolve.NotAuthorized},
		{resolve.Named("host", "unpaid"), resolve.Suspended},
	} {
		_, err := newResolver().Tenant(t.Context(), resolve.Request{
			Candidates: []resolve.Candidate{test.said}, Authorize: members,
		})
		if test.kind == 0 {
			require.NoError(t, err)
			continue
		}
		require.Equal(t, test.kind, kindOf(t, err), test.said.Name)
	}
}

func TestHideUnknown(t *testing.T) {
	t.Parallel()
	for _, said := range [][]resolve.Candidate{
		{resolve.Claim("token", "nobody")},
		{resolve.Claim("token", "acme")},
		{resolve.Claim("token", "1"), resolve.Named("host", "zeta")},
		{resolve.Claim("token", "1"), resolve.Named("host", "nobody")},
	} {
		_, err := newResolver(resolve.HideUnknown()).Tenant(t.Context(),
			resolve.Request{Candidates: said})
		require.Equal(t, resolve.NotAuthorized, kindOf(t, err))
		require.NotErrorIs(t, err, resolve.ErrNotAuthorized, "the log knows")
	}
}

func TestAnyoneMayNameTheirTenant(t *testing.T) {
	t.Parallel()
	found, err := newResolver(resolve.AnyoneMayNameTheirTenant()).Tenant(t.Context(),
		resolve.Request{Candidates: []resolve.Candidate{resolve.Named("host", "acme")}})
	require.NoError(t, err)
	require.Equal(t, "1", found.ID)
}

func TestNew_panics(t *testing.T) {
	t.Parallel()
	require.PanicsWithValue(t, "gormtenant: resolve.New needs a directory of tenants",
		func() { resolve.New(nil) })
	require.Panics(t, func() { resolve.New(directory{}, resolve.Clock(nil)) })
	require.Panics(t, func() { resolve.New(directory{}, nil) })
}

// Kinds from elsewhere have a text too.
func TestKind_that_is_none(t *testing.T) {
	t.Parallel()
	for _, kind := range []resolve.Kind{0, -1, 99} {
		require.Equal(t, "Refused", kind.String())
		require.NotEmpty(t, kind.Detail())
		require.ErrorIs(t, resolve.Refuse(kind, errors.New("x")), resolve.ErrUnavailable)
	}
}

// Whatever is said, a tenant comes out only if all that is said names it and a claim vouches.
func FuzzTenant(f *testing.F) {
	f.Add("1", "acme", "1")
	f.Add("acme", "1", "")
	f.Add("", "acme", "zeta")
	f.Add("1", "", "2")
	f.Add("3", "unpaid", "\x00")
	f.Fuzz(func(t *testing.T, token, host, header string) {
		said := []resolve.Candidate{
			resolve.Named("host", host), resolve.Claim("token", token),
			resolve.Named("header", header),
		}
		found, err := newResolver().Tenant(t.Context(), resolve.Request{Candidates: said})
		if err != nil {
			require.Nil(t, found)
			kindOf(t, err)
			return
		}
		require.Equal(t, token, found.ID)
		for _, name := range []string{host, header} {
			if name != "" {
				named, err := directory{}.Lookup(t.Context(), name)
				require.NoError(t, err)
				require.Equal(t, found.ID, named.ID)
			}
		}
	})
}
