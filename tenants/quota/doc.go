// Package quota refuses what would give a tenant more than its plan allows: a create of one row too
// many, and the use of what is not rows.
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
// not count, and count again once they are restored. Up to a thousand rows are counted anew for
// each create, in the database: rows that were there before this package, raw SQL, ON DELETE
// CASCADE, a restored backup are all counted right. Of more rows a counter tells whether there is
// room, at the cost of a thousand. It is believed only where there is: before a create is refused
// all rows are counted. So rows that are deleted, in whatever way, make room at once. Rows that no
// create of GORM made are noticed within a minute ([RecountAfter]).
//
// Every create of GORM is checked, by the rows that it adds: Create of one or of many, in batches,
// of maps and by table name, gorm.G, Save and FirstOrCreate where they insert, rows that are saved
// as associations of others. Of an upsert only the rows count that were not there. Where a limit
// was lowered below what the tenant has, creates are refused, and nothing else is.
//
// Nothing but a create is refused: an update that restores a row that was deleted softly, or that
// moves one to another tenant under gormtenant.Unscoped, can go past a limit, and so can raw SQL
// and INSERT ... SELECT. The next create is refused then, or with more than a thousand rows, those
// after the next count.
//
// # How it holds
//
// Before the INSERT, in its transaction, one statement locks the tenant's row in the table
// tenant_quota_locks, and counts:
//
//	INSERT INTO tenant_quota_locks AS held (tenant_id, name, version, used, counted_at) VALUES
//	  ('acme', '', 1, NULL, 0),
//	  ('acme', 'projects', 1, CASE WHEN (SELECT count(*) FROM
//	    (SELECT 1 FROM "projects" WHERE "projects"."tenant_id" = 'acme' LIMIT 1001)) < 1001
//	    THEN (SELECT count(*) FROM "projects" WHERE "projects"."tenant_id" = 'acme'
//	    AND "projects"."deleted_at" IS NULL) + 1 END, 1764443045000000)
//	ON CONFLICT (tenant_id, name) DO UPDATE SET version = held.version + 1,
//	  used = CASE WHEN excluded.used IS NOT NULL AND held.version = (the version that it had when
//	    the statement began) THEN excluded.used ELSE held.used + 1 END ...
//
// Two creates of a tenant's limited rows thus come one after the other; those of other tenants do
// not wait. A statement in PostgreSQL counts what was there when it began, even if it had to wait
// for the lock since. The version tells: if another create came between, its counter is right, and
// the count is not. Where the counter leaves no room the rows are counted once more, with the lock
// in hand. So:
//
//   - A create of a limited model costs one statement more, of at most a thousand rows; two where
//     it is refused after it collided with another, or with more rows than that. An upsert of more
//     rows than are left costs two beyond that, a savepoint and a count. Under gormtenant.Unscoped
//     it is one for each tenant whose rows are created.
//   - A tenant without that limit, or with [tenants.Unlimited], costs none; nor do deletes and
//     updates, nor models that are not limited.
//   - With SkipDefaultTransaction the count and the INSERT get a transaction of their own, outside
//     of others. CreateInBatches of more than one batch is refused there, before its first row:
//     call it in db.Transaction.
//   - The lock is held until the transaction ends. Keep transactions that create limited rows
//     short. There is one lock for all of a tenant's limits, so that the order in which a
//     transaction creates rows of several models does not matter. Where it changes rows that
//     others change too, let all of them create first, or all change first. Transactions under
//     gormtenant.Unscoped that create rows of several tenants, in several statements, have to take
//     the tenants in one order.
//   - At the isolation levels REPEATABLE READ and SERIALIZABLE, a create that collides fails with
//     PostgreSQL's serialization error 40001, as others do: run the transaction again.
//
// # What it costs
//
// A create among 100,000 rows takes as long as one among 1,000 (BenchmarkCreate_by_rows). The first
// create of a tenant with more rows, and one that is refused, count all of them, some 34 ms for
// 100,000. When a counter of more than a thousand rows has not been counted again for a minute,
// the next create has it done in a goroutine, on another connection and without a lock.
//
// Counting reads the tenant's rows by an index that begins with the tenant column, which
// models.TenantModel has. For models that are deleted softly, another on (tenant_id) WHERE
// deleted_at IS NULL helps.
//
// # What is not rows
//
// [Meter] limits bytes, API calls by month and the like, which [Add] counts in the same table.
// [Usage] returns what a tenant has used of each limit. [Soft] limits refuse nothing, but tell.
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
// The role of the application needs SELECT, INSERT and UPDATE on tenant_quota_locks. [Models] are
// tenant models, so that rls.Enable(db, quota.Models()...) puts a policy on them as on others.
//
// # Citus
//
// With [Citus] a create sends statements that a Citus cluster takes, and counts all rows each time.
//
// # Reading the code
//
// Begin with create.go, the callbacks around a create; then text.go, the statement that locks and
// counts, and count.go, which sends it; then tenant.go, which finds out whose limit counts.
package quota
