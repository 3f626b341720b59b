// Package service is the example as a service: a small SaaS with tenants that register, users who log
// in, projects, tasks and tags as JSON, plans with limits, and a page that attacks one tenant as another.
//
//	go run ./example serve                                  # SQLite in a temporary directory
//	DATABASE_URL=postgres://... go run ./example serve      # Postgres, behind row-level security
//
// What is to be seen in it:
//
//   - projects.go, tasks.go, tags.go and users.go are what an application consists of. They say nothing
//     of tenants: they use db.WithContext(r.Context()), and that is all.
//   - server.go has the middleware that turns requests into tenants, and lets some through without.
//   - database.go has the plugins, database_postgres.go the roles and the policies.
//   - auth.go registers tenants and logs users in, admin.go works across tenants and says why.
//   - demo.go and page are a demonstration: they hand out tokens and let one try what must not work. They
//     are no part of a real service; -demo=false leaves them out.
package service
