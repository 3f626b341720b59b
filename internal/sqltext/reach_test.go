package sqltext_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/sqltext"
)

func TestReaches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ want, text string }{
		{"", ""},
		{"", "SELECT attach, 'VACUUM INTO x', \"pragma\" FROM docs -- ATTACH"},
		{"", "VACUUM"},
		{"", "PRAGMA foreign_keys = ON"},
		{"PRAGMA writable_schema", "EXPLAIN QUERY PLAN PRAGMA writable_schema = 1"},
		{"", "CREATE TABLE attach (detach int)"},
		{"", "SELECT ';ATTACH x'"},
		{"ATTACH", "ATTACH 'zeta.db' AS zeta"},
		{"ATTACH", "attach database ? as zeta"},
		{"ATTACH", "SELECT 1; ATTACH 'zeta.db' AS zeta"},
		{"ATTACH", ";;/* x */ -- y\n\tAtTaCh 'zeta.db' AS zeta"},
		{"ATTACH", "\uFEFFATTACH 'zeta.db' AS zeta"},
		{"ATTACH", "INSERT INTO docs VALUES (';') ; ATTACH ':memory:' AS m /* no end"},
		{"DETACH", "DETACH main"},
		{"VACUUM INTO", "VACUUM INTO 'copy.db'"},
		{"VACUUM INTO", "VACUUM main INTO 'copy.db'"},
		{"VACUUM INTO", "DELETE FROM docs; vacuum/**/into ?"},
		{"PRAGMA writable_schema", "PRAGMA writable_schema=1"},
		{"PRAGMA writable_schema", "PRAGMA main.'writable_schema' = ON"},
		{"PRAGMA temp_store_directory", "PRAGMA temp_store_directory = '/tmp'"},
	} {
		require.Equal(t, c.want, sqltext.Reaches(c.text), c.text)
	}
}
