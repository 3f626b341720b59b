package callbacks

import (
	"context"
	"database/sql"
	"database/sql/driver"

	"gorm.io/gorm"
)

// afterRow gives Row a row that tells the error. GORM's has none beside it, and is nil for a
// statement that failed before it was sent: its Scan would panic.
func afterRow(db *gorm.DB) {
	if single, ok := db.Get("rows"); !ok || single != false || db.Error == nil || db.DryRun {
		return
	}
	if _, ok := db.Statement.Dest.(*sql.Row); !ok {
		db.Statement.Dest = failedRow(db.Statement.Context, db.Error)
	}
}

// failedRow returns a row whose Scan fails with err.
func failedRow(ctx context.Context, err error) *sql.Row {
	pool := sql.OpenDB(failing{err})
	defer func() { _ = pool.Close() }()
	return pool.QueryRowContext(context.WithoutCancel(ctx), "")
}

// failing is a database that cannot be reached.
type failing struct{ err error }

func (f failing) Connect(context.Context) (driver.Conn, error) { return nil, f.err }
func (f failing) Driver() driver.Driver                        { return f }
func (f failing) Open(string) (driver.Conn, error)             { return nil, f.err }
