package store_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/store"
)

// verifier believes those that have shown their token.
type verifier struct{ shown sync.Map }

func (v *verifier) verify(_ context.Context, request store.DomainRequest) error {
	if _, ok := v.shown.Load(request.Domain + " " + request.Token); !ok {
		return errors.New("nobody has shown it")
	}
	return nil
}

func (v *verifier) show(request store.DomainRequest) {
	v.shown.Store(request.Domain+" "+request.Token, true)
}

// verifying runs test with a store that verifies domains, and tenants t-1 and t-2 without any.
func verifying(
	t *testing.T, verify func(context.Context, store.DomainRequest) error,
	test func(t *testing.T, db *gorm.DB, s *store.Store),
) {
	t.Helper()
	each(t, func(t *testing.T, db *gorm.DB, _ *store.Store) {
		s := newStore(t, db, store.VerifyDomains(verify))
		create(t, s, &tenants.Tenant{ID: "t-1", Slug: "acme"})
		create(t, s, &tenants.Tenant{ID: "t-2", Slug: "zeta"})
		test(t, db, s)
	})
}

func ask(t *testing.T, s *store.Store, id, domain string) store.DomainRequest {
	t.Helper()
	request, err := s.AskDomain(t.Context(), id, domain)
	require.NoError(t, err)
	return request
}

func TestVerifyDomain_leads_to_the_tenant_when_it_is_proved(t *testing.T) {
	t.Parallel()
	var v verifier
	verifying(t, v.verify, func(t *testing.T, db *gorm.DB, s *store.Store) {
		request := ask(t, s, "t-1", "Acme.COM.")
		require.Equal(t, "t-1 acme.com", request.TenantID+" "+request.Domain)
		require.Greater(t, len(request.Token), 20)
		require.Equal(t, request, ask(t, s, "t-1", "acme.com"), "asked again")
		other := ask(t, s, "t-2", "acme.com")
		require.NotEqual(t, request.Token, other.Token)

		before := content(t, db)
		err := s.VerifyDomain(t.Context(), "t-1", "acme.com")
		require.ErrorIs(t, err, store.ErrNotVerified)
		require.ErrorContains(t, err, "acme.com: nobody has shown it")
		require.Equal(t, before, content(t, db))
		_, err = s.Lookup(t.Context(), "acme.com")
		require.ErrorIs(t, err, tenants.ErrNotFound)

		v.show(request)
		require.NoError(t, s.VerifyDomain(t.Context(), "t-1", "ACME.com"))
		require.Equal(t, "t-1", lookup(t, s, "acme.com").ID)
		require.Equal(t, []string{"acme.com"}, lookup(t, s, "t-1").Domains)
		asked, err := s.AskedDomains(t.Context(), "t-1")
		require.NoError(t, err)
		require.Empty(t, asked)
		require.NoError(t, s.VerifyDomain(t.Context(), "t-1", "acme.com"), "again")

		v.show(other)
		requireField(t, s.VerifyDomain(t.Context(), "t-2", "acme.com"), store.ErrTaken, "Domains",
			"acme.com")
		asked, err = s.AskedDomains(t.Context(), "t-2")
		require.NoError(t, err)
		require.Equal(t, []store.DomainRequest{other}, asked, "it may become free")
		_, err = s.AskDomain(t.Context(), "t-2", "acme.com")
		requireField(t, err, store.ErrTaken, "Domains", "acme.com")

		ask(t, s, "t-1", "acme.com")
		v.show(ask(t, s, "t-1", "acme.com"))
		require.NoError(t, s.VerifyDomain(t.Context(), "t-1", "acme.com"), "asked for its own")
		require.Equal(t, []string{"acme.com"}, lookup(t, s, "t-1").Domains)
	})
}

