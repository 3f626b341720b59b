package sqlscan_test

import (
	"database/sql"
	"slices"
	"strings"
	"testing"

	_ "github.com/glebarez/go-sqlite" // Registers the driver "sqlite".
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/sqlscan"
)

const sqliteSchema = `
CREATE TABLE projects (id INTEGER PRIMARY KEY, name TEXT UNIQUE, a, b);
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, a, b);
CREATE INDEX users_name ON users (name);
CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT, a, b);
CREATE UNIQUE INDEX tags_name ON tags (name, a);
CREATE TABLE "order" (id INTEGER PRIMARY KEY, name TEXT, a, b);
CREATE TABLE codes (code);
CREATE TABLE copy (id INTEGER PRIMARY KEY, name TEXT, a, b);
CREATE TABLE lateral (id INTEGER PRIMARY KEY, name TEXT, a, b);
CREATE TABLE "left" (id INTEGER PRIMARY KEY, name TEXT, a, b);
CREATE TABLE only (id INTEGER PRIMARY KEY, name TEXT, a, b);
CREATE TABLE "with" (id INTEGER PRIMARY KEY, name TEXT, a, b);
CREATE TABLE notes (name TEXT PRIMARY KEY, a, b, id) WITHOUT ROWID`

var sqliteParameters = []any{
	1, 2, 3, 4, 5, 6, 7, 8, 9,
	sql.Named("a", 1), sql.Named("b", 1), sql.Named("from", 1), sql.Named("c::d(e)", 1),
}

// sqlite asks SQLite which tables a statement opens.
type sqlite struct {
	db    *sql.DB
	roots map[int64]string // By the root page of a table or an index.
}

func openSQLite(t testing.TB) *sqlite {
	t.Helper()
	db, err := sql.Open("sqlite", ":memory:")
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err = db.Exec(sqliteSchema)
	require.NoError(t, err)

	s := &sqlite{db: db, roots: map[int64]string{}}
	rows, err := db.Query("SELECT rootpage, tbl_name FROM sqlite_master WHERE rootpage > 0")
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var page int64
		var table string
		require.NoError(t, rows.Scan(&page, &table))
		s.roots[page] = table
	}
	require.NoError(t, rows.Err())
	return s
}

// opened returns the tables that a statement opens, and false if SQLite refuses it.
func (s *sqlite) opened(statement string) (tables []string, ok bool) {
	rows, err := s.db.Query("EXPLAIN " + statement)
	if err != nil {
		// The driver wants a value for each parameter.
		rows, err = s.db.Query("EXPLAIN "+statement, sqliteParameters...)
	}
	if err != nil {
		return nil, false
	}
	defer func() { _ = rows.Close() }()
	if columns, err := rows.Columns(); err != nil || len(columns) != 8 {
		return nil, false // EXPLAIN QUERY PLAN.
	}
	for rows.Next() {
		var addr, p1, p2, p3, p5 int64
		var opcode string
		var p4, comment any
		if err := rows.Scan(&addr, &opcode, &p1, &p2, &p3, &p4, &p5, &comment); err != nil {
			return nil, false
		}
		page := int64(0)
		switch opcode {
		case "OpenRead", "OpenWrite", "ReopenIdx":
			if p3 == 0 && p5&0x10 == 0 { // 0x10 says that P2 is a register.
				page = p2
			}
		case "Clear", "Destroy":
			page = p1
		}
		if table := s.roots[page]; table != "" && !slices.Contains(tables, table) {
			tables = append(tables, table)
		}
	}
	return tables, rows.Err() == nil
}

// missed returns a table that SQLite opens and that the scans do not report.
func (s *sqlite) missed(statement string) (table string, ok bool) {
	opened, ok := s.opened(statement)
	if !ok {
		return "", false
	}
	for _, scan := range []scanFunc{sqlscan.Statement, sqlscan.Fragment} {
		found := tables(scan, statement, sqlscan.Standard)
		for _, table := range opened {
			if !slices.ContainsFunc(found, func(f string) bool {
				return strings.EqualFold(f[strings.LastIndex(f, ".")+1:], table)
			}) {
				return table, true
			}
		}
	}
	return "", true
}

// defines reports whether SQLite opens tables for a statement without reading rows for the caller.
func defines(statement string) bool {
	statement = strings.TrimLeft(statement, " \t\n\f\r\v")
	for strings.HasPrefix(statement, "/*") || strings.HasPrefix(statement, "--") {
		stop := "*/"
		if statement[0] == '-' {
			stop = "\n"
		}
		_, rest, _ := strings.Cut(statement[2:], stop)
		statement = strings.TrimLeft(rest, " \t\n\f\r\v")
	}
	for _, word := range []string{
		"ALTER", "ANALYZE", "CREATE", "DROP", "PRAGMA", "REINDEX", "VACUUM",
	} {
		if len(statement) >= len(word) && strings.EqualFold(statement[:len(word)], word) {
			return true
		}
	}
	return false
}
