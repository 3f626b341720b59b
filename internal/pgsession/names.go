package pgsession

import (
	"database/sql/driver"
	"errors"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// caches says whether pgx keeps what it learns of a statement's text in that mode.
func caches(mode pgx.QueryExecMode) bool {
	return mode == pgx.QueryExecModeCacheStatement || mode == pgx.QueryExecModeCacheDescribe
}

// text returns what pgx is given for query: with the mark of the settings that it is armed with, where pgx keeps
// what it learns of a text, so that it keeps it for each tenant. The mark is in a comment on a line of its
// own, and has no character that could end what the query left open: a quotation, a comment.
func (c *Conn) text(query string, args []driver.NamedValue) string {
	if !c.wire.names || query == "" {
		return query
	}
	if !c.caches {
		if len(args) == 0 {
			return query
		}
		if _, chosen := args[0].Value.(pgx.QueryExecMode); !chosen {
			return query
		}
	}
	for _, s := range c.settings {
		if s.Mark != "" {
			return query + "\n--" + s.Mark
		}
	}
	return query
}

// within puts an error that points behind the query, at the end of what was added to it, at the query's end.
func (c *Conn) within(err error, query string) error {
	if err == nil || !c.wire.names {
		return err
	}
	var server *pgconn.PgError // behind the check, as it is on the heap
	if errors.As(err, &server) {
		end := utf8.RuneCountInString(query) + 1
		server.Position = int32(min(int(server.Position), end)) //nolint:gosec // It was one before.
	}
	return err
}

// outdated says whether a statement failed, and had no effect, because the tables have changed since pgx
// learned of its text, which it now has forgotten. In a transaction that is the end of it.
func (c *Conn) outdated(err error) bool {
	if err == nil || !c.wire.names || c.status() != idle {
		return false
	}
	var server *pgconn.PgError
	if !errors.As(err, &server) {
		return false
	}
	switch server.Routine { // both as the server binds the statement, before it runs
	case "RevalidateCachedQuery": // cached plan must not change result type
		return server.Code == "0A000"
	case "PortalSetResultFormat": // bind message has 2 result formats but query has 3 columns
		return server.Code == "08P01"
	}
	return false
}
