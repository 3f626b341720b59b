package credentials

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/gormtenant/gormtenant/isolation/databases"
)

// ErrNoSecret is returned by [Secrets] that have none for a database.
var ErrNoSecret = errors.New("gormtenant: no credentials are kept for the database")

// Secrets keep the credentials of tenants' databases. [InMemory] and [InFiles] return two kinds; a
// vault can be another: package secretstest lists what it has to do, and tests it. They are used by
// several goroutines and processes at once.
//
// An error must not contain a password.
type Secrets interface {
	// Get returns what was put for exactly that database. If nothing was, the error is
	// [ErrNoSecret]. Any other error means that Get could not find out.
	Get(ctx context.Context, d databases.Database) (Secret, error)
	// Put keeps a secret, and replaces an earlier one. When it returns nil the secret survives a
	// crash. When it fails, either the old one or the new one is kept, and Get returns that one
	// whole.
	Put(ctx context.Context, d databases.Database, secret Secret) error
	// Delete forgets the secret. It succeeds if there is none.
	Delete(ctx context.Context, d databases.Database) error
}

// Secret is what a tenant logs in to its database with. Its password is left out wherever it is
// printed, logged or marshalled, except as an unexported field of another struct: fmt prints such a
// field without asking its type.
type Secret struct {
	User, Password string
}

// String returns the user, and no password.
func (s Secret) String() string { return s.User + ":[hidden]" }

// GoString returns what String does.
func (s Secret) GoString() string {
	return fmt.Sprintf("credentials.Secret{User:%q, Password:[hidden]}", s.User)
}

// Format prints what String returns, for every verb but %#v, which prints what GoString returns.
func (s Secret) Format(state fmt.State, verb rune) {
	text := s.String()
	if verb == 'v' && state.Flag('#') {
		text = s.GoString()
	}
	_, _ = fmt.Fprint(state, text)
}

// MarshalText returns what String does: for JSON, XML and the like. To store a secret, store its
// fields.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue returns what String does.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// InMemory returns secrets that end with the process, for tests: afterwards nobody can log in to
// the databases until provision.Postgres.Rotate gives them new passwords.
func InMemory() Secrets { return &memorySecrets{all: map[databases.Database]Secret{}} }

type memorySecrets struct {
	mu  sync.Mutex
	all map[databases.Database]Secret
}

func (m *memorySecrets) Get(_ context.Context, d databases.Database) (Secret, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	secret, ok := m.all[d]
	if !ok {
		return Secret{}, ErrNoSecret
	}
	return secret, nil
}

func (m *memorySecrets) Put(_ context.Context, d databases.Database, secret Secret) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all[d] = secret
	return nil
}

func (m *memorySecrets) Delete(_ context.Context, d databases.Database) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.all, d)
	return nil
}
