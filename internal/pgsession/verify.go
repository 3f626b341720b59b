package pgsession

import (
	"context"
	"database/sql/driver"
)

// verify asks the verifier whether a statement may be sent. In a transaction that failed nothing
// can be asked, and only its end is accepted.
func (c *Conn) verify(ctx context.Context, settings []Setting) error {
	status := c.status()
	if c.verifier == nil || status == failed {
		return nil
	}
	err := c.verifier.Verify(ctx, settings, func(text string) ([]string, error) {
		return c.ask(ctx, text)
	})
	// Nothing of the statement was sent: database/sql may try another connection.
	if err != nil && status == idle && ctx.Err() == nil && c.pgxConn.Conn().IsClosed() {
		return driver.ErrBadConn
	}
	return err
}

// ask sends a query without settings in the simple protocol, and returns its first column.
func (c *Conn) ask(ctx context.Context, text string) (column []string, err error) {
	results, err := c.pgxConn.Conn().PgConn().Exec(ctx, text).ReadAll()
	if err != nil {
		return nil, err
	}
	for _, result := range results {
		for _, row := range result.Rows {
			column = append(column, string(row[0]))
		}
	}
	return column, nil
}
