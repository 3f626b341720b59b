package store_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/glebarez/sqlite"
	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/store"
)

func Example() {
	ctx := context.Background()
	db, err := gorm.Open(sqlite.Open(":memory:"), &gorm.Config{})
	if err != nil {
		log.Fatal(err)
	}
	directory, err := store.New(db, store.Reserved("example.com")) // the application's own domain
	if err != nil {
		log.Fatal(err)
	}
	if err := directory.Migrate(ctx); err != nil {
		log.Fatal(err)
	}

	acme := &tenants.Tenant{Slug: "acme", Name: "Acme Ltd", Domains: []string{"Projects.Acme.com"}}
	fmt.Println(directory.Create(ctx, acme), acme.Status, acme.Plan, acme.Domains)

	found, err := directory.Lookup(ctx, "projects.acme.com")
	fmt.Println(found.Name, err)

	err = directory.Create(ctx, &tenants.Tenant{Slug: "acme", Name: "Another Acme"})
	var refused *store.FieldError
	if errors.As(err, &refused) {
		fmt.Println(refused.Field+":", refused.Problem)
	}
	// Output:
	// <nil> active free [projects.acme.com]
	// Acme Ltd <nil>
	// Slug: another tenant has "acme": choose another
}

// A suspended customer is out at once, in all processes, though each has a cache.
func ExampleListen() {
	var (
		ctx   context.Context
		cache store.Invalidator // tenants.Cached(directory)
	)
	// The server itself, not the pooler.
	config, err := pgx.ParseConfig("host=db.internal dbname=app")
	if err != nil {
		log.Fatal(err)
	}
	listener, err := store.Listen(ctx, config, cache,
		store.OnError(func(err error) { log.Print(err) }))
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
}
