package middleware_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/middleware"
	"github.com/gormtenant/gormtenant/tenants"
)

// line is a line of JSON that slog wrote.
type line map[string]any

// lines returns what slog wrote to buffer.
func lines(t *testing.T, buffer *bytes.Buffer) []line {
	t.Helper()
	all := []line{}
	for text := range strings.Lines(buffer.String()) {
		var one line
		require.NoError(t, json.Unmarshal([]byte(text), &one))
		all = append(all, one)
	}
	return all
}

func TestEachRefusalIsLoggedOnce(t *testing.T) {
	t.Parallel()
	fails := func(err error) lookup {
		return func(context.Context, string) (*tenants.Tenant, error) { return nil, err }
	}
	for _, test := range []struct {
		name, token, header string
		directory           tenants.Directory
		level, reason       string
	}{
		{"no_tenant", "", "", directory(), "INFO", "names no tenant"},
		{
			"malformed", "acme", "a,b", directory(), "INFO",
			"the header X-Tenant-Id has different values",
		},
		{"forged", "forged", "", directory(), "INFO", "signature of token-4711 does not match"},
		{
			"unknown", "nobody", "", directory(), "INFO",
			"no such tenant: the one that ClaimSlug names",
		},
		{"suspended", "unpaid", "", directory(), "INFO", "suspended"},
		{"odd_status", "odd", "", directory(), "INFO", "status"},
		{
			"disagree", "acme", "globex", directory(), "WARN",
			`ClaimSlug one, Header("X-Tenant-ID") another`,
		},
		{
			"not_authorized", "personal", "acme", directory(), "WARN",
			`only Header("X-Tenant-ID") names it`,
		},
		{
			"no_credentials", "", "acme", directory(), "INFO",
			`only Header("X-Tenant-ID") names a tenant`,
		},
		{
			"down", "acme", "", fails(errors.New("connection refused")), "ERROR",
			"connection refused",
		},
		{"timeout", "acme", "", fails(context.DeadlineExceeded), "ERROR", "deadline exceeded"},
		{"nonsense", "acme", "", fails(nil), "ERROR", "neither an error nor a tenant"},
	} {
		for _, custom := range []bool{false, true} {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				var buffer bytes.Buffer
				m := newMiddleware(test.directory, claim(), middleware.Header("X-Tenant-ID"),
					middleware.HideUnknown(),
					middleware.Logger(slog.New(slog.NewJSONHandler(&buffer, nil))))
				if custom {
					m.SetErrorHandler(func(w http.ResponseWriter, _ *http.Request, _ error) {
						w.WriteHeader(http.StatusTeapot)
					})
				}
				r := request(t, "http://example.com/projects?token=query-secret", "Cookie",
					"cookie-secret")
				if test.token != "" {
					r.Header.Set("Authorization", test.token)
				}
				if test.header != "" {
					r.Header.Set("X-Tenant-ID", test.header)
				}
				_, ids := serve(m, r)
				require.Empty(t, ids)

				logged := lines(t, &buffer)
				require.Len(t, logged, 1)
				require.Equal(t, test.level, logged[0]["level"])
				require.Contains(t, logged[0]["error"], test.reason)
				require.Equal(t, "GET", logged[0]["method"])
				require.Equal(t, "example.com", logged[0]["host"])
				require.Equal(t, "/projects", logged[0]["path"])
				require.NotContains(t, buffer.String(), "-secret")
			})
		}
	}
}

func TestNothingElseIsLogged(t *testing.T) {
	t.Parallel()
	var buffer bytes.Buffer
	m := newMiddleware(directory(), claim(),
		middleware.Logger(slog.New(slog.NewJSONHandler(&buffer, nil))))
	m.Except("/health")
	serve(m, request(t, "/", "Authorization", "acme"))
	serve(m, request(t, "/health"))
	_, err := m.Resolve(request(t, "/"))
	require.Error(t, err)
	require.Empty(t, buffer.String())
}

func TestHostileRequestsDoNotFillTheLog(t *testing.T) {
	t.Parallel()
	var buffer bytes.Buffer
	m := newMiddleware(directory(), claim(),
		middleware.Logger(slog.New(slog.NewJSONHandler(&buffer, nil))))
	r := request(t, "/")
	huge := strings.Repeat("a\n\xff\x1b", 1<<18)
	r.Method, r.Host, r.URL.Path, r.RemoteAddr = huge, huge, huge, huge
	serve(m, r)
	require.Less(t, buffer.Len(), 10_000)
	require.Len(t, lines(t, &buffer), 1)
}

