package schemas

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/isolation/migrations"
)

// inParts runs do in transactions as [Provisioner.on] does, and between them the migrations that
// run outside of one, until do has nothing left to do.
func (s *Provisioner) inParts(
	ctx context.Context, id any, do func(o *owned) (applied []string, err error),
) (applied []string, err error) {
	for {
		var o *owned
		var part []string
		err := s.on(ctx, id, func(now *owned) (err error) {
			o = now
			part, err = do(o)
			return err
		})
		if err != nil {
			return applied, err
		}
		applied = append(applied, part...)
		if !o.unfinished {
			return applied, nil
		}
		version, err := s.outside(gormtenant.WithTenant(ctx, id), o.name)
		if err != nil {
			return applied, explain(o.name, err)
		}
		if version != "" {
			applied = append(applied, version)
		}
	}
}

// outside runs the next migration on a connection whose path is that of the schema.
func (s *Provisioner) outside(ctx context.Context, name string) (version string, err error) {
	err = s.db.WithContext(ctx).Connection(func(conn *gorm.DB) (err error) {
		pool, ok := conn.Statement.ConnPool.(*sql.Conn)
		if !ok {
			return fmt.Errorf("gormtenant: a migration outside of a transaction needs a "+
				"connection of a pool, not a %T", conn.Statement.ConnPool)
		}
		var before, current string
		err = pool.QueryRowContext(ctx, "SELECT current_setting('search_path')").Scan(&before)
		if err != nil {
			return err
		}
		defer func() {
			_, failed := pool.ExecContext(context.WithoutCancel(ctx),
				"SELECT set_config('search_path', $1, false)", before)
			err = errors.Join(err, failed)
		}()
		err = pool.QueryRowContext(ctx,
			"SELECT coalesce(current_schema(), '') FROM set_config('search_path', $1, false)",
			pathOf(name, pathOf(s.shared, temporary))).Scan(&current)
		if err == nil && current != name {
			err = ErrNoSchema
		}
		if err != nil {
			return err
		}
		version, err = migrations.Outside(ctx, conn, s.migrations)
		return err
	})
	return version, err
}
