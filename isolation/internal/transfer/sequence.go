package transfer

import (
	"context"
	"fmt"
	"strconv"

	"github.com/gormtenant/gormtenant/internal/pgsession"
)

// advanceSequences sets the sequences of the target past the keys that come. It does so before the
// rows are there, so that no other tenant is given such a key meanwhile, and never sets one back.
func advanceSequences(ctx context.Context, source side, target *postgresSide, to Location) error {
	var own *session
	for i, s := range target.list {
		sequences, err := target.sequences(ctx, s)
		if err != nil {
			return err
		}
		for name, column := range sequences {
			greatest, err := greatestKey(ctx, source, source.tables()[i], column)
			if err != nil {
				return err
			}
			if greatest <= 0 {
				continue
			}
			if own == nil {
				if own, err = dial(ctx, to); err != nil {
					return err
				}
				defer own.close(ctx)
			}
			if err := own.advance(ctx, name, greatest); err != nil {
				return fmt.Errorf("gormtenant: setting the sequence %s past the keys of the "+
					"tenant: %w", name, err)
			}
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
	behind, err := s.value(ctx, fmt.Sprintf("SELECT last_value < %d AND (SELECT seqincrement > 0 "+
		"FROM pg_sequence WHERE seqrelid = %s::regclass) FROM %s",
		to, pgsession.Literal(name), name))
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
