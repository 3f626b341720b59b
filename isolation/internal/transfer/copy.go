package transfer

import (
	"context"
	"fmt"

	"github.com/gormtenant/gormtenant/internal/pgsession"
)

// Copy copies the tenant's rows, those that are deleted softly too. All of them are there when it
// returns nil, none if it returns an error or the process ends: it writes in one transaction. from
// must be frozen. No hooks of models run, and no triggers of the application: those of the tables
// are off in the transaction. In shared tables on Postgres that have any, others wait to write
// while the server takes the rows from a temporary table, some 5 µs a row.
//
// progress, which may be nil, is told now and then how many rows of a table were read, and at its
// end.
//
// It fails before it writes anything where the columns differ, or where rows of the source are not
// the tenant's alone. Sequences go on behind the keys that come and the last one that the source
// gave; on Postgres they are advanced first, and stay advanced; between two places on Postgres rows
// go by COPY. Times from SQLite are cut to the microseconds that Postgres keeps.
func (p *Plan) Copy(
	ctx context.Context, from, to Location, progress func(table string, rows int64),
) error {
	if err := apart(from, to); err != nil {
		return err
	}
	source, err := p.open(ctx, from)
	if err != nil {
		return err
	}
	defer source.close(ctx)
	return p.copyFrom(ctx, source, from, to, progress)
}

// copyFrom is Copy from an open place.
func (p *Plan) copyFrom(
	ctx context.Context, source side, from, to Location, progress func(string, int64),
) error {
	if progress == nil {
		progress = func(string, int64) {}
	}
	if err := p.foreign(ctx, source, from.Shared, literalOf(source)); err != nil {
		return err
	}
	_, dialect, err := to.pool()
	if err != nil {
		return err
	}
	if dialect == onPostgres {
		return p.toPostgres(ctx, source, to, progress)
	}
	return p.toSQLite(ctx, source, to, progress)
}

func literalOf(e side) func(string) string {
	if _, ok := e.(*postgresSide); ok {
		return pgsession.Literal
	}
	return literalSQLite
}

func (p *Plan) toSQLite(
	ctx context.Context, source side, to Location, progress func(string, int64),
) error {
	target, err := openSQLite(ctx, p, to, true)
	if err != nil {
		return err
	}
	defer target.close(ctx)
	if err := match(source.tables(), target.list, false); err != nil {
		return err
	}
	if err := target.arrive(ctx, p.digest()); err != nil {
		return err
	}
	back, err := target.silence(ctx)
	if err != nil {
		return err
	}
	for i, s := range source.tables() {
		w, err := target.writer(ctx, target.list[i], s.columns)
		if err != nil {
			return err
		}
		if err := transfer(ctx, source, s, w, progress); err != nil {
			return fmt.Errorf("gormtenant: copying %s: %w", s.name, err)
		}
	}
	if err := target.advanceKeys(ctx, source); err != nil {
		return fmt.Errorf("gormtenant: setting the keys that come next: %w", err)
	}
	if err := target.arrived(ctx, p.digest()); err != nil {
		return err
	}
	if err := target.exec(ctx, append(back, "COMMIT")...); err != nil {
		return fmt.Errorf("gormtenant: committing the copy: %w", err)
	}
	return nil
}

func (p *Plan) toPostgres(
	ctx context.Context, source side, to Location, progress func(string, int64),
) error {
	target, err := openPostgres(ctx, p, to, "BEGIN")
	if err != nil {
		return err
	}
	defer target.close(ctx)
	_, same := source.(*postgresSide)
	if err := match(source.tables(), target.list, same); err != nil {
		return err
	}
	if err := target.pass(ctx, p, arrival); err != nil {
		return err
	}
	if err := advanceSequences(ctx, source, target, to); err != nil {
		return err
	}
	order, err := target.order(ctx)
	if err != nil {
		return err
	}
	q, err := target.triggersOf(ctx, onInsert)
	if err != nil {
		return err
	}
	// In shared tables the rows are brought first, and others are held up only while the server
	// takes them from there to the tables.
	late := to.Shared && q.needed()
	if !late {
		if err := target.silence(ctx, q); err != nil {
			return err
		}
	}
	var inserts []func() error
	for _, group := range order {
		insert, err := target.take(ctx, source, group, late, progress)
		if err == nil && !late {
			err = insert()
		}
		if err != nil {
			return err
		}
		inserts = append(inserts, insert)
	}
	if late {
		if err := target.silence(ctx, q); err != nil {
			return err
		}
		for _, insert := range inserts {
			if err := insert(); err != nil {
				return err
			}
		}
	}
	if err := target.unsilence(ctx, q); err != nil {
		return err
	}
	if err := target.exec(ctx, "COMMIT"); err != nil {
		return fmt.Errorf("gormtenant: committing the copy: %w", err)
	}
	return nil
}

// often is after how many rows progress is told.
const often = 5000

// transfer takes the rows of a table to a writer.
func transfer(
	ctx context.Context, source side, s *locatedTable, w writer, progress func(string, int64),
) error {
	var n int64
	err := source.each(ctx, s, s.columns, func(values []any) error {
		if n++; n%often == 0 {
			progress(s.name, n)
		}
		return w.write(values)
	})
	arrived, err := w.finish(err)
	if err == nil && arrived != n {
		err = fmt.Errorf("%d of %d rows arrived", arrived, n)
	}
	if err == nil {
		progress(s.name, n)
	}
	return err
}
