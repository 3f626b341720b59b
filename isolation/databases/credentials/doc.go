// Package credentials keeps what tenants log in to their databases with, and connects with it.
//
//	secrets, err := credentials.InFiles("/etc/app/secrets")
//	connect, err := credentials.Connect(secrets, credentials.Server{Config: config})
//	pools, err := databases.NewPools(databases.PostgresWith(connect))
//
// It promises that no password is printed, logged, marshalled or part of an error, that the secret
// of one database is never returned for another, and that a file is read only if nobody but its
// owner can.
//
// It does not encrypt what it writes to files. For that implement [Secrets] with a vault: package
// secretstest tests such a one.
//
// Read secrets.go for the interface, connect.go for how pools use it, and files.go for an
// implementation.
package credentials
