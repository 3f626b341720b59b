package pgsession

import (
	"database/sql/driver"
	"errors"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// caches reports whether pgx, in that mode, caches what it learns of a statement by its text.
func caches(mode pgx.QueryExecMode) bool {
	return mode == pgx.QueryExecModeCacheStatement || mode == pgx.QueryExecModeCacheDescribe
}

// text returns the text that pgx gets for query. Where pgx caches by text, it has the mark of the
// current settings appended, so that each tenant has a cache entry of its own. The mark is in a
// comment on its own line, and has no character that could end a quotation or a comment that the
// query left open.
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

// clampPosition moves an error position beyond the caller's query back to its end.
func (c *Conn) clampPosition(err error, query string) error {
	if err == nil || !c.wire.names {
		return err
	}
	var server *pgconn.PgError // declared after the check, as it escapes to the heap
	if errors.As(err, &server) {
		end := utf8.RuneCountInString(query) + 1
		server.Position = int32(min(int(server.Position), end)) //nolint:gosec // It was one before.
	}
	return err
}

// outdated reports whether a statement failed without effect because the tables have changed since
// pgx cached it. pgx has dropped that entry now, so the statement can be sent again. In a
// transaction it cannot: the error has ended it.
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
