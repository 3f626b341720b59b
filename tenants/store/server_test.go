package store_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"
)

// server is a Postgres that knows LISTEN and NOTIFY and nothing else, in memory: a Listener can run
// against it in a bubble of synctest. What it says of the protocol the other tests say of a real
// server.
type server struct {
	mutex   sync.Mutex
	conns   []*serverConn
	refuses bool
}

// serverConn is one connection to a server.
type serverConn struct {
	server  *server
	backend *pgproto3.Backend
	sending sync.Mutex
	silent  bool            // it answers nothing any more
	listens map[string]bool // channels
}

// config returns how to connect to the server.
func (s *server) config(t testing.TB) *pgx.ConnConfig {
	t.Helper()
	config, err := pgx.ParseConfig("host=127.0.0.1 user=u database=d sslmode=disable")
	require.NoError(t, err)
	config.DialFunc = func(context.Context, string, string) (net.Conn, error) {
		client, conn := net.Pipe()
		c := &serverConn{
			server: s, backend: pgproto3.NewBackend(conn, conn), listens: map[string]bool{},
		}
		s.mutex.Lock()
		defer s.mutex.Unlock()
		if s.refuses {
			return nil, net.ErrClosed
		}
		s.conns = append(s.conns, c)
		go c.serve(conn)
		return client, nil
	}
	config.LookupFunc = func(context.Context, string) ([]string, error) {
		return []string{"127.0.0.1"}, nil
	}
	return config
}

// notify sends a notification to all who listen.
func (s *server) notify(channel, payload string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, c := range s.conns {
		if c.listens[channel] && !c.silent {
			go c.send(&pgproto3.NotificationResponse{Channel: channel, Payload: payload})
		}
	}
}

// silence makes the connections so far go silent.
func (s *server) silence() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, c := range s.conns {
		c.silent = true
	}
}

// refuse makes the server let nobody in any more.
func (s *server) refuse() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.refuses = true
}

func (c *serverConn) send(messages ...pgproto3.BackendMessage) {
	c.sending.Lock()
	defer c.sending.Unlock()
	for _, m := range messages {
		c.backend.Send(m)
	}
	_ = c.backend.Flush()
}

// serve answers until the client hangs up.
func (c *serverConn) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	if _, err := c.backend.ReceiveStartupMessage(); err != nil {
		return
	}
	ready := &pgproto3.ReadyForQuery{TxStatus: 'I'}
	c.send(&pgproto3.AuthenticationOk{}, ready)
	for {
		message, err := c.backend.Receive()
		query, isQuery := message.(*pgproto3.Query)
		if err != nil || !isQuery {
			return
		}
		if c.run(query.String) {
			c.send(&pgproto3.CommandComplete{CommandTag: []byte("OK")}, ready)
		}
	}
}

// run does what a statement says, and reports whether it is to be answered.
func (c *serverConn) run(statement string) bool {
	words := strings.FieldsFunc(statement, func(r rune) bool {
		return strings.ContainsRune(" ,'", r)
	})
	c.server.mutex.Lock()
	switch words[0] {
	case "LISTEN":
		c.listens[words[1]] = true
	case "UNLISTEN":
		delete(c.listens, words[1])
	}
	silent := c.silent
	c.server.mutex.Unlock()
	if words[0] == "NOTIFY" {
		c.server.notify(words[1], words[2])
	}
	return !silent
}
