// Package transfer takes the rows of one tenant from one place to another: from shared tables to a
// schema or a database of the tenant's own, or back, on Postgres and SQLite. It knows the steps;
// their order, and the directory that says where the tenant is, are its caller's:
//
//	plan, err := transfer.Read(db, tenant, models...)
//	plan, err = plan.Complete(ctx, from)       // what hangs on rows by foreign keys
//	found, err := plan.Collisions(ctx, from, to)
//	following, err := plan.Follow(ctx, from, to)
//	err = following.Prepare(ctx, progress)     // the tenant writes on
//	frozen, err := following.Freeze(ctx)       // no write of the tenant succeeds from here on
//	err = following.Finish(ctx, progress)      // what has changed meanwhile
//	until, err := frozen.Hold(ctx)             // writes stay out until then, whatever happens
//	... the directory is switched ...
//	err = frozen.Keep(ctx)                     // writes at the old place fail for ever
//	err = plan.Remove(ctx, from)               // later
//
// Where changes cannot be followed, Finish is Clear, Copy and Compare, and Prepare is nothing.
//
// # What may be repeated
//
// All of it, after a crash at any point. Read, Collisions and Compare write nothing. Clear, Remove
// and both Thaw come to the same end however often they are called. Copy leaves all or nothing, and
// is refused a second time by the keys that are there: Clear comes before it. Follow and Freeze
// take over what a dead process left; where that had come as far as Keep, they return [ErrMoved].
// Until Keep, a frozen place whose freezer is gone lets the tenant write again by itself: on
// Postgres as soon as the server notices, and at the end of Hold's lease if there was one, on
// SQLite at the end of the lease.
//
// # Connections
//
// On Postgres, Freeze keeps one connection until Keep or Thaw, and Copy and Compare take one of
// each place. They hold session locks, so the pools must lead to the server itself, not to a pooler
// in transaction mode, and the roles must own the tables. The connections are closed after use: no
// setting of theirs gets back into a pool.
package transfer
