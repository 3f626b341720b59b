package sqlscan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/sqlscan"
)

func TestProblem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		sql     string
		dialect sqlscan.Dialect
		want    string
	}{
		{"condition", "name = ? AND age > ? OR id IN (?)", sqlscan.Standard, ""},
		{"empty", "", sqlscan.Standard, ""},
		{"quoted_everything", `a = '(' AND "b(" = 1 AND ` + "`;` = 2 /* ) */", sqlscan.Standard, ""},
		{"closes_parenthesis", "a) OR (b", sqlscan.Standard, "unbalanced"},
		{"opens_parenthesis", "(a", sqlscan.Standard, "unbalanced"},
		{"crossed_brackets", "a[(1]) + b['x')]", sqlscan.Standard, "unbalanced"},
		{"string", "a = 'x", sqlscan.Standard, "quote"},
		{"doubled_quote_at_end", "a = 'x''", sqlscan.Standard, "quote"},
		{"double_quotes", `a = "x`, sqlscan.Standard, "quote"},
		{"backticks", "a = `x", sqlscan.Standard, "quote"},
		{"bracket_name", "a = [x", sqlscan.Standard, "quote"},
		{"bracket_closed", "a]", sqlscan.Standard, "unbalanced"},
		{"comment", "a = 1 /* x", sqlscan.Standard, "a comment"},
		{"line_comment", "a = 1 -- x", sqlscan.Standard, "line comment"},
		{"line_comment_with_newline", "a = 1 -- x\n", sqlscan.Standard, ""},
		{"line_comment_with_crlf", "a = 1 -- x\r\n", sqlscan.Standard, ""},
		{"line_comment_with_return", "a = 1 -- x\r", sqlscan.Standard, "line comment"},
		{"line_comment_hides_on_one_server", "a -- x\r) OR (b\n", sqlscan.Standard, "unbalanced"},
		{"nested_comment", "a /* /* */", sqlscan.Standard, "a comment"},
		{"nested_comment_ended", "a /* /* */ */", sqlscan.Standard, ""},
		{"semicolon", "a = 1; DELETE FROM b", sqlscan.Standard, "semicolon"},
		{"semicolon_in_quotes", `a = ';' AND "b;" = 1`, sqlscan.Standard, ""},
		{"nul", "a = 1\x00", sqlscan.Standard, "NUL"},
		{
			"subscripts", "a[1] = b[c[1:2]] AND ARRAY[[1,2],[3,4]] && d AND $1[2] = 1",
			sqlscan.Standard, "",
		},
		{"parenthesis_in_subscript", "a[f(b[1])] = ARRAY[(1)]", sqlscan.Standard, ""},
		{"parenthesis_in_name", "[a(b] = 1", sqlscan.Standard, ""},
		{"subscript_closes", "a[1) OR (1]", sqlscan.Standard, "unbalanced"},
		{"backslash_is_plain", `a = '\' OR b = '\'`, sqlscan.Standard, ""},
		{"backslash_does_not_escape", `a = '\''`, sqlscan.Standard, "quote"},
		{"escape_string", `a = E'it\'s (' AND b = 1`, sqlscan.Standard, ""},
		{"dollar_quote_unterminated", "a = $$ x", sqlscan.Standard, "quote"},
		{"dollar_quote", "a = $x$ ' $x$", sqlscan.Standard, "quote"},
		{"dollar_quote_balanced", "a = $$ x $$", sqlscan.Standard, ""},
		{"cast", "a::numeric(10, 2) > ?", sqlscan.Standard, ""},
		{"cast_with_parentheses", "a::f((1),2) > ?", sqlscan.Standard, ""},
		{"no_server_accepts", "] + [a]", sqlscan.Standard, "unbalanced"},
		{"hash", "a # b", sqlscan.Standard, ""},
		{"hash_comment", "a # b", sqlscan.MySQL, "line comment"},
		{"hash_comment_with_newline", "a # ' ( ;\n", sqlscan.MySQL, ""},
		{"mysql_backslash", `a = 'it\'s'`, sqlscan.MySQL, ""},
		{"mysql_backslash_hides_quote", `a = '\'`, sqlscan.MySQL, "quote"},
		{"mysql_backslash_at_end", `a = '\`, sqlscan.MySQL, "quote"},
		{"mysql_dashes", "a--1", sqlscan.MySQL, ""},
		{"mysql_dashes_at_end", "a--", sqlscan.MySQL, "line comment"},
		{"run_comment", "a /*! + 1 */ = 2", sqlscan.MySQL, ""},
		{"run_comment_closes", "a /*! ) */ = 2", sqlscan.MySQL, "unbalanced"},
		{"run_comment_open", "a /*! + 1", sqlscan.MySQL, "a comment"},
		{"run_comment_of_some_versions", "a /*!99999 ( */ = 2", sqlscan.MySQL, "unbalanced"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := sqlscan.Problem(c.sql, c.dialect)
			if c.want == "" {
				require.Empty(t, got)
				return
			}
			require.Contains(t, got, c.want)
		})
	}
}

func TestProblem_allocates_nothing(t *testing.T) {
	require.Zero(t, testing.AllocsPerRun(100, func() {
		_ = sqlscan.Problem("name = ? AND age > ? OR id IN (?)", sqlscan.Standard)
	}))
}
