// Package tenantname names what a tenant has of its own: a schema, a database, a role, a file.
package tenantname
