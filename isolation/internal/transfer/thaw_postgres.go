package transfer

import (
	"context"
	"errors"
	"fmt"

	"github.com/gormtenant/gormtenant/internal/pgsession"
)

// thaw ends a freeze. The tenant can write as soon as the function says so, or the lock is gone.
func (f *frozenPostgres) thaw(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout+retryLimit)
	defer cancel()
	defer f.close(ctx)
	if f.conn.IsClosed() {
		return fmt.Errorf("%w: the connection is gone", ErrLeft)
	}
	if err := f.transact(ctx, f.function(thawed, "")); err != nil {
		return err
	}
	if err := f.exec(ctx, "SELECT pg_advisory_unlock("+fmt.Sprint(f.lock)+")"); err != nil {
		return err
	}
	if err := f.stopLog(ctx); err != nil {
		return errors.Join(ErrLeft, err)
	}
	if err := f.dismantle(ctx); err != nil {
		return errors.Join(ErrLeft, err)
	}
	return nil
}

// dismantle drops the triggers and the function. DROP TRIGGER locks out readers too: one
// transaction for each table, which waits lockTimeout.
func (f *frozenPostgres) dismantle(ctx context.Context) error {
	rows, err := f.query(ctx, "SELECT c.oid, quote_ident(n.nspname) || '.' || "+
		"quote_ident(c.relname), "+
		"string_agg('DROP TRIGGER IF EXISTS ' || quote_ident(t.tgname) || ' "+
		"ON ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname), '; ') "+
		"FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_namespace AS n "+
		"ON n.oid = c.relnamespace "+
		"WHERE t.tgfoid IN ("+f.functions()+") AND t.tgparentid = 0 GROUP BY 1, 2 ORDER BY 2")
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := f.patiently(ctx, tidyLimit, string(row[0]), string(row[2])); err != nil {
			return fmt.Errorf("gormtenant: dropping triggers of %s: %w", row[1], err)
		}
	}
	return f.transact(ctx, "DROP FUNCTION IF EXISTS "+f.name()+"()",
		"DROP FUNCTION IF EXISTS "+f.logName()+"()", "DROP TABLE IF EXISTS "+f.logTable())
}

// functions lists those that triggers call, as SQL.
func (f *fence) functions() string {
	return "to_regprocedure(" + pgsession.Literal(f.name()+"()") + "), to_regprocedure(" +
		pgsession.Literal(f.logName()+"()") + ")"
}

func thawPostgres(ctx context.Context, p *Plan, loc Location) error {
	f, found, err := fenced(ctx, p, loc)
	if err != nil {
		return err
	}
	if found == "" {
		f.close(ctx)
		return nil
	}
	return f.thaw(ctx)
}
