package transfer

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
)

// order returns the tables in groups, each after those that it refers to by a foreign key of the
// place.
func (e *postgresSide) order(ctx context.Context) ([][]int, error) {
	parents, err := e.between(ctx, e.list)
	if err != nil {
		return nil, err
	}
	return groups(len(e.list), func(i int) []int { return parents[i] }), nil
}

// take copies a group of tables. Where they refer to each other, no order would do: their rows go
// to temporary tables first, and from there in one statement, after which the server looks at
// foreign keys. So does the table of a policy that holds the role, which COPY does not write to,
// and any if the caller asks for it. That statement is what insert runs.
func (e *postgresSide) take(
	ctx context.Context, source side, group []int, staging bool,
	progress func(string, int64),
) (insert func() error, err error) {
	staging = staging || len(group) > 1
	for _, i := range group {
		staging = staging || e.list[i].policed
	}
	var inserts []string
	for k, i := range group {
		s, into := source.tables()[i], *e.list[i]
		if staging {
			if into.qualifiedName, err = e.stage(ctx, e.list[i], s.columns); err != nil {
				return nil, err
			}
			inserts = append(inserts, fmt.Sprintf("rows_%d AS (INSERT INTO %s (%s) OVERRIDING "+
				"SYSTEM VALUE SELECT %s FROM %s)", k, e.list[i].qualifiedName, list(s.columns),
				list(s.columns), into.qualifiedName))
		}
		if err := e.takeTable(ctx, source, s, &into, progress); err != nil {
			return nil, fmt.Errorf("gormtenant: copying %s: %w", s.name, err)
		}
	}
	return func() error {
		if !staging {
			return nil
		}
		if err := e.exec(ctx, "WITH "+strings.Join(inserts, ", ")+" SELECT"); err != nil {
			return fmt.Errorf("gormtenant: copying %s: %w", e.list[group[0]].name, err)
		}
		return nil
	}, nil
}

// stage makes a temporary table that has the columns of a table.
func (e *postgresSide) stage(
	ctx context.Context, s *locatedTable, columns []column,
) (string, error) {
	e.staged++
	name := fmt.Sprintf("gormtenant_stage_%d", e.staged)
	err := e.exec(ctx, "CREATE TEMPORARY TABLE "+name+" ON COMMIT DROP AS SELECT "+list(columns)+
		" FROM "+s.qualifiedName+" WITH NO DATA")
	return "pg_temp." + name, err
}

func (e *postgresSide) takeTable(
	ctx context.Context, source side, s, into *locatedTable, progress func(string, int64),
) error {
	other, ok := source.(*postgresSide)
	if !ok {
		return transfer(ctx, source, s, e.writer(ctx, into, s.columns), progress)
	}
	n, err := pipe(ctx, other, e, rowsOf(s, s.columns), copyIn(into.qualifiedName, s.columns),
		func(rows int64) { progress(s.name, rows) })
	if err == nil {
		progress(s.name, n)
	}
	return err
}

// pipe takes what a query of one session gives to a COPY of another, as it comes.
func pipe(
	ctx context.Context, from, to *postgresSide, query, copyIn string, progress func(rows int64),
) (int64, error) {
	read, write := io.Pipe()
	type outcome struct {
		rows int64
		err  error
	}
	out := make(chan outcome, 1)
	go func() {
		tag, err := from.conn.CopyTo(ctx, &counter{to: write, progress: progress},
			"COPY ("+query+") TO STDOUT")
		_ = write.CloseWithError(err)
		out <- outcome{tag.RowsAffected(), err}
	}()
	tag, err := to.conn.CopyFrom(ctx, read, copyIn)
	_ = read.CloseWithError(io.ErrClosedPipe) // the source must not wait for what failed
	source := <-out
	switch {
	case err != nil && code(err) != "57014": // that is what COPY makes of the source's error
		return 0, err
	case source.err != nil:
		return 0, source.err
	case err != nil:
		return 0, err
	case source.rows != tag.RowsAffected():
		return 0, fmt.Errorf("%d of %d rows arrived", tag.RowsAffected(), source.rows)
	}
	return source.rows, nil
}

// counter counts the rows that pass.
type counter struct {
	to         io.Writer
	progress   func(rows int64)
	rows, told int64
}

func (c *counter) Write(p []byte) (int, error) {
	c.rows += int64(bytes.Count(p, []byte{'\n'}))
	if c.rows >= c.told+often {
		c.told = c.rows
		c.progress(c.rows)
	}
	return c.to.Write(p)
}
