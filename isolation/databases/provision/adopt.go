package provision

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/pgsession"
	"github.com/gormtenant/gormtenant/internal/placemark"
	"github.com/gormtenant/gormtenant/internal/tenantname"
)

// Adopt marks a database, or a file of SQLite, that exists and that this package did not make as
// the tenant's, so that the pools of package databases serve it. db is that database, opened as its
// owner; it is not changed otherwise. Without this module it is, on Postgres and on SQLite,
//
//	COMMENT ON DATABASE "tenant_acme" IS 'gormtenant: {"tenant":"acme"}';
//
//	CREATE TABLE gormtenant_owner (tenant text NOT NULL, application text NOT NULL);
//	INSERT INTO gormtenant_owner VALUES ('acme', '');
//
// It may be repeated. A database that is marked as another tenant's is [ErrNotOurs]; so is one with
// a comment of its own: drop the comment. [NewFiles] knows a file that was adopted if it is not
// given [Application]; [NewPostgres] does not, as it did not make its role.
func Adopt(ctx context.Context, db *gorm.DB, id any) error {
	tenant, err := tenantname.TextOf(id)
	if err != nil {
		return err
	}
	if _, err := tenantname.Name(tenant); err != nil {
		return err
	}
	db = db.Session(&gorm.Session{NewDB: true, Context: ctx})
	adopt := adoptFile
	switch name := db.Name(); name {
	case "postgres":
		adopt = adoptPostgres
	case "sqlite":
	default:
		return fmt.Errorf("gormtenant: provision.Adopt marks databases of Postgres and files of "+
			"SQLite, not of %s", name)
	}
	return db.Transaction(func(tx *gorm.DB) error {
		err := adopt(ctx, tx.Statement.ConnPool, tenant)
		if err != nil && !errors.Is(err, ErrNotOurs) {
			err = fmt.Errorf("gormtenant: provision.Adopt: %w", err)
		}
		return err
	})
}

func adoptPostgres(ctx context.Context, pool gorm.ConnPool, tenant string) error {
	var name, comment string
	err := pool.QueryRowContext(ctx, "SELECT quote_ident(datname), "+
		"coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database "+
		"WHERE datname = current_database()").Scan(&name, &comment)
	if err != nil {
		return err
	}
	found := placemark.Read(comment)
	switch {
	case found.Tenant == tenant:
		return nil
	case comment != "":
		return fmt.Errorf("%w: its comment is %q", ErrNotOurs, comment)
	}
	_, err = pool.ExecContext(ctx, "COMMENT ON DATABASE "+name+" IS "+
		pgsession.Literal(mark{Tenant: tenant}.String()))
	return err
}

func adoptFile(ctx context.Context, pool gorm.ConnPool, tenant string) error {
	var made bool
	err := pool.QueryRowContext(ctx, "SELECT count(*) > 0 FROM sqlite_master "+
		"WHERE type = 'table' AND name = ?", placemark.Table).Scan(&made)
	if err == nil && !made {
		_, err = pool.ExecContext(ctx, placemark.MakeTable)
	}
	if err != nil {
		return err
	}
	var rows, own int
	err = pool.QueryRowContext(ctx, "SELECT count(*), coalesce(sum(tenant = ?), 0) FROM "+
		placemark.Table, tenant).Scan(&rows, &own)
	switch {
	case err != nil:
		return err
	case rows == 1 && own == 1:
		return nil
	case rows > 0:
		return ErrNotOurs
	}
	_, err = pool.ExecContext(ctx, placemark.InsertOwner, tenant, "")
	return err
}
