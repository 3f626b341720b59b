package databases

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

// ErrNoSecret is returned by [Secrets] that have none for a database.
var ErrNoSecret = errors.New("gormtenant: there are no credentials for the database")

// Secrets keep the credentials of tenants' databases. [MemorySecrets] and [FileSecrets] are two; a vault
// can be another: package secretstest says what it has to do, and tests it. They are used by several
// goroutines and processes at once.
//
// An error must not contain a password.
type Secrets interface {
	// Get returns what was put for exactly that database, else an error that is [ErrNoSecret]. Every other
	// error says that it could not be found out.
	Get(ctx context.Context, d Database) (Secret, error)
	// Put keeps a secret, instead of one that it has. When it returns nil the secret is safe from a crash.
	// When it fails the old one is kept, or the new one, and Get returns one of them whole.
	Put(ctx context.Context, d Database, secret Secret) error
	// Delete forgets the secret. That there is none is no error.
	Delete(ctx context.Context, d Database) error
}

// Secret is what a tenant logs in to its database with. However it is printed, logged or marshalled, its
// password is left out. A field of a struct that is not exported is out of its hands: fmt prints that
// without asking.
type Secret struct {
	User, Password string
}

// String returns the user, and no password.
func (s Secret) String() string { return s.User + ":[hidden]" }

// GoString returns what String does.
func (s Secret) GoString() string {
	return fmt.Sprintf("databases.Secret{User:%q, Password:[hidden]}", s.User)
}

// Format prints what String returns, for every verb but %#v, which prints what GoString returns.
func (s Secret) Format(state fmt.State, verb rune) {
	text := s.String()
	if verb == 'v' && state.Flag('#') {
		text = s.GoString()
	}
	_, _ = fmt.Fprint(state, text)
}

// MarshalText returns what String does: for JSON, XML and the like. To store a secret, store its fields.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue returns what String does.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MemorySecrets returns secrets that are gone when the process is, for tests: afterwards nobody can log in
// to the databases until [Provisioner.Rotate] gives them new passwords.
func MemorySecrets() Secrets { return &memorySecrets{all: map[Database]Secret{}} }

type memorySecrets struct {
	mu  sync.Mutex
	all map[Database]Secret
}

func (m *memorySecrets) Get(_ context.Context, d Database) (Secret, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	secret, ok := m.all[d]
	if !ok {
		return Secret{}, ErrNoSecret
	}
	return secret, nil
}

func (m *memorySecrets) Put(_ context.Context, d Database, secret Secret) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all[d] = secret
	return nil
}

func (m *memorySecrets) Delete(_ context.Context, d Database) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.all, d)
	return nil
}
