package rls

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"gorm.io/gorm"
)

// AllRows runs fn in a transaction, or a savepoint of the one that db is in, in which the owner of
// the tables sees and changes the rows of all tenants. It is for migrations of data:
//
//	ctx = gormtenant.Unscoped(ctx, "migration 0007")
//	err := rls.AllRows(ctx, owner, func(tx *gorm.DB) error {
//		return tx.Exec("UPDATE users SET email = lower(email)").Error
//	}, &User{})
//
// Policies hold the owner too, so that without AllRows that UPDATE changes no row, and says
// nothing.
// What AllRows adds is
//
//	ALTER TABLE "users" NO FORCE ROW LEVEL SECURITY;
//	SET LOCAL row_security = off;
//	...                                            -- fn
//	SET CONSTRAINTS ALL IMMEDIATE;
//	ALTER TABLE "users" FORCE ROW LEVEL SECURITY;
//
// Nobody else sees the table without FORCE: it is locked until the transaction ends, so others wait
// for their statements on it. If fn fails, everything is as it was. The tables are those of the
// models that are given, without those of related ones; fn may rename or drop them. Where fn reads
// or writes another table whose policies hold the role, the server fails the statement (42501,
// "query would be affected by row-level security policy") rather than leave rows out.
//
// db is opened as the owner of the tables, or as a role with BYPASSRLS, for which nothing is
// changed. fn's statements have the context ctx; where the plugin is on db that has to be one of
// gormtenant.Unscoped.
func AllRows(
	ctx context.Context, db *gorm.DB, fn func(tx *gorm.DB) error, args ...any,
) error {
	p, err := newPolicies(db, args)
	switch {
	case err != nil:
		return err
	case fn == nil:
		return errors.New("gormtenant: rls.AllRows: the function is nil")
	}
	if err := p.limitTo(args); err != nil {
		return err
	}
	session := &gorm.Session{NewDB: true, Context: ctx}
	return db.Session(session).Transaction(func(tx *gorm.DB) error {
		o := &opening{policies: p, ctx: ctx, pool: tx.Statement.ConnPool}
		if err := o.open(); err != nil {
			return fmt.Errorf("gormtenant: rls.AllRows: %w", err)
		}
		if err := fn(tx); err != nil {
			return err
		}
		if err := o.close(); err != nil {
			return fmt.Errorf("gormtenant: rls.AllRows: %w", err)
		}
		return nil
	})
}

// limitTo leaves the tables of the models among args, and all tables if there are none.
func (p *policies) limitTo(args []any) error {
	given := map[string]bool{}
	for _, arg := range args {
		if _, ok := arg.(Option); ok {
			continue
		}
		stmt := &gorm.Statement{DB: p.db}
		if err := stmt.Parse(arg); err != nil {
			return err
		}
		given[stmt.Schema.Table] = true
	}
	if len(given) > 0 {
		p.tables = slices.DeleteFunc(p.tables, func(t *table) bool { return !given[t.name] })
	}
	if len(p.tables) == 0 {
		return errors.New("gormtenant: rls.AllRows: none of the models is a tenant's")
	}
	return nil
}

// opening is the time in which the tables do not force their policies on their owner. It runs its
// statements past GORM and its plugins.
type opening struct {
	*policies
	ctx  context.Context // of the transaction, which the opening is a part of
	pool gorm.ConnPool

	security string   // row_security as it was
	unforced []uint32 // the tables, which may be renamed meanwhile
}

func (o *opening) open() error {
	var bypass bool
	err := o.pool.QueryRowContext(o.ctx, "SELECT rolsuper OR rolbypassrls, "+
		"current_setting('row_security') FROM pg_roles WHERE rolname = current_user").
		Scan(&bypass, &o.security)
	if err != nil {
		return err
	}
	for _, t := range o.tables {
		if bypass {
			break
		}
		if err := o.unforce(t); err != nil {
			return err
		}
	}
	return o.exec("SET LOCAL row_security = off")
}

// unforce lets the owner of a table past its policies.
func (o *opening) unforce(t *table) error {
	var oid uint32
	var owner bool
	name := quote(o.db, t.name)
	err := o.pool.QueryRowContext(o.ctx, "SELECT oid, pg_has_role(relowner, 'USAGE') "+
		"FROM pg_class WHERE oid = to_regclass($1)", name).Scan(&oid, &owner)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("there is no table %s", t.name)
	case err != nil:
		return err
	case !owner:
		return fmt.Errorf("the role does not own %s: open the database as its owner, or as a "+
			"role with BYPASSRLS", t.name)
	}
	if err := o.exec("LOCK TABLE " + name + " IN ACCESS EXCLUSIVE MODE"); err != nil {
		return err
	}
	var forced bool
	err = o.pool.QueryRowContext(o.ctx,
		"SELECT relforcerowsecurity FROM pg_class WHERE oid = $1", oid).Scan(&forced)
	if err != nil || !forced {
		return err
	}
	o.unforced = append(o.unforced, oid)
	return o.exec("ALTER TABLE " + name + " NO FORCE ROW LEVEL SECURITY")
}

// close brings everything back. What waits for the end of the transaction runs now: a table cannot
// be altered before.
func (o *opening) close() error {
	if err := o.exec("SET CONSTRAINTS ALL IMMEDIATE"); err != nil {
		return err
	}
	for _, oid := range o.unforced {
		var name string
		err := o.pool.QueryRowContext(o.ctx, "SELECT format('%I.%I', nspname, relname) "+
			"FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace "+
			"WHERE c.oid = $1", oid).Scan(&name)
		if errors.Is(err, sql.ErrNoRows) {
			continue // dropped
		}
		if err == nil {
			err = o.exec("ALTER TABLE " + name + " FORCE ROW LEVEL SECURITY")
		}
		if err != nil {
			return err
		}
	}
	return o.exec("SELECT set_config('row_security', $1, true)", o.security)
}

func (o *opening) exec(statement string, args ...any) error {
	_, err := o.pool.ExecContext(o.ctx, statement, args...)
	return err
}
