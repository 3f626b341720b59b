// Command example is a small SaaS with two tenants, acme and globex, on one database. It shows
// what gormtenant does with what a user of acme calls, and with what an attacker or a tired
// developer calls: the call, the SQL that ran, and what came of it.
//
//	# SQLite in memory; needs nothing but Go
//	go run ./example
//	# Postgres, in a schema of its own, and at the end behind row-level security
//	DATABASE_URL=postgres://... go run ./example
//
// After every step the rows of globex are compared with what they were. The last line counts what
// was allowed, what was refused and how many promises were broken; the exit code is 1 if any was.
//
// The same models as a service, with a page to try the attacks on, which runs until it is
// interrupted:
//
//	go run ./example serve                            # see the package service
//	go run ./example tenants -h                       # what an operator does with its tenants
//
// Start reading in setup, below: it holds all that makes an application multi-tenant. The calls
// are in allowed.go, attacks_*.go, crossing.go and server.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/example/saas"
	"github.com/gormtenant/gormtenant/example/service"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

const usage = `usage: example [serve|tenants]

Without arguments it walks the tour and exits. DATABASE_URL puts it on Postgres.
  serve    the same as a service on http://localhost:8080; serve -h lists its flags
  tenants  list, register, move, migrate, export and erase its tenants; tenants -h lists how
`

func main() { os.Exit(command(os.Args[1:], os.Getenv, os.Stdout, os.Stderr)) }

// command runs what args ask for and returns the exit code.
func command(args []string, getenv func(string) string, out, errs io.Writer) int {
	var err error
	switch {
	case len(args) == 0:
		var broken int
		broken, err = run(context.Background(), out, getenv("DATABASE_URL"), wantsColour(os.Stdout))
		if broken > 0 {
			return 1
		}
	case args[0] == "serve", args[0] == "tenants":
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		run := service.Run
		if args[0] == "tenants" {
			run = service.Operate
		}
		err = run(ctx, args[1:], getenv, out, errs)
	default:
		_, _ = fmt.Fprintf(errs, "example: %q is nothing that it can do\n%s", args[0], usage)
		return 2
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprintln(errs, "example:", err)
		return 1
	}
	return 0
}

// run makes the tour on the Postgres at url, or on SQLite in memory if url is empty, and returns
// how many promises were broken.
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
	recorded := database.dialector(&recordedPool{
		recordedConn{database.pool, &t.recorder}, database.pool,
	})
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
