package transfer

import (
	"context"
	"fmt"
	"strings"
)

// silence drops the application's triggers of the tables, and returns the statements that create
// them again. SQLite cannot switch a trigger off; until the transaction is committed, nobody else
// sees that they are gone, and nobody else writes.
func (e *sqliteSide) silence(ctx context.Context) (back []string, err error) {
	ours := map[string]bool{}
	for _, t := range e.list {
		ours[strings.ToLower(t.name)] = true
	}
	var off []string
	err = e.rows(ctx, "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger' "+
		"AND substr(name, 1, length(?1)) <> ?1 ORDER BY rowid", func(values []any) error {
		if ours[strings.ToLower(fmt.Sprint(values[1]))] {
			off = append(off, "DROP TRIGGER "+quoted(fmt.Sprint(values[0])))
			back = append(back, fmt.Sprint(values[2]))
		}
		return nil
	}, prefix)
	if err != nil {
		return nil, err
	}
	return back, e.exec(ctx, off...)
}
