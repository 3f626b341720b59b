package isolation

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/gormtenant/gormtenant/internal/prefix"
	"github.com/gormtenant/gormtenant/internal/progress"
	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
)

// ErrExport is returned by [Tenants.Import] for what is no whole export of the tenant: it was cut
// off or changed, is another tenant's, or has a table or a column that is not there. Nothing was
// written.
var ErrExport = transfer.ErrExport

// Export writes the rows of the tenant with that ID, wherever it is, as they all were at one
// moment, and returns how many. The tenant works on meanwhile. An export that fails or is killed
// has no end, which [Tenants.Import] notices: begin it again.
//
// It is text, a document of JSON on each line: a header, the rows table by table, each table after
// those that it refers to, and an end.
//
//	{"format":"gormtenant export","version":1,"tenant":"acme","dialect":"postgres","tables":[
//		{"name":"projects","columns":[{"name":"id","type":"bigint","kind":"integer"},...]},...]}
//	{"table":"projects","row":["1","acme","The moon",null]}
//	{"rows":1,"sha256":"..."}
//
// The header is one line. A value of Postgres is null or the text that the server writes, exact to
// the last digit: times in ISO 8601 and UTC, bytes in hex with \x in front, numeric as it is,
// arrays and types of your own in their literal form. A value of SQLite is null, text, a number,
// with a point or an exponent if it is REAL, or {"base64":"..."} for a BLOB. The sum is of all
// lines before the last. Rows that are deleted softly are in it, and the library's own rows of the
// tenant.
func (r *Tenants) Export(ctx context.Context, id string, w io.Writer) (rows int64, err error) {
	t, err := r.lookup(ctx, id)
	if err == nil {
		err = r.at(ctx, t, t.Placement, func(
			plan *transfer.Plan, here transfer.Location,
		) (err error) {
			passed, finish := r.show()
			defer finish()
			rows, err = plan.Export(ctx, here, w, passed)
			return err
		})
	}
	if err != nil {
		return rows, prefix.Errorf("exporting a tenant: %w", err)
	}
	return rows, nil
}

// Import reads an [Tenants.Export] of the tenant with that ID into its place, whatever level and
// dialect the rows come from, and returns how many. The tenant must be registered, and have no rows
// there: otherwise the error is [ErrOccupied]. All rows are there when it returns nil, and none if
// it returns an error or the process is killed: the same call again does it. Rows of another tenant
// in the file are [ErrExport], whatever it says of them. Columns that only the place has get their
// defaults. The file is kept in the directory for temporary files meanwhile.
//
// Keys come as they are: in shared tables those that others have are an error of the database.
func (r *Tenants) Import(ctx context.Context, id string, from io.Reader) (rows int64, err error) {
	t, err := r.lookup(ctx, id)
	if err == nil && isRegistering(t) {
		err = fmt.Errorf("%w: it is being registered: call Register again", ErrUnfinished)
	}
	if err == nil {
		err = r.at(ctx, t, t.Placement, func(
			plan *transfer.Plan, here transfer.Location,
		) (err error) {
			passed, finish := r.show()
			defer finish()
			rows, err = plan.Import(ctx, here, from, passed)
			return err
		})
	}
	if errors.Is(err, transfer.ErrHasRows) {
		err = fmt.Errorf("%w: %w", ErrOccupied, err)
	}
	if err != nil {
		return rows, prefix.Errorf("importing a tenant: %w", err)
	}
	return rows, nil
}

// show returns what shows the rows of one call as they pass, and what ends that.
func (m *Mover) show() (passed func(table string, rows int64), finish func()) {
	shown := progress.New(m.progress, "rows", 0, false)
	counts := map[string]int64{}
	return func(table string, n int64) {
		shown.Add(n - counts[table])
		counts[table] = n
	}, shown.Finish
}
