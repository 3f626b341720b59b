// Package jobs shows how work in the background runs as a tenant, with River: a queue in the
// application's own Postgres. A job carries the ID of the tenant for which it was made, and nothing
// else of it; the worker enters the tenant when it runs the job, and from there on its code is that
// of a request. It is a module of its own, so that nobody else is given River.
package jobs
