package transfer

import (
	"context"
	"fmt"
	"strconv"

	"github.com/gormtenant/gormtenant/internal/pgsession"
)

// advanceSequences sets the sequences of the target past the keys that come, and past those that
// the source has given: a key of a row that is gone, or of a transaction that was refused, may be
// known to somebody. It does so before the rows are there, so that no other tenant is given such a
// key meanwhile, and never sets one back.
func advanceSequences(ctx context.Context, source side, target *postgresSide, to Location) error {
	return advance(ctx, target, to, func(i int, column string) (int64, error) {
		return lastKey(ctx, source, source.tables()[i], column)
	})
}

// advance sets the sequences of the target to the last key of each column.
func advance(
	ctx context.Context, target *postgresSide, to Location,
	last func(i int, column string) (int64, error),
) error {
	var own *session
	for i, s := range target.list {
		sequences, err := target.sequences(ctx, s)
		if err != nil {
			return err
		}
		for name, column := range sequences {
			key, err := last(i, column)
			if err != nil {
				return err
			}
			if key <= 0 {
				continue
			}
			if own == nil {
				if own, err = dial(ctx, to); err != nil {
					return err
				}
				defer own.close(ctx)
			}
			if err := own.advance(ctx, name, key); err != nil {
				return fmt.Errorf("gormtenant: setting the sequence %s past the keys of the "+
					"tenant: %w", name, err)
			}
		}
	}
	return nil
}

// lastKey returns the greatest key of the tenant's rows, or the last that the source gave, if that
// is greater.
func lastKey(ctx context.Context, source side, s *locatedTable, column string) (int64, error) {
	greatest, err := greatestKey(ctx, source, s, column)
	if err != nil {
		return 0, err
	}
	given, err := source.lastGiven(ctx, s, column)
	return max(greatest, given), err
}

// lastGiven returns the last value that a sequence gave to a column.
func (e *postgresSide) lastGiven(
	ctx context.Context, s *locatedTable, column string,
) (given int64, err error) {
	sequences, err := e.sequences(ctx, s)
	if err != nil {
		return 0, err
	}
	for name, of := range sequences {
		if of != column {
			continue
		}
		// A fresh one has not given its last_value yet.
		text, err := e.value(ctx, "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM "+
			name)
		if err != nil {
			return 0, err
		}
		last, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, err
		}
		given = max(given, last)
	}
	return given, nil
}

// automatic is the table in which SQLite keeps the last keys of tables with AUTOINCREMENT
// (https://www.sqlite.org/autoinc.html). It is there if there is such a table.
const automatic = "sqlite_sequence"

func (e *sqliteSide) lastGiven(
	ctx context.Context, s *locatedTable, column string,
) (given int64, err error) {
	there, err := e.texts(ctx, "SELECT name FROM sqlite_master WHERE name = '"+automatic+"' "+
		"AND EXISTS (SELECT 1 FROM pragma_table_info(?) WHERE pk = 1 AND name = ?)", s.name, column)
	if err != nil || len(there) == 0 {
		return 0, err
	}
	err = e.rows(ctx, "SELECT seq FROM "+automatic+" WHERE name = ?", func(values []any) error {
		given, _ = values[0].(int64)
		return nil
	}, s.name)
	return given, err
}

