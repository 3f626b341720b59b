// Package isolation runs one application over all levels of isolation, tenant by tenant: small customers
// share tables, a bigger one has a schema of its own, another a database. Which it is stands in the
// tenant's entry of the directory (tenants.Placement); the models, the queries and the guarantees are the
// same, and a tenant can be moved from one level to another while the others work.
package isolation
