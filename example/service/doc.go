// Package service is the example as a service: a small SaaS with tenants that register, users who
// log in, projects, tasks and tags as JSON, plans with limits, and a page that attacks one tenant
// as another.
//
//	# SQLite in a temporary directory, or in one that stays
//	go run ./example serve
//	go run ./example serve -data data
//	# Postgres, behind row-level security
//	DATABASE_URL=postgres://... go run ./example serve
//	# one of two tenants in a database of its own
//	go run ./example serve -place acme=database
//
// What is to be seen in it:
//
//   - projects.go, tasks.go, tags.go and users.go are what an application consists of. They say
//     nothing of tenants: they use db.WithContext(r.Context()), and that is all.
//   - server.go has the middleware that turns requests into tenants, and lets some through without.
//   - database.go has the plugins, database_postgres.go the roles and the policies.
//   - levels.go puts the application on top of shared tables, schemas and databases of tenants;
//     levels_postgres.go says what these are on Postgres, and move.go moves tenants between them.
//   - auth.go registers tenants and logs users in; attempts.go and password.go hold back those who
//     guess. admin.go changes tenants, usage.go works across them and says why.
//   - demo.go and page are a demonstration: they hand out tokens and let one try what must not
//     work. They are no part of a real service; -demo=false leaves them out.
//
// A tenant is moved while it works, and comes back the same way:
//
//	curl localhost:8080/admin/tenants/acme/move -H "Authorization: Bearer $ADMIN" \
//	  --json '{"level": "database"}'
//	curl localhost:8080/admin/tenants/acme/remove -H "Authorization: Bearer $ADMIN" \
//	  --json '{"level": "rows", "confirmation": "DELETE_ROWS_tenant_demo-acme"}'
package service
