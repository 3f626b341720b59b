package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// busy is SQLite's code for a database that another writes to
// (https://www.sqlite.org/rescode.html#busy).
const busy = 5

func isBusy(err error) bool {
	var coded interface{ Code() int }
	return errors.As(err, &coded) && coded.Code()&0xff == busy
}

// immediate begins a transaction that writes. SQLite lets those who wait look again after up to a
// tenth of a second, and never gets to them while others write all the time: this one looks every
// few milliseconds.
func (e *sqliteSide) immediate(ctx context.Context) (err error) {
	const between, look = 2 * time.Millisecond, 3
	timeout, err := e.texts(ctx, "PRAGMA busy_timeout")
	if err != nil || len(timeout) == 0 {
		return err
	}
	if err := e.exec(ctx, fmt.Sprintf("PRAGMA busy_timeout = %d", look)); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, e.exec(context.WithoutCancel(ctx),
			"PRAGMA busy_timeout = "+timeout[0]))
	}()
	deadline := time.Now().Add(retryLimit)
	for {
		err := e.exec(ctx, "BEGIN IMMEDIATE")
		if !isBusy(err) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(between):
		}
	}
}
