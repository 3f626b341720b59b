package schemas

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/placemark"
	"github.com/gormtenant/gormtenant/internal/tenantname"
)

// owned is the schema of one tenant, in a transaction.
type owned struct {
	*Provisioner
	tx   *gorm.DB
	pool gorm.ConnPool // of tx, past GORM, its plugins and its prepared statements
	text string        // the ID
	name string
	// unfinished says that a migration has to run outside of the transaction.
	unfinished bool
}

// mark begins the comments of the schemas and roles that this package made.
const mark = placemark.Schema

// of returns the schema of a tenant, and sends nothing.
func (s *Provisioner) of(ctx context.Context, id any) (*owned, error) {
	text, err := tenantname.TextOf(id)
	if err != nil {
		return nil, err
	}
	name, err := s.nameOf(ctx, text)
	if err != nil {
		return nil, err
	}
	return &owned{Provisioner: s, tx: s.db, pool: s.db.Statement.ConnPool, text: text, name: name},
		nil
}

// begin binds o to the transaction, and locks the schema against other changes.
func (o *owned) begin(ctx context.Context, tx *gorm.DB) error {
	o.bind(tx)
	return o.exec(
		ctx, "SELECT pg_advisory_xact_lock(hashtextextended('gormtenant schema ' || $1, 0))",
		o.name)
}

// bind makes o work in the transaction.
func (o *owned) bind(tx *gorm.DB) {
	o.tx, o.pool = tx, tx.Statement.ConnPool
	if prepared, ok := o.pool.(*gorm.PreparedStmtTX); ok {
		o.pool = prepared.Tx
	}
}

func (o *owned) exec(ctx context.Context, statement string, args ...any) error {
	_, err := o.pool.ExecContext(ctx, statement, args...)
	return err
}

// comment reads a comment: found reports whether its object exists.
func (o *owned) comment(ctx context.Context, query, name string) (
	text string, found bool, err error,
) {
	err = o.pool.QueryRowContext(ctx, query, name).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return text, err == nil, err
}

// commentOf reads the comment of a schema.
func (o *owned) commentOf(ctx context.Context, name string) (
	text string, found bool, err error,
) {
	return o.comment(ctx,
		"SELECT coalesce(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace WHERE "+
			"nspname = $1", name)
}

// exists reports whether a schema of that name exists. If it is not the tenant's, that is an error.
func (o *owned) exists(ctx context.Context, name string) (bool, error) {
	text, found, err := o.commentOf(ctx, name)
	if err != nil || !found {
		return false, err
	}
	if text != mark+o.text {
		return false, fmt.Errorf("%w: schema %q", ErrNotOurs, name)
	}
	return true, nil
}

// roleExists reports whether a role of that name exists. The roles of a server are those of all its
// databases, so one that was made for another database is an error.
func (o *owned) roleExists(ctx context.Context, name string) (bool, error) {
	text, found, err := o.comment(ctx,
		"SELECT (coalesce(shobj_description(oid, 'pg_authid'), '') = '"+mark+"' || "+
			"current_database())::text FROM pg_roles WHERE rolname = $1", name)
	if err != nil || !found {
		return false, err
	}
	if text != "true" {
		return false, fmt.Errorf("%w: role %q", ErrNotOurs, name)
	}
	return true, nil
}

// enter sets the path to that of the tenant, and returns the first schema in it that may be used.
func (o *owned) enter(ctx context.Context) (current string, err error) {
	err = o.pool.QueryRowContext(
		ctx, "SELECT coalesce(current_schema(), '') FROM set_config('search_path', $1, true)",
		pathOf(o.name, pathOf(o.shared, temporary))).Scan(&current)
	return current, err
}

// quote writes the name of a schema or a role.
func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
