// Package goosetest shows that goose's Provider runs inside a migration of package migrations. It
// is a module of its own, so that nobody gets goose who does not ask for it.
package goosetest