// advanceKeys does what advanceSequences does, for tables with AUTOINCREMENT on SQLite, which has
// seen the keys that came.
func (e *sqliteSide) advanceKeys(ctx context.Context, source side) error {
	for i, t := range e.list {
		keys, err := e.texts(ctx, "SELECT name FROM pragma_table_info(?) WHERE pk = 1 "+
			"AND EXISTS (SELECT 1 FROM sqlite_master WHERE name = '"+automatic+"')", t.name)
		if err != nil {
			return err
		}
		if len(keys) != 1 {
			continue
		}
		given, err := source.lastGiven(ctx, source.tables()[i], keys[0])
		if err != nil {
			return err
		}
		if given == 0 {
			continue
		}
		// The row is there since the first key was given, and only of a table with AUTOINCREMENT.
		if err := e.exec1(ctx, "UPDATE "+automatic+" SET seq = max(seq, ?) WHERE name = ?", given,
			t.name); err != nil {
			return err
		}
		if err := e.exec1(ctx, "INSERT INTO "+automatic+" (name, seq) SELECT ?1, ?2 "+
			"WHERE NOT EXISTS (SELECT 1 FROM "+automatic+" WHERE name = ?1) "+
			"AND EXISTS (SELECT 1 FROM sqlite_master WHERE name = ?1 AND type = 'table' "+
			"AND upper(sql) LIKE '%AUTOINCREMENT%')", t.name, given); err != nil {
			return err
		}
	}
	return nil
}

// sequences returns the sequences that give a table's columns their values, with the columns.
func (s *session) sequences(ctx context.Context, spot *locatedTable) (map[string]string, error) {
	rows, err := s.query(ctx, "SELECT DISTINCT quote_ident(n.nspname) || '.' || "+
		"quote_ident(c.relname), a.attname "+
		"FROM pg_depend AS d LEFT JOIN pg_attrdef AS ad ON d.classid = 'pg_attrdef'::regclass "+
		"AND ad.oid = d.objid "+
		// A default reads the sequence, an identity column owns it.
		"JOIN pg_class AS c ON c.relkind = 'S' AND c.oid = CASE WHEN ad.oid IS NULL THEN d.objid "+
		"ELSE d.refobjid END "+
		"JOIN pg_namespace AS n ON n.oid = c.relnamespace "+
		"JOIN pg_attribute AS a ON a.attrelid = "+spot.oid+" "+
		"AND a.attnum = CASE WHEN ad.oid IS NULL THEN d.refobjsubid ELSE ad.adnum END "+
		"WHERE a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) "+
		"AND ((ad.adrelid = "+spot.oid+" AND d.refclassid = 'pg_class'::regclass) "+
		"OR (d.classid = 'pg_class'::regclass "+
		"AND d.refclassid = 'pg_class'::regclass AND d.refobjid = "+spot.oid+
		" AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')))")
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, row := range rows {
		found[string(row[0])] = string(row[1])
	}
	return found, nil
}

func greatestKey(ctx context.Context, source side, s *locatedTable, column string) (int64, error) {
	query := "SELECT coalesce(max(" + quoted(column) + "), 0) FROM " + s.qualifiedName + " WHERE " +
		s.where
	var key string
	var err error
	switch e := source.(type) {
	case *postgresSide:
		key, err = e.value(ctx, query)
	case *sqliteSide:
		var keys []string
		if keys, err = e.texts(ctx, query); err == nil {
			key = keys[0]
		}
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(key, 10, 64)
}

// advance sets a sequence to a value, if it is behind. nextval does not wait for a transaction that
// has called it, but ALTER SEQUENCE does, and keeps others out: so the sequence cannot move between
// the look at it and the change.
func (s *session) advance(ctx context.Context, name string, to int64) error {
	behind, err := s.value(ctx, fmt.Sprintf("SELECT (last_value < %d OR last_value = %d AND NOT "+
		"is_called) AND (SELECT seqincrement > 0 FROM pg_sequence WHERE seqrelid = %s::regclass) "+
		"FROM %s", to, to, pgsession.Literal(name), name))
	if err != nil || behind != "t" {
		return err
	}
	cache, err := s.value(ctx, "SELECT seqcache FROM pg_sequence WHERE seqrelid = "+
		pgsession.Literal(name)+"::regclass")
	if err != nil {
		return err
	}
	return s.patiently(ctx, retryLimit, "", "ALTER SEQUENCE "+name+" CACHE "+cache,
		fmt.Sprintf("SELECT setval(%s::regclass, greatest(last_value, %d)) FROM %s",
			pgsession.Literal(name), to, name))
}
