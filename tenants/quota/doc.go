// Package quota refuses the create that would give a tenant more rows than its plan allows.
//
//	db.Use(tenantplugin.New())
//	db.Use(quota.New(quota.Limit(&Project{}, tenants.Projects)))
//	quota.Migrate(db)
//
//	ctx := tenants.NewContext(r.Context(), t) // of the plan "free": 3 projects
//	err := db.WithContext(ctx).Create(&fourth).Error
//	// gormtenant: the tenant's limit is reached: projects: at most 3, this would make 4
//
// The error is a [tenants.LimitError], which errors.Is knows as [tenants.ErrLimit]. None of the
// rows is there then, and a transaction of the caller's can go on. As with any create that fails,
// what its hooks and the associations that GORM saves before it (belongs-to) did goes with the
// rollback only.
//
// # What counts
//
// The live rows of the tenant, as a query of the model finds them: rows that were deleted softly do
// not count, and count again once they are restored. They are counted anew for each create, in the
// database, so there is no counter that could drift: rows that were there before this package, raw
// SQL, ON DELETE CASCADE, a restored backup are all counted right.
//
// Every create of GORM is checked, by the rows that it adds: Create of one or of many, in batches,
// of maps and by table name, gorm.G, Save and FirstOrCreate where they insert, rows that are saved
// as associations of others. Of an upsert only the rows count that were not there. Where a limit
// was lowered below what the tenant has, creates are refused, and nothing else is.
//
// Nothing but a create is refused: an update that restores a row that was deleted softly, or that
// moves one to another tenant under gormtenant.Unscoped, can go past a limit, and so can raw SQL
// and INSERT ... SELECT. The next create is refused then.
//
// # How it holds
//
// Before the INSERT, in its transaction, one statement locks the tenant's row in the table
// tenant_quota_locks and counts:
//
//	INSERT INTO tenant_quota_locks AS held (tenant_id, name, version)
//	VALUES ('acme', 'projects', 1)
//	ON CONFLICT (tenant_id, name) DO UPDATE SET version = held.version + 1
//	RETURNING version - coalesce((SELECT seen.version FROM tenant_quota_locks AS seen
//	  WHERE seen.tenant_id = 'acme' AND seen.name = 'projects'), 0),
//	  (SELECT count(*) FROM "projects"
//	  WHERE "projects"."tenant_id" = 'acme' AND "projects"."deleted_at" IS NULL)
//
// Two creates of a tenant's rows of one model thus come one after the other; those of other tenants
// and of other models do not wait. A statement in PostgreSQL counts what was there when it began,
// even if it had to wait for the lock since. The first column tells: it is 1 unless another create
// came between, and then the statement runs once more, with the lock in hand. So:
//
//   - A create of a limited model costs one statement more, two where it collided with another of
//     the same tenant. An upsert of more rows than are left costs two beyond that, a savepoint and
//     a count. Under gormtenant.Unscoped it is one for each tenant whose rows are created.
//   - A tenant without that limit, or with [tenants.Unlimited], costs none; nor do deletes and
//     updates, nor models that are not limited.
//   - With SkipDefaultTransaction the count and the INSERT get a transaction of their own, outside
//     of others.
//   - The lock is held until the transaction ends. Keep transactions that create limited rows
//     short; where two create rows of several limited models, let them do so in the same order, or
//     the database ends one of them as a deadlock.
//   - At the isolation levels REPEATABLE READ and SERIALIZABLE, a create that collides fails with
//     PostgreSQL's serialization error 40001, as others do: run the transaction again.
//
// Counting reads the tenant's rows by the index on the tenant column, which takes some 0.2 ms for
// 1,000 of them (BenchmarkCreate_by_rows). That is for limits of what people make, users and
// projects and documents, up to some ten thousand. For models that are deleted softly an index on
// (tenant_id) WHERE deleted_at IS NULL is the best one. Use that is not rows, such as bytes or API
// calls, is not this package's.
//
// # Whose limit
//
// That of the [tenants.Tenant] in the context, which package middleware puts there. A context of
// only gormtenant.WithTenant, as of a background job, takes the tenant from the [Directory]; so
// does gormtenant.Unscoped, where each row counts for the tenant that it names. Where the limits
// cannot be found out the create fails: a quota that is not known is not unlimited.
//
// # Row-level security
//
// The role of the application needs SELECT, INSERT and UPDATE on tenant_quota_locks. [Lock] is a
// tenant model, so that rls.Enable(db, &quota.Lock{}) puts a policy on it as on others.
//
// # Reading the code
//
// Begin with create.go, the callbacks around a create; then count.go, which locks and counts; then
// tenant.go, which finds out whose limit counts.
package quota
