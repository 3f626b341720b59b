// Package sqlservertest runs attacks over GORM's SQL Server driver, which replaces gorm:create and
// writes its own text: INSERT ... OUTPUT, and MERGE for an upsert. Its connection is a recorder, so
// the tests show what would be sent, and need no server. It is a module of its own, so that the
// driver is nobody else's dependency.
package sqlservertest
