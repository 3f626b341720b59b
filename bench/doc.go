// Package bench measures what scoping costs. Each operation of an application, from reading a row
// by its key to a join, runs in three ways on the same rows of the same tables:
//
//   - unscoped: GORM without the plugin, and no condition on the tenant,
//   - byhand: GORM without the plugin, and Where("tenant_id = ?", tenant) wherever it is needed,
//   - plugin: GORM with the plugin, and the tenant in the context.
//
// All three select the same rows, by keys of one tenant, so that the scoping alone is compared.
//
// BenchmarkRLS measures what it costs that Postgres itself knows the tenant, beside the usual ways
// to tell it, on loopback and over a network that adds a millisecond. BenchmarkSchemas does the
// same for a schema of each tenant.
//
//	make bench                              # every benchmark many times; prints ratios
//	COUNT=6 ONLY=Build make bench           # a quick look at the cost of building SQL
//	go test -run '^$' -bench SQLite ./bench # plain figures
//	make count                              # instructions instead of time, with valgrind
//
// BenchmarkBuild builds SQL and sends nothing (DryRun). BenchmarkSQLite and BenchmarkPostgres send
// it to a database with 10 tenants of 1,000 projects each. BenchmarkParallel builds in many
// goroutines at once: its time does not grow with their number, as no statement takes a lock.
package bench
