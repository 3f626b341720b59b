package oracle

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
)

// Recorder writes down what a program sees on one side.
type Recorder struct {
	database *database
	sights   []sight
	changes  int64 // SQLite's count when last was taken, -1 where it must be taken anew
	last     *snapshot
}

// sight is what a program saw in one step.
type sight struct {
	marks  Mark
	err    error
	kind   string    // of err
	values string    // all that the step gave
	rows   *snapshot // nil where the transaction is aborted
	inTx   bool
}

// Saw records a step: its error, and what else it gave, numbers of rows, values and variables. db
// is what the step ran on; marks say what the rules need to know of it, beside what the values of
// a step that writes tell.
func (r *Recorder) Saw(db *gorm.DB, marks Mark, err error, values ...any) {
	seen := sight{marks: marks, err: err, kind: kindOf(err)}
	texts := make([]string, len(values))
	for i, value := range values {
		if marks&Reads == 0 {
			// The keys of rows that were read before.
			seen.marks |= marksOf(value) & (SetsKey | LooseKey)
		}
		texts[i] = show(value, marks&Ordered != 0)
	}
	seen.values = strings.Join(texts, "\n")
	_, seen.inTx = db.Statement.ConnPool.(gorm.TxCommitter)
	seen.rows = r.look(db.Statement.ConnPool, seen.inTx)
	r.sights = append(r.sights, seen)
}

// look returns the rows of the database. On SQLite they are read only where something changed them:
// a count of changes tells, outside a transaction, which can be rolled back.
func (r *Recorder) look(pool gorm.ConnPool, inTx bool) *snapshot {
	d := r.database
	changes := int64(-1)
	if d.dialect == "sqlite" && !inTx {
		if err := pool.QueryRowContext(context.Background(), "SELECT "+
			"total_changes()").Scan(&changes); err == nil &&
			changes == r.changes && r.last != nil {
			return r.last
		}
	}
	if r.changes != changes || inTx {
		d.dirty = true
	}
	s, err := take(context.Background(), pool, d.look)
	if err != nil {
		return nil
	}
	if r.last != nil && s.a == r.last.a && s.others == r.last.others {
		s = r.last
	}
	r.changes, r.last = changes, s
	return s
}

// newRecorder records on d, whose rows are the first ones.
func newRecorder(d *database) *Recorder {
	r := &Recorder{database: d, changes: -1, last: d.first}
	if d.dialect == "sqlite" {
		_ = d.pool.QueryRow("SELECT total_changes()").Scan(&r.changes)
	}
	return r
}

// kinds are the errors that are told apart, ours first: a wrapped one counts as ours.
var kinds = []struct {
	name string
	err  error
}{
	{"ErrNoTenant", gormtenant.ErrNoTenant},
	{"ErrNoReason", gormtenant.ErrNoReason},
	{"ErrTenantChange", gormtenant.ErrTenantChange},
	{"ErrOtherTenant", gormtenant.ErrOtherTenant},
	{"ErrRawSQL", gormtenant.ErrRawSQL},
	{"ErrNotRegistered", gormtenant.ErrNotRegistered},
	{"ErrUnscopedDenied", gormtenant.ErrUnscopedDenied},
	{"ErrUnsupported", gormtenant.ErrUnsupported},
	{"ErrInvalidID", gormtenant.ErrInvalidID},
	{"ErrInvalidModel", gormtenant.ErrInvalidModel},
	{"rolled back", errRollback},
	{"duplicate key", gorm.ErrDuplicatedKey},
	{"foreign key", gorm.ErrForeignKeyViolated},
	{"check", gorm.ErrCheckConstraintViolated},
	{"not found", gorm.ErrRecordNotFound},
	{"missing where", gorm.ErrMissingWhereClause},
	{"invalid transaction", gorm.ErrInvalidTransaction},
	{"unsupported relation", gorm.ErrUnsupportedRelation},
	{"primary key required", gorm.ErrPrimaryKeyRequired},
	{"model value required", gorm.ErrModelValueRequired},
	{"invalid data", gorm.ErrInvalidData},
	{"invalid field", gorm.ErrInvalidField},
	{"empty slice", gorm.ErrEmptySlice},
	{"invalid value", gorm.ErrInvalidValue},
	{"invalid length", gorm.ErrInvalidValueOfLength},
	{"no preload with count", gorm.ErrPreloadNotAllowed},
	{"sub-query required", gorm.ErrSubQueryRequired},
	{"no rows", sql.ErrNoRows},
	{"transaction done", sql.ErrTxDone},
}

// address is that of a value in memory, which GORM prints in some errors.
var address = regexp.MustCompile("0x[0-9a-f]{6,}")

// kindOf returns what kind of error err is, "" for none. What the database says of a statement is a
// kind of its own: SQLite's text names columns, never rows, and Postgres has codes.
func kindOf(err error) string {
	if err == nil {
		return ""
	}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.name
		}
	}
	var server *pgconn.PgError
	if errors.As(err, &server) {
		switch server.Code {
		case "23505":
			return "duplicate key"
		case "23503":
			return "foreign key"
		}
		return "SQLSTATE " + server.Code
	}
	text := err.Error()
	switch {
	case strings.Contains(text, "UNIQUE constraint failed"):
		return "duplicate key"
	case strings.Contains(text, "FOREIGN KEY constraint failed"):
		return "foreign key"
	case strings.Contains(text, "failed to assign association"):
		return "failed to assign association" // The text goes on with the first row of several.
	}
	return fmt.Sprintf("error %q", address.ReplaceAllString(text, "0x"))
}
