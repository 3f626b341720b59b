// Package tenantlint is an analyzer for go vet that reports what defeats the isolation of tenants
// in a program that uses GORM with gormtenant, or is about to.
//
//	go run github.com/gormtenant/gormtenant/tenantlint/cmd/tenantlint@latest ./...
//
// It reads types and syntax only: it opens no database and runs nothing. What it cannot know, such
// as which db a caller passes from another module, it passes over or says so. The plugin of
// gormtenant refuses at run time what this analyzer misses.
//
// A finding that is right as it is gets a comment on its line or on the line above, with a reason:
//
//	//tenantlint:ignore the countries are everybody's
//
// Test files and generated files are passed over; the flag -tests looks at the former.
package tenantlint
