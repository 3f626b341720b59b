package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
)

var (
	// ErrExport is returned for a file that is no whole export of the tenant's.
	ErrExport = errors.New("gormtenant: that is no whole export of the tenant")
	// ErrHasRows is returned by Import if the tenant has rows at the place.
	ErrHasRows = errors.New("gormtenant: the tenant has rows there already")
)

// Import reads the rows that [Plan.Export] wrote, at whatever place, into one where the tenant has
// none, and returns how many. All of them are there when it returns nil, none if it returns an
// error or the process ends. What is cut off or changed, of another tenant, or has a table or a
// column that the place has not is [ErrExport], before anything is written. Columns that only the
// place has get their defaults.
func (p *Plan) Import(
	ctx context.Context, to Location, r io.Reader, progress func(table string, rows int64),
) (rows int64, err error) {
	if progress == nil {
		progress = func(string, int64) {}
	}
	f, err := p.spool(ctx, r)
	if err != nil {
		return 0, err
	}
	defer f.close(ctx)
	_, dialect, err := to.pool()
	if err != nil {
		return 0, err
	}
	if dialect == onPostgres {
		err = p.importPostgres(ctx, f, to, progress)
	} else {
		err = p.importSQLite(ctx, f, to, progress)
	}
	if err != nil {
		return 0, err
	}
	return f.total, nil
}

func (p *Plan) importPostgres(
	ctx context.Context, f *file, to Location, progress func(string, int64),
) error {
	target, err := openPostgres(ctx, p, to, "BEGIN")
	if err != nil {
		return err
	}
	defer target.close(ctx)
	if target.list, err = f.fit(target.list, onPostgres); err != nil {
		return err
	}
	if err := target.pass(ctx, p, arrival); err != nil {
		return err
	}
	if err := f.emptyAt(ctx, target); err != nil {
		return err
	}
	if err := f.advance(ctx, target, to); err != nil {
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
	if err := target.silence(ctx, q); err != nil {
		return err
	}
	for _, group := range order {
		insert, err := target.take(ctx, f, group, false, progress)
		if err == nil {
			err = insert()
		}
		if err != nil {
			return err
		}
	}
	if err := f.arrivedAt(ctx, target); err != nil {
		return err
	}
	if err := target.unsilence(ctx, q); err != nil {
		return err
	}
	if err := target.exec(ctx, "COMMIT"); err != nil {
		return fmt.Errorf("gormtenant: committing the import: %w", err)
	}
	return nil
}

// advance sets the sequences of the target past the keys that come.
func (f *file) advance(ctx context.Context, target *postgresSide, to Location) error {
	for i, s := range target.list {
		sequences, err := target.sequences(ctx, s)
		if err != nil {
			return err
		}
		for name, column := range sequences {
			greatest, err := f.greatest(ctx, f.list[i], column)
			if err != nil {
				return err
			}
			if greatest <= 0 {
				continue
			}
			own, err := dial(ctx, to)
			if err != nil {
				return err
			}
			err = own.advance(ctx, name, greatest)
			own.close(ctx)
			if err != nil {
				return fmt.Errorf("gormtenant: setting the sequence %s past the keys of the "+
					"tenant: %w", name, err)
			}
		}
	}
	return nil
}

func (p *Plan) importSQLite(
	ctx context.Context, f *file, to Location, progress func(string, int64),
) error {
	target, err := openSQLite(ctx, p, to, true)
	if err != nil {
		return err
	}
	defer target.close(ctx)
	if target.list, err = f.fit(target.list, onSQLite); err != nil {
		return err
	}
	if err := target.arrive(ctx, p.digest()); err != nil {
		return err
	}
	if err := f.emptyAt(ctx, target); err != nil {
		return err
	}
	back, err := target.silence(ctx)
	if err != nil {
		return err
	}
	for i, s := range f.list {
		w, err := target.writer(ctx, target.list[i], s.columns)
		if err != nil {
			return err
		}
		if err := transfer(ctx, f, s, w, progress); err != nil {
			return fmt.Errorf("gormtenant: importing %s: %w", s.name, err)
		}
	}
	if err := f.arrivedAt(ctx, target); err != nil {
		return err
	}
	if err := target.arrived(ctx, p.digest()); err != nil {
		return err
	}
	if err := target.exec(ctx, append(back, "COMMIT")...); err != nil {
		return fmt.Errorf("gormtenant: committing the import: %w", err)
	}
	return nil
}

// emptyAt fails if the tenant has rows at the target.
func (f *file) emptyAt(ctx context.Context, target side) error {
	for _, s := range target.tables() {
		n, err := target.count(ctx, s.qualifiedName, s.where)
		if err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("%w: %d rows of %s", ErrHasRows, n, s.name)
		}
	}
	return nil
}

// arrivedAt fails unless all rows of the file are the tenant's at the target: none is another's,
// whatever the file says.
func (f *file) arrivedAt(ctx context.Context, target side) error {
	for i, s := range target.tables() {
		where := s.where
		if s.column != "" { // in a place of the tenant's own, too
			where = quoted(s.column) + " = " + literalOf(target)(f.header.Tenant)
		}
		n, err := target.count(ctx, s.qualifiedName, where)
		if err != nil {
			return err
		}
		if n != f.rows[f.list[i].name] {
			return fmt.Errorf("%w: of %d rows of %s %d are the tenant's", ErrExport,
				f.rows[f.list[i].name], s.name, n)
		}
	}
	return nil
}
