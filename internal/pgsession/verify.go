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
	err := c.verifier.Verify(ctx, settings, Asked{c})
	// Nothing of the statement was sent: database/sql may try another connection.
	if err != nil && status == idle && ctx.Err() == nil && c.pgxConn.Conn().IsClosed() {
		return driver.ErrBadConn
	}
	return err
}

// Asked is a connection that a [Verifier] may ask.
type Asked struct{ conn *Conn }

// Column sends a text of one statement, which brings no settings, and returns the first column of
// its rows.
func (a Asked) Column(ctx context.Context, text string) (column []string, err error) {
	results, err := a.conn.pgxConn.Conn().PgConn().Exec(ctx, text).ReadAll()
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
