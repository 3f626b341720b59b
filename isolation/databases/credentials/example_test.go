package credentials_test

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/databases/credentials"
)

// Pools connect to each tenant's database with its own user and password, on the server's address.
func ExampleConnect() {
	server, err := pgx.ParseConfig("postgres://db.example.com:5433/?sslmode=disable")
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	acme := databases.Database{Tenant: "acme", Name: "tenant_acme"}
	secrets := credentials.InMemory()
	secret := credentials.Secret{User: "own_tenant_acme", Password: "hunter2"}
	if err := secrets.Put(ctx, acme, secret); err != nil {
		panic(err)
	}
	connect, err := credentials.Connect(secrets, credentials.Server{Config: server})
	if err != nil {
		panic(err)
	}
	config, err := connect(ctx, acme)
	if err != nil {
		panic(err)
	}
	fmt.Println(config.User, config.Host, config.Port, config.Database)
	fmt.Println(secret)

	pools, err := databases.NewPools(databases.PostgresWith(connect))
	if err != nil {
		panic(err)
	}
	fmt.Println(pools.Close())
	// Output:
	// own_tenant_acme db.example.com 5433 tenant_acme
	// own_tenant_acme:[hidden]
	// <nil>
}
