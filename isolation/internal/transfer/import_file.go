package transfer

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/gormtenant/gormtenant/internal/owntable"
)

// file is an export as the source of rows. It is kept on disk while it is read: its tables are read
// in the order of the place that they go to.
type file struct {
	header   exportHeader
	spooled  *os.File
	segments map[string][]segment // of each table
	rows     map[string]int64
	total    int64
	list     []*locatedTable
	fromText bool // the values are Postgres's, and SQLite keeps them
}

// segment is a part of the file with rows of one table, from and to.
type segment struct{ from, to int64 }

// spool reads an export to its end, and fails if it is not whole.
func (p *Plan) spool(ctx context.Context, r io.Reader) (*file, error) {
	f := &file{segments: map[string][]segment{}, rows: map[string]int64{}}
	var err error
	if f.spooled, err = os.CreateTemp("", "gormtenant-import-*"); err != nil {
		return nil, fmt.Errorf("gormtenant: keeping the export while it is read: %w", err)
	}
	if err := p.fill(ctx, f, r); err != nil {
		f.close(ctx)
		return nil, err
	}
	return f, nil
}

// fill is the reading of spool.
func (p *Plan) fill(ctx context.Context, f *file, r io.Reader) error {
	lines, kept := bufio.NewReaderSize(r, flushAt), bufio.NewWriterSize(f.spooled, flushAt)
	sum, at := sha256.New(), int64(0)
	for number := 1; ; number++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: it ends after line %d, without its last", ErrExport,
				number-1)
		}
		if err != nil {
			return fmt.Errorf("gormtenant: reading the export: %w", err)
		}
		switch done, err := f.line(number, line, at, sum.Sum(nil)); {
		case err != nil:
			return fmt.Errorf("%w: line %d: %w", ErrExport, number, err)
		case number == 1 && f.header.Tenant != p.tenantID:
			return fmt.Errorf("%w: it is of the tenant %q", ErrExport, f.header.Tenant)
		case done:
			if _, err := lines.ReadByte(); !errors.Is(err, io.EOF) {
				return fmt.Errorf("%w: it goes on after its end", ErrExport)
			}
			return kept.Flush()
		}
		sum.Write(line)
		if _, err := kept.Write(line); err != nil {
			return fmt.Errorf("gormtenant: keeping the export while it is read: %w", err)
		}
		at += int64(len(line))
	}
}

// line takes one line, which begins at a position. It reports whether it was the end.
func (f *file) line(number int, line []byte, at int64, sum []byte) (done bool, err error) {
	if number == 1 {
		return false, f.readHeader(line)
	}
	if !bytes.HasPrefix(line, []byte(`{"table":`)) {
		var end exportEnd
		if err := strictly(line, &end); err != nil {
			return false, err
		}
		if end.Rows != f.total || end.SHA256 != hex.EncodeToString(sum) {
			return false, errors.New("it is not what was written: the rows or the checksum differ")
		}
		return true, nil
	}
	var row exportRow
	if err := strictly(line, &row); err != nil {
		return false, err
	}
	i := slices.IndexFunc(f.header.Tables, func(t exportTable) bool { return t.Name == row.Table })
	switch {
	case i < 0:
		return false, fmt.Errorf("a row of the table %q, which its header does not have", row.Table)
	case len(row.Row) != len(f.header.Tables[i].Columns):
		return false, fmt.Errorf("a row of %s with %d values instead of %d", row.Table,
			len(row.Row), len(f.header.Tables[i].Columns))
	}
	end, all := at+int64(len(line)), f.segments[row.Table]
	if n := len(all); n > 0 && all[n-1].to == at {
		all[n-1].to = end
	} else {
		f.segments[row.Table] = append(all, segment{at, end})
	}
	f.rows[row.Table]++
	f.total++
	return false, nil
}

func (f *file) readHeader(line []byte) error {
	err := strictly(line, &f.header)
	switch {
	case err != nil:
		return err
	case f.header.Format != exportFormat:
		return fmt.Errorf("the format %q is not %q", f.header.Format, exportFormat)
	case f.header.Version != exportVersion:
		return fmt.Errorf("the version %d is not %d, which is known here", f.header.Version,
			exportVersion)
	case f.header.Dialect != onPostgres && f.header.Dialect != onSQLite:
		return fmt.Errorf("the dialect %q is not known", f.header.Dialect)
	}
	return nil
}

