package rls_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/pgtest"
	"github.com/gormtenant/gormtenant/isolation/rls"
)

// way is a way to run statements as a tenant.
type way struct {
	name string
	// run runs statements on a connection, in a transaction of their own if there are several.
	run func(ctx context.Context, statements []func(db queryer) error) error
}

// ways are without a tenant, the two usual ones, and ours.
func ways(b *testing.B, config *pgx.ConnConfig) []way {
	b.Helper()
	plain, ours := stdlib.OpenDB(*config), sql.OpenDB(rls.NewConnector(config))
	b.Cleanup(func() { _, _ = plain.Close(), ours.Close() })
	const set = "SET app.tenant_id = 'acme'"
	return []way{
		{"plain", func(ctx context.Context, statements []func(db queryer) error) error {
			return together(ctx, plain, statements)
		}},
		{"begin_set_local", func(ctx context.Context, statements []func(db queryer) error) error {
			tx, err := plain.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, "SET LOCAL app.tenant_id = 'acme'"); err != nil {
				return errors.Join(err, tx.Rollback())
			}
			return inOne(tx, statements)
		}},
		{"set_at_checkout", func(ctx context.Context, statements []func(db queryer) error) error {
			conn, err := plain.Conn(ctx)
			if err != nil {
				return err
			}
			if _, err := conn.ExecContext(ctx, set); err != nil {
				return errors.Join(err, conn.Close())
			}
			return errors.Join(together(ctx, conn, statements), conn.Close())
		}},
		{"ours", func(ctx context.Context, statements []func(db queryer) error) error {
			return together(ctx, ours, statements)
		}},
	}
}

// beginner is a pool or a connection.
type beginner interface {
	queryer
	BeginTx(ctx context.Context, options *sql.TxOptions) (*sql.Tx, error)
}

func together(ctx context.Context, db beginner, statements []func(db queryer) error) error {
	if len(statements) == 1 {
		return statements[0](db)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	return inOne(tx, statements)
}

func inOne(tx *sql.Tx, statements []func(db queryer) error) error {
	for _, statement := range statements {
		if err := statement(tx); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

// BenchmarkRLS measures what row-level security costs: go test -bench RLS -count 10 ./isolation/rls, and
// benchstat -col /way.
func BenchmarkRLS(b *testing.B) {
	s := newServer(b)
	for _, statement := range []string{
		"CREATE TABLE free (id int PRIMARY KEY, body text)",
		"INSERT INTO free SELECT n, 'a' || n FROM generate_series(1, 3) n",
		"CREATE TABLE log (id serial PRIMARY KEY, tenant_id text NOT NULL DEFAULT 'acme', body text)",
		"GRANT ALL ON free, log, log_id_seq TO " + s.app.User,
	} {
		_, err := s.owner.Exec(statement)
		require.NoError(b, err)
	}
	ctx := gormtenant.WithTenant(context.WithoutCancel(b.Context()), "acme")
	read := func(db queryer) error {
		rows, err := db.QueryContext(ctx, "SELECT body FROM notes WHERE id = $1", 1)
		if err != nil {
			return err
		}
		for rows.Next() {
		}
		return rows.Close()
	}
	insert := func(db queryer) error {
		_, err := db.ExecContext(ctx, "INSERT INTO log (body) VALUES ($1)", "x")
		return err
	}
	for _, latency := range []time.Duration{0, time.Millisecond} {
		_, config := pgtest.NewProxy(b, s.app, latency/2)
		network := fmt.Sprint(latency)
		if latency == 0 {
			config, network = s.app, "loopback"
		}
		all := ways(b, config)
		for _, op := range []struct {
			name       string
			statements []func(db queryer) error
		}{
			{"read", []func(db queryer) error{read}},
			{"insert", []func(db queryer) error{insert}},
			{"transaction", []func(db queryer) error{read, insert, read}},
		} {
			for _, way := range all {
				b.Run("net="+network+"/op="+op.name+"/way="+way.name, func(b *testing.B) {
					for range b.N {
						if err := way.run(ctx, op.statements); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}
