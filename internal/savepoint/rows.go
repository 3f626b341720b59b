package savepoint

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"reflect"
)

// result is one result set, in memory.
type result struct {
	columns []string
	types   []*sql.ColumnType
	rows    [][]driver.Value
}

// rows are the result sets of a query.
type rows struct {
	result          // that which is read
	next   []result // those after it
}

var (
	_ driver.RowsNextResultSet              = &rows{}
	_ driver.RowsColumnTypeDatabaseTypeName = &rows{}
	_ driver.RowsColumnTypeLength           = &rows{}
	_ driver.RowsColumnTypeNullable         = &rows{}
	_ driver.RowsColumnTypePrecisionScale   = &rows{}
	_ driver.RowsColumnTypeScanType         = &rows{}
)

// read reads all rows into memory, and closes them.
func read(from *sql.Rows) (_ *rows, err error) {
	defer func() { err = errors.Join(err, from.Close()) }()
	var results []result
	for more := true; more; more = from.NextResultSet() {
		r, err := readOne(from)
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	if err := from.Err(); err != nil {
		return nil, err
	}
	return &rows{results[0], results[1:]}, nil
}

func readOne(from *sql.Rows) (r result, err error) {
	if r.columns, err = from.Columns(); err != nil {
		return r, err
	}
	if r.types, err = from.ColumnTypes(); err != nil {
		return r, err
	}
	for from.Next() {
		row := make([]driver.Value, len(r.columns))
		into := make([]any, len(row))
		for i := range row {
			into[i] = (*any)(&row[i])
		}
		if err := from.Scan(into...); err != nil {
			return r, err
		}
		r.rows = append(r.rows, row)
	}
	return r, from.Err()
}

// Columns returns the names.
func (r *rows) Columns() []string { return r.columns }

// Close forgets the rows.
func (r *rows) Close() error {
	r.rows, r.next = nil, nil
	return nil
}

// Next copies the next row.
func (r *rows) Next(dest []driver.Value) error {
	if len(r.rows) == 0 {
		return io.EOF
	}
	copy(dest, r.rows[0])
	r.rows = r.rows[1:]
	return nil
}

// HasNextResultSet reports whether there is another result set.
func (r *rows) HasNextResultSet() bool { return len(r.next) > 0 }

// NextResultSet goes on to the next.
func (r *rows) NextResultSet() error {
	if len(r.next) == 0 {
		return io.EOF
	}
	r.result, r.next = r.next[0], r.next[1:]
	return nil
}

// ColumnTypeDatabaseTypeName returns what the driver says.
func (r *rows) ColumnTypeDatabaseTypeName(i int) string { return r.types[i].DatabaseTypeName() }

// ColumnTypeLength returns what the driver says.
func (r *rows) ColumnTypeLength(i int) (length int64, ok bool) { return r.types[i].Length() }

// ColumnTypeNullable returns what the driver says.
func (r *rows) ColumnTypeNullable(i int) (nullable, ok bool) { return r.types[i].Nullable() }

// ColumnTypePrecisionScale returns what the driver says.
func (r *rows) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	return r.types[i].DecimalSize()
}

// ColumnTypeScanType returns what the driver says.
func (r *rows) ColumnTypeScanType(i int) reflect.Type { return r.types[i].ScanType() }
