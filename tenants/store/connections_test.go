package store_test

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// gate is a proxy that can stop passing anything on without a word, as a firewall does.
type gate struct {
	mutex  sync.Mutex
	closed chan struct{} // closed while the gate is
	conns  []net.Conn
}

func newGate(t testing.TB, config *pgx.ConnConfig) (*gate, *pgx.ConnConfig) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := &gate{closed: make(chan struct{})}
	t.Cleanup(func() {
		_ = listener.Close()
		g.mutex.Lock()
		defer g.mutex.Unlock()
		for _, conn := range g.conns {
			_ = conn.Close()
		}
	})
	through := config.Copy()
	address := listener.Addr().(*net.TCPAddr)
	target := net.JoinHostPort(config.Host, portOf(config))
	through.Host, through.Port, through.TLSConfig, through.Fallbacks = "127.0.0.1",
		uint16(address.Port), nil, nil
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", target)
			if err != nil {
				_ = client.Close()
				continue
			}
			g.mutex.Lock()
			g.conns = append(g.conns, client, server)
			closed := g.closed
			g.mutex.Unlock()
			go pass(server, client, closed)
			go pass(client, server, closed)
		}
	}()
	return g, through
}

// pass copies until the gate is closed, and then swallows.
func pass(to io.WriteCloser, from io.Reader, closed chan struct{}) {
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		select {
		case <-closed:
			if err != nil {
				return
			}
			continue
		default:
		}
		if _, writeErr := to.Write(buffer[:n]); err != nil || writeErr != nil {
			_ = to.Close()
			return
		}
	}
}

// shut makes the connections so far go silent. Later ones pass.
func (g *gate) shut() {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	close(g.closed)
	g.closed = make(chan struct{})
}

// dialed counts the connections that are open.
type dialed struct{ open atomic.Int64 }

func (d *dialed) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	d.open.Add(1)
	return &dialedConn{Conn: conn, dialed: d}, nil
}

type dialedConn struct {
	net.Conn
	dialed *dialed
	once   sync.Once
}

func (c *dialedConn) Close() error {
	c.once.Do(func() { c.dialed.open.Add(-1) })
	return c.Conn.Close()
}