func strictly(line []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// fit looks for the tables and columns of the file at a place, and returns those of the place that
// the file has.
func (f *file) fit(there []*locatedTable, dialect string) ([]*locatedTable, error) {
	f.fromText = f.header.Dialect == onPostgres && dialect == onSQLite
	var targets []*locatedTable
	for _, target := range there { // in the order of their references
		i := slices.IndexFunc(f.header.Tables, func(t exportTable) bool {
			return t.Name == target.name
		})
		if i < 0 {
			continue
		}
		s := &locatedTable{table: target.table, qualifiedName: target.name}
		for _, c := range f.header.Tables[i].Columns {
			j := slices.IndexFunc(target.columns, func(o column) bool { return o.name == c.Name })
			if j < 0 {
				return nil, fmt.Errorf("%w: the column %s of %s is not there: migrate the place "+
					"first", ErrExport, c.Name, target.name)
			}
			kind, err := f.kindOf(c, target.columns[j], dialect)
			if err != nil {
				return nil, err
			}
			s.columns = append(s.columns, column{name: c.Name, kind: kind, declared: c.Type})
		}
		targets, f.list = append(targets, target), append(f.list, s)
	}
	for _, t := range f.header.Tables {
		// The library's own rows are made anew where they are needed.
		if missing := f.rows[t.Name]; missing == 0 || t.Name == owntable.Locks {
			named := func(s *locatedTable) bool { return s.name == t.Name }
			if !slices.ContainsFunc(f.list, named) {
				f.total -= missing
			}
			continue
		}
		if !slices.ContainsFunc(f.list, func(s *locatedTable) bool { return s.name == t.Name }) {
			return nil, fmt.Errorf("%w: there is no table %s of a tenant: give NewMover its model",
				ErrExport, t.Name)
		}
	}
	return targets, nil
}

// kindOf returns how the values of a column are written to the place.
func (f *file) kindOf(c exportColumn, target column, dialect string) (columnType, error) {
	switch {
	case f.header.Dialect == onSQLite && dialect == onSQLite:
		return asStored, nil
	case f.header.Dialect == onSQLite:
		return target.kind.withAffinity(c.Type), nil
	case dialect == onPostgres:
		return text, nil // what one server has written another reads
	}
	i := slices.Index(kindNames[:], c.Kind)
	if i < 0 || c.Kind == "" {
		return 0, fmt.Errorf("%w: the kind %q of the column %s is not known", ErrExport, c.Kind,
			c.Name)
	}
	return columnType(i).withAffinity(target.declared), nil
}

func (f *file) tables() []*locatedTable { return f.list }

func (f *file) each(
	ctx context.Context, s *locatedTable, columns []column, row func(values []any) error,
) error {
	for _, part := range f.segments[s.name] {
		lines := json.NewDecoder(io.NewSectionReader(f.spooled, part.from, part.to-part.from))
		for lines.More() {
			if err := ctx.Err(); err != nil {
				return err
			}
			var read exportRow
			if err := lines.Decode(&read); err != nil {
				return fmt.Errorf("%w: %s: %w", ErrExport, s.name, err)
			}
			values := make([]any, len(columns))
			for i, c := range columns {
				at := slices.IndexFunc(s.columns, func(o column) bool { return o.name == c.name })
				value, err := f.value(read.Row[at], c)
				if err != nil {
					return fmt.Errorf("%w: the column %s of %s: %w", ErrExport, c.name, s.name, err)
				}
				values[i] = value
			}
			if err := row(values); err != nil {
				return err
			}
		}
	}
	return nil
}

// value returns a value as SQLite keeps it, or as text for Postgres.
func (f *file) value(raw json.RawMessage, c column) (any, error) {
	value, err := decodeValue(raw)
	if err != nil || !f.fromText || value == nil {
		return value, err
	}
	written, ok := value.(string)
	if !ok {
		return nil, fmt.Errorf("a value of Postgres is no text")
	}
	return c.kind.toSQLite([]byte(written))
}

// greatest returns the greatest number in a column, 0 if there is none.
func (f *file) greatest(
	ctx context.Context, s *locatedTable, name string,
) (greatest int64, err error) {
	err = f.each(ctx, s, []column{{name: name}}, func(values []any) error {
		var key int64
		if values[0] != nil {
			if _, err := fmt.Sscan(fmt.Sprint(values[0]), &key); err != nil {
				return err
			}
		}
		greatest = max(greatest, key)
		return nil
	})
	return greatest, err
}

func (f *file) count(context.Context, string, string) (int64, error) {
	return 0, errors.New("gormtenant: a file is not asked for counts")
}

func (f *file) references(context.Context) ([]reference, error) { return nil, nil }

func (f *file) lastGiven(ctx context.Context, s *locatedTable, column string) (int64, error) {
	return f.greatest(ctx, s, column)
}

func (f *file) relocate(context.Context, *Plan, Location) error {
	return errors.New("gormtenant: the tables of a file are those of its header")
}

// close removes the file.
func (f *file) close(context.Context) {
	_ = f.spooled.Close()
	_ = os.Remove(f.spooled.Name())
}