func TestVerifyDomains_refuses_domains_that_are_only_said(t *testing.T) {
	t.Parallel()
	var v verifier
	verifying(t, v.verify, func(t *testing.T, db *gorm.DB, s *store.Store) {
		v.show(ask(t, s, "t-1", "acme.com"))
		require.NoError(t, s.VerifyDomain(t.Context(), "t-1", "acme.com"))
		before := content(t, db)
		requireField(t, s.Create(t.Context(), &tenants.Tenant{
			Slug: "evil", Domains: []string{"bank.example"},
		}), store.ErrNotVerified, "Domains", `"bank.example" is not proved`)
		changed := lookup(t, s, "t-1")
		changed.Domains = []string{"acme.com", "bank.example"}
		requireField(t, s.Update(t.Context(), changed), store.ErrNotVerified, "Domains",
			`"bank.example" is not proved`)
		require.Equal(t, before, content(t, db))

		changed.Domains = []string{"acme.com"}
		require.NoError(t, s.Update(t.Context(), changed), "its own")
		changed.Domains = nil
		require.NoError(t, s.Update(t.Context(), changed))
		changed.Domains = []string{"acme.com"}
		require.ErrorIs(t, s.Update(t.Context(), changed), store.ErrNotVerified, "it was given up")
	})
}

func TestVerifyDomain_bad_input(t *testing.T) {
	t.Parallel()
	var v verifier
	verifying(t, v.verify, func(t *testing.T, db *gorm.DB, s *store.Store) {
		for _, domain := range []string{"", "acme", "https://acme.com", "127.0.0.1"} {
			_, err := s.AskDomain(t.Context(), "t-1", domain)
			requireField(t, err, store.ErrInvalid, "Domains", "")
			require.ErrorIs(t, s.VerifyDomain(t.Context(), "t-1", domain), store.ErrInvalid)
			require.ErrorIs(t, s.WithdrawDomain(t.Context(), "t-1", domain), store.ErrInvalid)
		}
		for _, id := range []string{"", "nobody", "acme", "a b"} {
			_, err := s.AskDomain(t.Context(), id, "acme.com")
			require.ErrorIs(t, err, tenants.ErrNotFound, id)
			require.ErrorIs(t, s.VerifyDomain(t.Context(), id, "acme.com"), tenants.ErrNotFound)
		}
		strict := newStore(t, db, store.Reserved("example.com"), store.VerifyDomains(v.verify))
		_, err := strict.AskDomain(t.Context(), "t-1", "shop.example.com")
		requireField(t, err, store.ErrInvalid, "Domains", "reserved")
		require.ErrorContains(t, newStore(t, db).VerifyDomain(t.Context(), "t-1", "acme.com"),
			"store.VerifyDomains")
		_, err = store.New(db, store.VerifyDomains(nil))
		require.ErrorContains(t, err, "store.DNS")

		v.show(ask(t, s, "t-1", "acme.com"))
		require.NoError(t, s.Close(t.Context(), "t-1"))
		require.ErrorIs(t, s.VerifyDomain(t.Context(), "t-1", "acme.com"), tenants.ErrClosed)

		var rows []map[string]any
		for n := range 1000 {
			rows = append(rows, map[string]any{
				"tenant_id": "t-2", "domain": fmt.Sprintf("d%d.example", n), "token": "x",
				"asked_at": clock(),
			})
		}
		require.NoError(t, db.Table("gormtenant_domains").Create(rows).Error)
		_, err = s.AskDomain(t.Context(), "t-2", "one.more.example")
		requireField(t, err, store.ErrInvalid, "Domains", "withdraw")
		ask(t, s, "t-2", "d7.example")

		require.NoError(t, s.Delete(t.Context(), "t-2", nil))
		require.NotContains(t, content(t, db), "d7.example")
	})
}

