package sqltext

import "strings"

// names looks at every name of the text. It notes those that a tenant table has, and refuses what
// reads more than its names tell: functions that run a text or read a table by its name, and
// catalogs that hold values of all tenants.
func (t *tokens) names(o *Options) (named bool, refusal *Refusal) {
	for at := range t.list {
		tok := &t.list[at]
		switch {
		case tok.kind == word, tok.kind == quoted, tok.kind == coded:
		case tok.kind == str && t.mayName(at):
		default:
			continue
		}
		if tok.kind == word && tok.keyword != plain && t.list[at+1].kind != '.' &&
			!t.afterDot(int32(at)) &&
			frequent(tok.keyword) {
			continue
		}
		schema := int32(none)
		if at >= 2 && t.list[at-1].kind == '.' {
			schema = int32(at - 2)
		}
		found, known := lookup(t, o, schema, int32(at))
		if !known || found != nil {
			tok.flag |= tenants
			named = true
		}
		if r := t.forbidden(at); r != nil {
			return named, r
		}
	}
	return named, nil
}

// mayName reports whether a string may be the name of a table.
func (t *tokens) mayName(at int) bool {
	return t.server == sqlite || t.server == mysql && t.text[t.list[at].start] == '"'
}

// frequent reports whether a word is reserved by every server, so that it is never the name of a
// table.
func frequent(k keyword) bool {
	switch k {
	case kwAnd, kwAs, kwFrom, kwIn, kwOn, kwOr, kwSelect, kwWhere, kwNull, kwNot, kwJoin, kwInto,
		kwOrder, kwGroup:
		return true
	}
	return false
}

// longestForbidden is the length of database_to_xml_and_xmlschema and the like.
const longestForbidden = 35

func (t *tokens) forbidden(at int) *Refusal {
	tok := t.list[at]
	n := int(tok.end - tok.start)
	if n < 6 || n > longestForbidden {
		return nil
	}
	var room [longestForbidden]byte
	text := t.text[tok.start:tok.end]
	if tok.kind != word {
		text = text[1 : n-1]
	}
	for i := range len(text) {
		room[i] = lower(text[i])
	}
	what := forbiddenNames[string(room[:len(text)])]
	switch {
	case what == 0:
		return nil
	case what == aFunction && t.list[at+1].kind != '(':
		return nil
	case what == aFunction:
		return &Refusal{
			Reason: RunsText, Pos: int(tok.start),
			Detail: "the function " + text + " reads tables that the text does not show; " +
				"run it Unscoped",
		}
	}
	if t.list[at+1].kind == '.' ||
		t.server == sqlite != strings.HasPrefix(string(room[:n]), "sqlite_") {
		return nil
	}
	return &Refusal{
		Reason: Catalog, Pos: int(tok.start),
		Detail: text + " holds values or statements of all tenants; run it Unscoped",
	}
}

type forbiddenKind uint8

const (
	aFunction forbiddenKind = iota + 1
	aCatalog
)

// forbiddenNames are the functions of Postgres and its contrib modules that run a text or dump a
// table, and the catalogs in which values of columns or texts of statements stand.
var forbiddenNames = func() map[string]forbiddenKind {
	all := map[string]forbiddenKind{}
	for _, name := range [...]string{
		"query_to_xml", "query_to_xmlschema", "query_to_xml_and_xmlschema", "cursor_to_xml",
		"cursor_to_xmlschema", "table_to_xml", "table_to_xmlschema", "table_to_xml_and_xmlschema",
		"schema_to_xml", "schema_to_xmlschema", "schema_to_xml_and_xmlschema", "database_to_xml",
		"database_to_xmlschema", "database_to_xml_and_xmlschema", "crosstab", "crosstab2",
		"crosstab3", "crosstab4", "crosstabn", "connectby", "ts_stat", "ts_rewrite", "dblink",
		"dblink_exec", "dblink_open", "dblink_fetch", "dblink_send_query", "dblink_get_result",
		"dblink_connect", "dblink_connect_u", "lo_export", "lo_import", "pg_read_file",
		"pg_read_binary_file", "pg_logical_slot_get_changes", "pg_logical_slot_peek_changes",
		"run_command_on_workers", "run_command_on_shards", "run_command_on_placements",
		"run_command_on_all_nodes", "run_command_on_coordinator", "master_modify_multiple_shards",
		"pgp_armor_headers_query", "get_raw_page", "heap_page_items", "heap_page_item_attrs",
		"bt_page_items", "pg_stat_get_activity", "pg_stat_statements", "load_extension",
		"writefile", "plan_query", "xpath_table",
	} {
		all[name] = aFunction
	}
	for _, name := range [...]string{
		"pg_stats", "pg_statistic", "pg_stats_ext", "pg_stats_ext_exprs", "pg_statistic_ext_data",
		"pg_stat_activity", "pg_stat_statements_info", "pg_prepared_statements", "pg_cursors",
		"pg_largeobject", "citus_stat_statements", "citus_stat_activity",
		"citus_dist_stat_activity",
		"pg_dist_partition_stats", "processlist", "general_log", "slow_log", "column_stats",
		"events_statements_current", "events_statements_history",
		"events_statements_history_long", "events_statements_summary_by_digest",
		"prepared_statements_instances", "column_statistics", "sqlite_stat3", "sqlite_stat4",
		"sqlite_dbpage",
	} {
		all[name] = aCatalog
	}
	return all
}()