func TestLogHandler(t *testing.T) {
	t.Parallel()
	acme := tenants.NewContext(t.Context(), &tenants.Tenant{ID: "1", Slug: "acme"})
	want := map[string]any{"id": "1", "slug": "acme"}
	for _, test := range []struct {
		name string
		ctx  context.Context
		log  func(*slog.Logger) *slog.Logger
		want line
	}{
		{"tenant", acme, nil, line{"tenant": want, "k": "v"}},
		{
			"with", acme, func(l *slog.Logger) *slog.Logger { return l.With("a", 1) },
			line{"tenant": want, "a": 1.0, "k": "v"},
		},
		{
			"group", acme,
			func(l *slog.Logger) *slog.Logger {
				return l.With("a", 1).WithGroup("g").With("b", 2).WithGroup("h")
			},
			line{
				"tenant": want, "a": 1.0,
				"g": map[string]any{"b": 2.0, "h": map[string]any{"k": "v"}},
			},
		},
		{
			"empty_group", acme,
			func(l *slog.Logger) *slog.Logger { return l.WithGroup("").With() },
			line{"tenant": want, "k": "v"},
		},
		{"no_tenant", t.Context(), nil, line{"k": "v"}},
		{"unscoped", gormtenant.Unscoped(acme, "invoicing"), nil, line{"k": "v"}},
		{"another_since", gormtenant.WithTenant(acme, "2"), nil, line{"k": "v"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var buffer bytes.Buffer
			logger := slog.New(middleware.LogHandler(slog.NewJSONHandler(&buffer, nil)))
			if test.log != nil {
				logger = test.log(logger)
			}
			logger.InfoContext(test.ctx, "m", "k", "v")
			logger.DebugContext(test.ctx, "not enabled")
			logged := lines(t, &buffer)
			require.Len(t, logged, 1)
			for _, key := range []string{"time", "level", "msg"} {
				delete(logged[0], key)
			}
			require.Equal(t, test.want, logged[0])
		})
	}
}

// Two loggers that are made of one do not write into each other.
func TestLogHandlerIsNotShared(t *testing.T) {
	t.Parallel()
	var buffer bytes.Buffer
	ctx := tenants.NewContext(t.Context(), &tenants.Tenant{ID: "1", Slug: "acme"})
	one := slog.New(middleware.LogHandler(slog.NewJSONHandler(&buffer, nil))).WithGroup("g").
		With("a", 1).With("b", 2)
	left, right := one.With("side", "left"), one.With("side", "right")
	left.InfoContext(ctx, "m")
	right.InfoContext(ctx, "m")
	logged := lines(t, &buffer)
	require.Equal(t, map[string]any{"a": 1.0, "b": 2.0, "side": "left"}, logged[0]["g"])
	require.Equal(t, map[string]any{"a": 1.0, "b": 2.0, "side": "right"}, logged[1]["g"])
}

// A record that is given to several handlers stays as it was.
func TestLogHandlerLeavesTheRecordAlone(t *testing.T) {
	t.Parallel()
	var buffer bytes.Buffer
	handler := middleware.LogHandler(slog.NewJSONHandler(&buffer, nil))
	record := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
	for i := range 18 { // so many that slog keeps some in a slice with room for another
		record.AddAttrs(slog.Int(fmt.Sprintf("a%d", i), i))
	}
	ctx := tenants.NewContext(t.Context(), &tenants.Tenant{ID: "1", Slug: "acme"})
	require.NoError(t, handler.Handle(ctx, record))
	require.NoError(t, handler.Handle(ctx, record))
	require.Equal(t, 18, record.NumAttrs())
	logged := lines(t, &buffer)
	require.Equal(t, logged[0], logged[1])
	require.Len(t, logged[0], 2+18+1, "level and msg, its own, and the tenant's")
}

// LogHandler is a slog.Handler as slog wants one, with and without a tenant in the context.
func TestLogHandlerKeepsTheContract(t *testing.T) {
	t.Parallel()
	for _, tenant := range []bool{false, true} {
		var buffer bytes.Buffer
		handler := middleware.LogHandler(slog.NewJSONHandler(&buffer, nil))
		if tenant {
			handler = inTenant{handler}
		}
		err := slogtest.TestHandler(handler, func() []map[string]any {
			var all []map[string]any
			for _, one := range lines(t, &buffer) {
				if tenant {
					require.Equal(t, map[string]any{"id": "1", "slug": "acme"}, one["tenant"])
				}
				delete(one, "tenant")
				all = append(all, one)
			}
			return all
		})
		require.NoError(t, err)
	}
}

// inTenant gives each record the context of a tenant.
type inTenant struct{ slog.Handler }

func (h inTenant) Handle(ctx context.Context, record slog.Record) error {
	return h.Handler.Handle(tenants.NewContext(ctx, &tenants.Tenant{ID: "1", Slug: "acme"}), record)
}

func (h inTenant) WithAttrs(attrs []slog.Attr) slog.Handler {
	return inTenant{h.Handler.WithAttrs(attrs)}
}

func (h inTenant) WithGroup(name string) slog.Handler { return inTenant{h.Handler.WithGroup(name)} }
