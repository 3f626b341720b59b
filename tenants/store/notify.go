package store

import (
	"strings"

	"gorm.io/gorm"
)

// channel is the channel of NOTIFY on which changes of tenants are told on Postgres. The payload is
// the ID of the tenant and the names that it has got or lost, with spaces between them. An empty
// payload means all tenants.
const channel = "gormtenant_tenants"

// longestPayload is below the 8,000 bytes that Postgres takes.
const longestPayload = 7000

// notify tells the other processes of a change, when the transaction commits.
func notify(tx *gorm.DB, id string, names []string) error {
	if tx.Name() != postgres {
		return nil
	}
	return tx.Exec("SELECT pg_notify(?, ?)", channel, payload(id, names)).Error
}

// payload holds the names too: a cache may remember that there was nobody of a new name.
func payload(id string, names []string) string {
	text := strings.Join(append([]string{id}, without(names, []string{id})...), " ")
	if len(text) > longestPayload {
		return ""
	}
	return text
}
