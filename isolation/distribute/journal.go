package distribute

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Between the first foreign key that is dropped and the last that is made again, Citus commits many
// times. What is away is written down in a table, so that an Apply that was killed loses none.

const journalTable = "gormtenant_foreign_keys"

const journalSQL = "CREATE TABLE IF NOT EXISTS " + journalTable + " (table_name text, name text, " +
	"definition text NOT NULL, PRIMARY KEY (table_name, name))"

// waiting is a foreign key that was dropped and not made again yet.
type waiting struct {
	TableName, Name, Definition string
	quoted                      string
}

// statement returns the statement that makes it again.
func (w waiting) statement() string {
	return "ALTER TABLE " + w.TableName + " ADD CONSTRAINT " + w.quoted + " " + w.Definition
}

// waiting reads what an Apply that was killed has left.
func (p *plan) waiting() (list []waiting, err error) {
	var there bool
	if !p.to.citus {
		return nil, nil
	}
	err = p.db.Raw("SELECT to_regclass(?) IS NOT NULL", journalTable).Row().Scan(&there)
	if err != nil || !there {
		return nil, err
	}
	err = p.db.Raw("SELECT table_name, name, definition FROM " + journalTable +
		" ORDER BY table_name, name").Scan(&list).Error
	for i := range list {
		list[i].quoted = p.list([]string{list[i].Name})
	}
	return list, err
}

// executor is a connection, or a transaction on it.
type executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// takeKeys drops the foreign keys of a script, and writes them down first.
func (p *plan) takeKeys(ctx context.Context, conn executor, keys []*foreignKey) error {
	if len(keys) == 0 {
		return nil
	}
	if _, err := conn.ExecContext(ctx, journalSQL); err != nil {
		return fmt.Errorf("gormtenant: %s: %w", journalSQL, err)
	}
	for _, k := range keys {
		_, err := conn.ExecContext(ctx, "INSERT INTO "+journalTable+" VALUES ($1, $2, $3) "+
			"ON CONFLICT (table_name, name) DO UPDATE SET definition = excluded.definition",
			p.nameOf(k.Child, k.ChildName), k.Name, p.definition(k))
		if err != nil {
			return fmt.Errorf("gormtenant: noting the foreign key %s: %w", k.Name, err)
		}
		if err := run(ctx, conn, p.drop(k)); err != nil {
			return err
		}
	}
	return nil
}

// giveKeys makes the foreign keys again that are away, and forgets them.
func (p *plan) giveKeys(ctx context.Context, conn executor) error {
	list, err := p.waiting()
	if err != nil {
		return fmt.Errorf("gormtenant: reading %s: %w", journalTable, err)
	}
	for _, w := range list {
		var there bool
		err := conn.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_constraint "+
			"WHERE conrelid = to_regclass($1) AND conname = $2)", w.TableName, w.Name).Scan(&there)
		if err == nil && !there {
			err = run(ctx, conn, w.statement())
		}
		if err == nil {
			_, err = conn.ExecContext(ctx, "DELETE FROM "+journalTable+" WHERE table_name = $1 "+
				"AND name = $2", w.TableName, w.Name)
		}
		if err != nil {
			return err
		}
	}
	_, err = conn.ExecContext(ctx, "DROP TABLE IF EXISTS "+journalTable)
	return err
}

// run runs a statement, and says which it was if it fails.
func run(ctx context.Context, conn executor, statement string) error {
	_, err := conn.ExecContext(ctx, statement)
	if err == nil {
		return nil
	}
	if crosses(err) {
		return fmt.Errorf("gormtenant: distribute: rows refer to another tenant's, or to none: "+
			"find them, set them right, and call Apply again: %s: %w", statement, err)
	}
	return fmt.Errorf("gormtenant: distribute: %s: %w", statement, err)
}

// crosses reports whether rows break a new foreign key, as SQLSTATE tells.
func crosses(err error) bool {
	var state interface{ SQLState() string }
	return errors.As(err, &state) && state.SQLState() == "23503"
}
