package sqltext

import "strings"

// verb is the word that a statement of Postgres begins with, by what it may leave in the session.
type verb uint8

const (
	otherVerb verb = iota
	plainVerb      // What it leaves are rows, tables and rights, or an end of the transaction.
	setVerb
	explainVerb
	createVerb
	alterVerb
	declareVerb
)

var verbs = map[string]verb{
	"select": plainVerb, "insert": plainVerb, "update": plainVerb, "delete": plainVerb,
	"merge": plainVerb, "with": plainVerb, "values": plainVerb, "table": plainVerb,

	"begin": plainVerb, "start": plainVerb, "commit": plainVerb, "end": plainVerb,
	"rollback": plainVerb, "abort": plainVerb, "savepoint": plainVerb, "release": plainVerb,
	"lock": plainVerb, "notify": plainVerb, "fetch": plainVerb, "move": plainVerb,
	"close": plainVerb, "show": plainVerb,

	"analyze": plainVerb, "cluster": plainVerb, "comment": plainVerb, "copy": plainVerb,
	"drop": plainVerb, "grant": plainVerb, "refresh": plainVerb, "reindex": plainVerb,
	"revoke": plainVerb, "truncate": plainVerb, "vacuum": plainVerb,

	"set": setVerb, "explain": explainVerb, "create": createVerb, "alter": alterVerb,
	"declare": declareVerb,
}

// longestVerb is the length of SAVEPOINT.
const longestVerb = 9

func verbOf(word string) verb {
	if len(word) > longestVerb {
		return otherVerb
	}
	var lower [longestVerb]byte
	for i := range len(word) {
		lower[i] = lowered(word[i])
	}
	return verbs[string(lower[:len(word)])]
}

func lowered(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// with returns what a statement may leave whose second word is object.
func (v verb) with(object string) Trace {
	switch v {
	case setVerb:
		switch {
		case strings.EqualFold(object, "local"):
			return TransactionTrace
		case isOneOf(object, "transaction", "constraints"):
			return NoTrace
		}
		return SessionTrace
	case createVerb:
		if isOneOf(object, "table", "unlogged", "index", "unique", "schema", "sequence", "type",
			"view") {
			return NoTrace
		}
		return SessionTrace
	case alterVerb: // a role's settings are those of its later sessions
		if isOneOf(object, "role", "user", "group", "database", "system") {
			return SessionTrace
		}
	case declareVerb:
		return TransactionTrace
	}
	return v.among("", object)
}

// among returns what a statement may leave in which name stands behind previous.
func (v verb) among(previous, name string) Trace {
	leaves := false
	switch v {
	case setVerb: // a path makes CREATE TABLE make a temporary one
		leaves = strings.EqualFold(previous, "local") &&
			isOneOf(name, "search_path", "schema", "session")
	case createVerb:
		leaves = isOneOf(name, "temp", "temporary")
	case declareVerb:
		leaves = strings.EqualFold(name, "hold")
	case explainVerb: // with ANALYZE it runs them
		leaves = isOneOf(name, "create", "declare", "execute", "refresh")
	}
	if leaves {
		return SessionTrace
	}
	return NoTrace
}

func isOneOf(name string, names ...string) bool {
	for _, n := range names {
		if strings.EqualFold(name, n) {
			return true
		}
	}
	return false
}

// leavers begin the names of functions that leave something in the session, or run a text that may.
// Of the server's own there is no other: see the tests.
var leavers = [...]string{
	"set_config", "setseed", "pg_advisory_", "pg_try_advisory_", // but not ..._xact_...
	"query_to_xml", "cursor_to_xml", "ts_stat", "ts_rewrite",
	"lo_", "loread", "lowrite", "pg_replication_origin_", "pg_logical_",
	// Of extensions: pg_trgm, hll, tablefunc, dblink, xml2, pg_variables, plv8, orafce, Citus.
	"set_limit", "hll_set_", "crosstab", "connectby", "dblink", "xpath_table", "pgv_", "plv",
	"dbms_", "run_command_on_", "postgres_fdw_",
}

// leavesByCall reports whether a call of the function leaves something in the session.
func leavesByCall(function string) bool {
	for _, prefix := range leavers {
		if len(function) >= len(prefix) && lowered(function[0]) == prefix[0] &&
			strings.EqualFold(function[:len(prefix)], prefix) {
			const perTransaction = "_xact_"
			return !strings.Contains(strings.ToLower(function), perTransaction)
		}
	}
	return false
}
