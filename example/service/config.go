package service

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"github.com/gormtenant/gormtenant/tenants"
)

// Config is what a [Server] is made of. The zero value serves SQLite, without a demonstration.
type Config struct {
	// DatabaseURL is that of a Postgres: postgres://... The tables are made there in the schema
	// gormtenant_service, which stays. Its role should be a superuser, who makes two roles for the
	// service, one that policies hold and one that may read across tenants. Any other role that may
	// create the schema will do, but then nothing can be done across tenants, and tenants have no
	// schemas of their own. They have databases of their own where the role may create databases
	// and roles. Defaults to SQLite, see DataDir.
	DatabaseURL string
	// Secret signs the tokens: at least 32 bytes. Several processes on one database need the same.
	// Defaults to a random one, so that users log in anew after a restart.
	Secret []byte
	// AdminToken opens /admin: at least 16 bytes. Defaults to a random one; see
	// [Server.AdminToken].
	AdminToken string
	// Demo makes the tenants acme and globex, if the database has no tenants, and serves the page
	// that attacks one as the other. Defaults to false. It gives everybody tokens for these two
	// tenants.
	Demo bool
	// Place moves tenants of the demonstration, by their slugs, to levels of isolation before the
	// server answers. Defaults to none: they are where they were, at first in the shared tables.
	Place map[string]tenants.Level
	// TokenLifetime is how long a user is logged in. Defaults to one hour.
	TokenLifetime time.Duration
	// PasswordIterations is the cost of a password's hash. Defaults to 600,000, as OWASP's Password
	// Storage Cheat Sheet has it for PBKDF2 with SHA-256.
	PasswordIterations int
	// Logins hold back those who guess passwords.
	Logins LoginLimits
	// DataDir is where SQLite's files are, and stay: a directory, which is made if it is not there.
	// One process at a time may use it. Defaults to a temporary directory, which goes with the
	// server.
	DataDir string
	// Log gets a line for each request, and the audit log. Defaults to slog.Default(). Give it a
	// middleware.LogHandler, and each line says whose it is.
	Log *slog.Logger
}

const (
	leastSecret     = 32 // RFC 7518, section 3.2: the key of HS256 is no shorter than its hash
	leastAdminToken = 16
)

// withDefaults returns a copy that lacks nothing.
func (c Config) withDefaults() (Config, error) {
	if len(c.Secret) == 0 {
		c.Secret = make([]byte, leastSecret)
		_, _ = rand.Read(c.Secret) // never fails
	}
	if len(c.Secret) < leastSecret {
		return c, errors.New("the secret of the tokens is too short: give at least 32 random " +
			"bytes, such as those of: openssl rand -hex 32")
	}
	if c.AdminToken == "" {
		c.AdminToken = rand.Text()
	}
	if len(c.AdminToken) < leastAdminToken {
		return c, errors.New("the admin token is too short: give at least 16 bytes, such as " +
			"those of: openssl rand -hex 16")
	}
	if c.TokenLifetime == 0 {
		c.TokenLifetime = time.Hour
	}
	if c.PasswordIterations == 0 {
		c.PasswordIterations = 600_000
	}
	c.Logins = c.Logins.withDefaults()
	if c.DataDir != "" && c.DatabaseURL != "" {
		return c, errors.New("a directory for SQLite's files is of no use to Postgres: give " +
			"-data or DATABASE_URL")
	}
	if c.TokenLifetime < 0 || c.PasswordIterations < 0 {
		return c, errors.New("neither the lifetime of tokens nor the iterations of passwords " +
			"can be negative")
	}
	if len(c.Place) > 0 && !c.Demo {
		return c, errors.New("only tenants of the demonstration are placed at the start: move " +
			"others by POST /admin/tenants/{slug}/move")
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c, nil
}