// What the function says counts for the request that it was asked about.
func TestVerifyDomain_is_withdrawn_meanwhile(t *testing.T) {
	t.Parallel()
	for _, again := range []bool{false, true} {
		t.Run(fmt.Sprintf("asked_again_%v", again), func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, db *gorm.DB, _ *store.Store) {
				var s *store.Store
				s = newStore(t, db, store.VerifyDomains(
					func(ctx context.Context, request store.DomainRequest) error {
						err := s.WithdrawDomain(ctx, "t-1", request.Domain)
						if err == nil && again {
							_, err = s.AskDomain(ctx, "t-1", request.Domain)
						}
						return err
					}))
				create(t, s, &tenants.Tenant{ID: "t-1", Slug: "acme"})
				ask(t, s, "t-1", "acme.com")
				require.ErrorIs(t, s.VerifyDomain(t.Context(), "t-1", "acme.com"),
					store.ErrConflict)
				_, err := s.Lookup(t.Context(), "acme.com")
				require.ErrorIs(t, err, tenants.ErrNotFound)
			})
		})
	}
}

// A function that lets everybody pass gives a domain to the first, and never to two.
func TestVerifyDomain_gives_a_domain_to_one(t *testing.T) {
	t.Parallel()
	lies := func(context.Context, store.DomainRequest) error { return nil }
	verifying(t, lies, func(t *testing.T, _ *gorm.DB, s *store.Store) {
		ids := []string{"t-1", "t-2"}
		for _, id := range ids {
			ask(t, s, id, "acme.com")
		}
		var won atomic.Int64
		var all sync.WaitGroup
		for n := range 10 {
			all.Go(func() {
				err := s.VerifyDomain(t.Context(), ids[n%2], "acme.com")
				if err == nil {
					won.Add(1 << (n % 2 * 8))
				}
			})
		}
		all.Wait()
		first, second := won.Load()&255, won.Load()>>8
		require.True(t, first == 0 && second > 0 || first > 0 && second == 0, "%d %d", first,
			second)
		require.Equal(t, ids[min(second, 1)], lookup(t, s, "acme.com").ID)
	})
}

// nameserver answers questions for TXT records, and returns what asks it.
func nameserver(t *testing.T, records map[string][]string) *net.Resolver {
	t.Helper()
	conn, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	require.NoError(t, err)
	var done sync.WaitGroup
	t.Cleanup(func() {
		_ = conn.Close()
		done.Wait()
	})
	done.Go(func() {
		buffer := make([]byte, 4096)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var message dnsmessage.Message
			if message.Unpack(buffer[:n]) != nil || len(message.Questions) != 1 {
				continue
			}
			question := message.Questions[0]
			message.Response, message.Additionals = true, nil
			texts, known := records[strings.TrimSuffix(question.Name.String(), ".")]
			switch {
			case !known:
				message.RCode = dnsmessage.RCodeNameError
			case texts == nil:
				message.RCode = dnsmessage.RCodeServerFailure
			}
			for _, text := range texts {
				message.Answers = append(message.Answers, dnsmessage.Resource{
					Header: dnsmessage.ResourceHeader{
						Name: question.Name, Type: dnsmessage.TypeTXT,
						Class: dnsmessage.ClassINET, TTL: 60,
					},
					Body: &dnsmessage.TXTResource{TXT: []string{text}},
				})
			}
			answer, err := message.Pack()
			if err == nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	})
	return &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
		},
	}
}

func TestDNS(t *testing.T) {
	t.Parallel()
	verify := store.DNS(nameserver(t, map[string][]string{
		"_gormtenant.acme.com": {"v=spf1 -all", "gormtenant=TOKEN"},
		"_gormtenant.part.com": {"gormtenant=TOKEN2", "gormtenant=", "TOKEN"},
		"none.com":             {"gormtenant=TOKEN"},
		"_gormtenant.down.com": nil,
	}))
	for _, test := range []struct{ domain, says string }{
		{"acme.com", ""},
		{"sub.acme.com", "there is no TXT record _gormtenant.sub.acme.com with the text " +
			`"gormtenant=TOKEN"`},
		{"part.com", "there is no TXT record"},
		{"none.com", "there is no TXT record"},
		{"down.com", "server misbehaving"},
	} {
		t.Run(test.domain, func(t *testing.T) {
			t.Parallel()
			err := verify(t.Context(), store.DomainRequest{Domain: test.domain, Token: "TOKEN"})
			if test.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.says)
		})
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, verify(gone, store.DomainRequest{Domain: "acme.com", Token: "TOKEN"}))
}
