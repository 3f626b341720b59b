package route

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"reflect"
)

// rows are those of a real connection, as a driver gives them.
type rows struct {
	inner   *sql.Rows
	columns []string
	values  []any
	targets []any // pointers to values
	types   []*sql.ColumnType
}

var (
	_ driver.RowsNextResultSet              = (*rows)(nil)
	_ driver.RowsColumnTypeScanType         = (*rows)(nil)
	_ driver.RowsColumnTypeDatabaseTypeName = (*rows)(nil)
	_ driver.RowsColumnTypeLength           = (*rows)(nil)
	_ driver.RowsColumnTypeNullable         = (*rows)(nil)
	_ driver.RowsColumnTypePrecisionScale   = (*rows)(nil)
)

func newRows(inner *sql.Rows) (*rows, error) {
	r := &rows{inner: inner}
	if err := r.begin(); err != nil {
		return nil, errors.Join(err, inner.Close())
	}
	return r, nil
}

// begin begins a result set.
func (r *rows) begin() (err error) {
	if r.columns, err = r.inner.Columns(); err != nil {
		if ended := r.inner.Err(); ended != nil {
			return ended // the context's, which closed them
		}
		return err
	}
	r.types = nil
	r.values, r.targets = make([]any, len(r.columns)), make([]any, len(r.columns))
	for i := range r.values {
		r.targets[i] = &r.values[i]
	}
	return nil
}

func (r *rows) Columns() []string { return r.columns }

func (r *rows) Close() error { return r.inner.Close() }

// end returns why there is no more.
func (r *rows) end() error {
	if err := r.inner.Err(); err != nil {
		return err
	}
	return io.EOF
}

func (r *rows) Next(dest []driver.Value) error {
	if !r.inner.Next() {
		return r.end()
	}
	if err := r.inner.Scan(r.targets...); err != nil {
		return err
	}
	for i := range dest {
		dest[i] = r.values[i]
	}
	return nil
}

// HasNextResultSet is asked at the end of a result set, where database/sql has closed the rows if
// it was the last.
func (r *rows) HasNextResultSet() bool {
	_, err := r.inner.Columns()
	return err == nil
}

func (r *rows) NextResultSet() error {
	if !r.inner.NextResultSet() {
		return r.end()
	}
	return r.begin()
}

// typed returns what is known of a column. database/sql asks for all columns in their order, the
// scan type first, and some drivers' answer depends on the row.
func (r *rows) typed(i int, anew bool) *sql.ColumnType {
	if r.types == nil || anew {
		r.types, _ = r.inner.ColumnTypes()
	}
	if i >= len(r.types) {
		return new(sql.ColumnType)
	}
	return r.types[i]
}

func (r *rows) ColumnTypeScanType(i int) reflect.Type { return r.typed(i, i == 0).ScanType() }

func (r *rows) ColumnTypeDatabaseTypeName(i int) string {
	return r.typed(i, false).DatabaseTypeName()
}

func (r *rows) ColumnTypeLength(i int) (length int64, ok bool) { return r.typed(i, false).Length() }

func (r *rows) ColumnTypeNullable(i int) (nullable, ok bool) { return r.typed(i, false).Nullable() }

func (r *rows) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	return r.typed(i, false).DecimalSize()
}
