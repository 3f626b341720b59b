// Package provision makes, migrates, opens and deletes tenants' databases: on servers of Postgres,
// or as files of SQLite. It is for the operator's tool, or the part of an application that
// registers tenants; package databases serves them.
//
//	secrets, err := credentials.InFiles("/etc/app/secrets")
//	p, err := provision.NewPostgres(secrets, []provision.Server{{Admin: admin}},
//		provision.Migrations(migrations.Models("0001", &Project{})))
//	err = p.Provision(ctx, tenant)
//
// It promises that a database is there whole or not at all: what a call began is undone if it
// fails, and finished by the same call if it was killed. It touches nothing that is not marked as
// the tenant's, drops nothing without a confirmation that names it, and tells neither servers nor
// logs a password.
//
// It does not copy rows: package isolation moves tenants. Files on disks that several machines
// share, as by NFS, are as safe as SQLite's own locks there, which is not very.
//
// Read postgres.go or files.go for what each call does, run.go for the order of its steps, and
// undo.go for what happens when one of them fails.
package provision
