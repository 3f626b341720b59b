package distribute_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant/example/saas/sharded"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

var errKilled = errors.New("killed")

// fragile is a connector whose connection is cut after some statements that change something.
type fragile struct {
	driver.Connector
	left *int
}

// fragileConn is its connection.
type fragileConn struct {
	*stdlib.Conn
	left *int
}

func (f fragile) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := f.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return fragileConn{conn.(*stdlib.Conn), f.left}, nil
}

func (c fragileConn) ExecContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Result, error) {
	if strings.Contains(query, "advisory") {
		return c.Conn.ExecContext(ctx, query, args)
	}
	if *c.left--; *c.left < 0 {
		_ = c.Conn.Conn().PgConn().Conn().Close()
		return nil, errKilled
	}
	return c.Conn.ExecContext(ctx, query, args)
}

// openFragile opens the database of db once more, with a connection that is cut after so many
// statements.
func openFragile(t *testing.T, db *gorm.DB, after int) *gorm.DB {
	t.Helper()
	config, err := pgx.ParseConfig(db.Dialector.(*postgres.Dialector).DSN)
	require.NoError(t, err)
	pool := sql.OpenDB(fragile{stdlib.GetConnector(*config), &after})
	other, err := gorm.Open(postgres.New(postgres.Config{Conn: pool}),
		&gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	closeAfter(t, other)
	require.NoError(t, other.Use(tenantplugin.New(tenantplugin.Models(sharded.Models()...))))
	return other
}
