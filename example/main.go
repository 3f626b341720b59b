// Command example is a small SaaS with two tenants, acme and globex, on one database. It shows
// what gormtenant does with what a user of acme calls, and with what an attacker or a tired
// developer calls: the call, the SQL that ran, and what came of it.
//
//	go run ./example                                  # SQLite in memory; needs nothing but Go
//	DATABASE_URL=postgres://... go run ./example      # Postgres, in a schema of its own, and at the end
//	                                                  # behind row-level security
//
// After every step the rows of globex are compared with what they were. The last line counts what
// was allowed, what was refused and how many promises were broken; the exit code is 1 if any was.
//
// Start reading in setup, below: it holds all that makes an application multi-tenant. The calls
// are in allowed.go, attacks_*.go, crossing.go and server.go.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/example/saas"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

func main() {
	broken, err := run(context.Background(), os.Stdout, os.Getenv("DATABASE_URL"), wantsColour(os.Stdout))
	if err != nil {
		fmt.Fprintln(os.Stderr, "example:", err)
		os.Exit(1)
	}
	if broken > 0 {
		os.Exit(1)
	}
}

// run makes the tour on the Postgres at url, or on SQLite in memory if url is empty, and returns how
// many promises were broken.
func run(ctx context.Context, out io.Writer, url string, colour bool) (broken int, err error) {
	database, err := open(ctx, url)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, database.close()) }()

	t := &tour{out: out, colour: colour, told: map[string]bool{}}
	if err := t.setup(ctx, database); err != nil {
		return 0, err
	}
	t.intro(ctx)
	ctx = gormtenant.WithTenant(ctx, acme) // as a middleware does with the request's context
	t.everydayWork()
	t.queries(ctx)
	t.mistakes()
	t.rawSQL()
	t.stealing(ctx)
	t.linking()
	t.crossing(ctx)
	if err := t.server(ctx, database); err != nil {
		return 0, err
	}
	t.summary()
	return t.broken, t.err
}

// setup opens the database with the plugin and without, and makes the rows.
func (t *tour) setup(ctx context.Context, database *database) error {
	recorded := database.dialector(&recordedPool{recordedConn{database.pool, &t.recorder}, database.pool})
	t.recorder.explain = recorded.Explain
	db, err := gorm.Open(recorded, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return err
	}
	// This call, and the models in saas, are all that is multi-tenant about the example.
	err = db.Use(tenantplugin.New(
		tenantplugin.Models(saas.Models()...),        // for Table("projects") and raw SQL
		tenantplugin.CheckReferences(),               // for plain foreign keys, such as OwnerID
		tenantplugin.OnUnscoped(t.recorder.unscoped), // for an audit log
	))
	if err != nil {
		return err
	}
	if err := seed(ctx, db); err != nil {
		return err
	}

	plain, err := gorm.Open(database.dialector(database.pool), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return err
	}
	t.nobody, t.plain = db.WithContext(ctx), plain.WithContext(ctx)
	return t.meet(ctx)
}
