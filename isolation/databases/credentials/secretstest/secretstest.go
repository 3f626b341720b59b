// Package secretstest tests implementations of [credentials.Secrets].
package secretstest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/databases/credentials"
)

// Run tests that the secrets that open makes, which have nothing yet,
//   - return exactly what was put, and the last of it, and ErrNoSecret for what was not put or was
//     deleted,
//   - keep databases apart that differ in the tenant, the name or the server alone, whatever those
//     are called,
//   - delete what is not there without an error,
//   - refuse what they cannot keep, rather than keep it under another's name,
//   - return one whole secret to those who read while others write.
//
// A second value that open makes in the same test has to see the same secrets if shared is true: as
// another process does.
func Run(t *testing.T, shared bool, open func(t *testing.T) credentials.Secrets) {
	t.Helper()
	t.Run("put_get_delete", func(t *testing.T) { putGetDelete(t, shared, open) })
	t.Run("apart", func(t *testing.T) { apart(t, open(t)) })
	t.Run("at_once", func(t *testing.T) { atOnce(t, open(t)) })
}

func secret(i int) credentials.Secret {
	return credentials.Secret{
		User:     fmt.Sprint("user ", i, ` "\'`),
		Password: strings.Repeat(string(rune('a'+i%26)), 32),
	}
}

// is says what is kept of a database. Passwords are compared and never printed.
func is(t *testing.T, secrets credentials.Secrets, d databases.Database, want credentials.Secret) {
	t.Helper()
	got, err := secrets.Get(t.Context(), d)
	if err != nil || got != want {
		t.Errorf("Get of %+v: %v, %v; it must be what was put: %v", d, got, err, want)
	}
}

func isNone(t *testing.T, secrets credentials.Secrets, d databases.Database) {
	t.Helper()
	if got, err := secrets.Get(t.Context(), d); !errors.Is(err, credentials.ErrNoSecret) ||
		got != (credentials.Secret{}) {
		t.Errorf("Get of %+v: %v, %v; it must be none, and ErrNoSecret", d, got, err)
	}
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func putGetDelete(t *testing.T, shared bool, open func(t *testing.T) credentials.Secrets) {
	t.Helper()
	secrets, d := open(t), databases.Database{Tenant: "acme", Name: "tenant_acme"}
	isNone(t, secrets, d)
	noError(t, secrets.Delete(t.Context(), d))
	noError(t, secrets.Put(t.Context(), d, secret(1)))
	is(t, secrets, d, secret(1))
	noError(t, secrets.Put(t.Context(), d, secret(2)))
	is(t, secrets, d, secret(2))
	if shared {
		is(t, open(t), d, secret(2))
	}
	noError(t, secrets.Delete(t.Context(), d))
	isNone(t, secrets, d)
	noError(t, secrets.Delete(t.Context(), d))
}

func apart(t *testing.T, secrets credentials.Secrets) {
	t.Helper()
	var all []databases.Database
	for _, text := range []string{
		"acme", "ACME", "Acme", "a/b", "a_b", "../acme", "../../etc/passwd", `a"b`, "a'b", "a b",
		".", "..", "a*", "münchen",
		"a\nb", strings.Repeat("x", 255), strings.Repeat("x", 254) + "y",
	} {
		all = append(all,
			databases.Database{Tenant: text, Name: "tenant_x"},
			databases.Database{Tenant: "acme", Name: text, Server: "eu"},
			databases.Database{Tenant: "acme", Name: "tenant_acme", Server: text})
	}
	for _, text := range []string{"", "a\x00b", strings.Repeat("x", 300)} {
		all = append(all, databases.Database{Tenant: text, Name: "tenant_x"})
	}
	var kept []int
	for i, d := range all {
		if err := secrets.Put(t.Context(), d, secret(i)); err == nil {
			kept = append(kept, i)
		}
	}
	if len(kept) < len(all)/2 { //nolint:mnd // most
		t.Errorf("only %d of %d databases can have a secret", len(kept), len(all))
	}
	for _, i := range kept {
		is(t, secrets, all[i], secret(i))
	}
	for n, i := range kept {
		noError(t, secrets.Delete(t.Context(), all[i]))
		isNone(t, secrets, all[i])
		for _, other := range kept[n+1:] {
			is(t, secrets, all[other], secret(other))
		}
	}
}

func atOnce(t *testing.T, secrets credentials.Secrets) {
	t.Helper()
	d := databases.Database{Tenant: "acme", Name: "tenant_acme"}
	noError(t, secrets.Put(t.Context(), d, secret(0)))
	const writers, each = 4, 10
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			for i := range each {
				noError(t, secrets.Put(t.Context(), d, secret(w*each+i)))
			}
		})
		wait.Go(func() {
			for range each {
				got, err := secrets.Get(t.Context(), d)
				whole := false
				for i := range writers * each {
					whole = whole || got == secret(i)
				}
				if err != nil || !whole {
					t.Errorf(
						"Get while others write: %v, %v; it must be one that was put", got, err)
				}
			}
		})
	}
	wait.Wait()
}
