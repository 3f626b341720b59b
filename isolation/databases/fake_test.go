package databases_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gormtenant/gormtenant/isolation/databases"
)

// fake opens databases that are only remembered, so that tests of pools can run on a fake clock.
type fake struct {
	// before is called before each connection, and can hold it up or fail it. nil does neither.
	before func(ctx context.Context, d databases.Database) error

	mutex    sync.Mutex
	opens    int
	connects []time.Time // when connections were attempted
	closed   []string    // the tenants whose pools were closed, in order
}

// inFakeTime runs test in a bubble whose clock moves when everyone waits.
func inFakeTime(t *testing.T, test func(t *testing.T, f *fake)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, &fake{}) })
}

func (f *fake) Open(_ context.Context, d databases.Database) (driver.Connector, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.opens++
	return &fakeConnector{f, d}, nil
}

// counted returns how many pools were opened, and how many connections attempted.
func (f *fake) counted() (opens, connects int) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.opens, len(f.connects)
}

// attempts returns the times between attempts to connect.
func (f *fake) attempts() (between []time.Duration) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	for i := 1; i < len(f.connects); i++ {
		between = append(between, f.connects[i].Sub(f.connects[i-1]))
	}
	return between
}

// order returns the tenants whose pools were closed.
func (f *fake) order() []string {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return slices.Clone(f.closed)
}

type fakeConnector struct {
	*fake
	database databases.Database
}

func (c *fakeConnector) Connect(ctx context.Context) (driver.Conn, error) {
	c.mutex.Lock()
	c.connects = append(c.connects, time.Now())
	c.mutex.Unlock()
	if c.before != nil {
		if err := c.before(ctx, c.database); err != nil {
			return nil, err
		}
	}
	return fakeConn{}, nil
}

func (c *fakeConnector) Driver() driver.Driver { return nil }

// Close is called with the pool.
func (c *fakeConnector) Close() error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.closed = append(c.closed, strings.TrimPrefix(c.database.Name, "tenant_"))
	return nil
}

// fakeConn answers each query with two rows.
type fakeConn struct{}

func (fakeConn) Prepare(string) (driver.Stmt, error) { return fakeStmt{}, nil }
func (fakeConn) Begin() (driver.Tx, error)           { return fakeTx{}, nil }
func (fakeConn) Close() error                        { return nil }

func (fakeConn) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	return driver.ResultNoRows, nil
}

func (fakeConn) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return &fakeRows{left: 2}, nil
}

type fakeTx struct{}

func (fakeTx) Commit() error   { return nil }
func (fakeTx) Rollback() error { return nil }

type fakeStmt struct{}

func (fakeStmt) Close() error                               { return nil }
func (fakeStmt) NumInput() int                              { return -1 }
func (fakeStmt) Exec([]driver.Value) (driver.Result, error) { return driver.ResultNoRows, nil }
func (fakeStmt) Query([]driver.Value) (driver.Rows, error)  { return &fakeRows{left: 2}, nil }

type fakeRows struct{ left int }

func (*fakeRows) Columns() []string { return []string{"n"} }
func (*fakeRows) Close() error      { return nil }

func (r *fakeRows) Next(row []driver.Value) error {
	if r.left == 0 {
		return io.EOF
	}
	r.left--
	row[0] = int64(r.left)
	return nil
}

var errTest = errors.New("as the test wants")

// broken fails the connections of one tenant for as long as it is not mended.
type broken struct {
	tenant string
	mutex  sync.Mutex
	mended bool
}

func (b *broken) before(_ context.Context, d databases.Database) error {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if d.Tenant == b.tenant && !b.mended {
		return errTest
	}
	return nil
}

func (b *broken) mend(mended bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.mended = mended
}

// held makes connections wait until proceed is closed, or their context ends.
func held(f *fake) (proceed chan struct{}) {
	proceed = make(chan struct{})
	f.before = func(ctx context.Context, _ databases.Database) error {
		select {
		case <-proceed:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return proceed
}

// background runs a statement of a tenant, and returns its error when it is done.
func background(ctx context.Context, pools *databases.Pools) chan error {
	done := make(chan error, 1)
	go func() {
		_, err := pools.ExecContext(ctx, "SELECT 1")
		done <- err
	}()
	return done
}
