package pgtest_test

import (
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
)

// echo is a server that sends back what it reads, and what it has read of each connection.
func echo(t *testing.T) (config *pgx.ConnConfig, read <-chan string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	all := make(chan string)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				var text []byte
				buffer := make([]byte, 1<<10)
				for {
					n, err := conn.Read(buffer)
					text = append(text, buffer[:n]...)
					_, _ = conn.Write(buffer[:n])
					if err != nil {
						_ = conn.Close()
						all <- string(text)
						return
					}
				}
			}()
		}
	}()
	address := listener.Addr().(*net.TCPAddr)
	config, err = pgx.ParseConfig("host=127.0.0.1 port=" + strconv.Itoa(address.Port))
	require.NoError(t, err)
	return config, all
}

// slowToClose is closed only when it is asked to the second time. The proxy closes a client when
// it is cut off, and again when it has read all that the server says: whatever answer can overtake
// the cut does.
type slowToClose struct {
	net.Conn
	asked  atomic.Int32
	closed chan struct{}
}

func (c *slowToClose) Close() error {
	if c.asked.Add(1) == 1 {
		<-c.closed
		return nil
	}
	defer close(c.closed)
	return c.Conn.Close()
}

func TestProxy_cut(t *testing.T) {
	t.Parallel()
	const first, second = "the first piece", "the second piece"
	for _, test := range []struct {
		name string
		pass int
		want string // what the server has read in the end
	}{
		{"nothing", 0, first},
		{"half", 10, first + second[:10]},
		{"whole", len(second), first + second},
		{"more_than_there_is", 1000, first + second},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			config, read := echo(t)
			proxy, _ := pgtest.NewProxy(t, config, 0)
			proxy.Cut(func(piece []byte) (int, bool) {
				return test.pass, string(piece) == second
			})
			client, end := net.Pipe()
			go proxy.Serve(&slowToClose{Conn: end, closed: make(chan struct{})})

			_, err := io.WriteString(client, first)
			require.NoError(t, err)
			answer := make([]byte, len(first))
			_, err = io.ReadFull(client, answer)
			require.NoError(t, err)
			require.Equal(t, first, string(answer))

			_, err = io.WriteString(client, second)
			require.NoError(t, err)
			late, err := io.ReadAll(client)
			require.NoError(t, err)
			require.Empty(t, string(late), "an answer after the cut")
			require.Equal(t, test.want, <-read)
		})
	}
}
