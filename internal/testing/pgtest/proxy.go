package pgtest

import (
	"io"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Proxy passes on what a client and a server say to each other, counts it, and can make it slow or
// cut it off.
type Proxy struct {
	listener net.Listener
	server   string
	latency  time.Duration // of each direction

	mutex   sync.Mutex
	flights int
	syncs   int
	asked   map[net.Conn]bool // by client: it spoke last
	lost    map[net.Conn]bool // by client: its connection was cut
	cut     func(piece []byte) (pass int, cut bool)
}

// NewProxy starts a proxy in front of the server of a configuration, and returns a configuration
// that goes through it, without TLS. Each direction takes latency longer, for benchmarks; tests
// give 0. The proxy stops with t.
func NewProxy(
	t testing.TB, config *pgx.ConnConfig, latency time.Duration,
) (*Proxy, *pgx.ConnConfig) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{
		listener: listener, latency: latency,
		server: net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port))),
		asked:  map[net.Conn]bool{},
		lost:   map[net.Conn]bool{},
	}
	t.Cleanup(func() { _ = listener.Close() })
	go p.accept()

	through := config.Copy()
	host, port, _ := net.SplitHostPort(listener.Addr().String())
	number, _ := strconv.ParseUint(port, 10, 16)
	through.Host, through.Port = host, uint16(number)
	through.TLSConfig, through.Fallbacks = nil, nil
	return p, through
}

// Flights returns how many round trips there were since the last call: how often a client sent
// something after the server had answered.
func (p *Proxy) Flights() int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	n := p.flights
	p.flights = 0
	return n
}

// Syncs returns how many messages clients sent since the last call that ask for an answer and end
// an implicit transaction: Sync in the extended protocol, Query in the simple one.
func (p *Proxy) Syncs() int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	n := p.syncs
	p.syncs = 0
	return n
}

// Cut makes the proxy show each piece that a client sends to cut, until that says so: of that piece
// the first pass bytes go to the server, and the connection is lost. The server reads and carries
// out what it was sent before it notices; the client gets no answer to it.
func (p *Proxy) Cut(cut func(piece []byte) (pass int, cut bool)) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.cut = cut
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.serve(client)
	}
}

func (p *Proxy) serve(client net.Conn) {
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		_ = client.Close()
		return
	}
	go p.ask(client, server.(*net.TCPConn))
	p.answer(client, server)
}

// ask passes on what the client says. When that ends, the server is told so, but the connection to
// it stays open for its answers: to close one that has unread input resets it, and the server may
// then miss what it was sent last.
func (p *Proxy) ask(client net.Conn, server *net.TCPConn) {
	messages := messages{untyped: true}
	p.copy(server, client, func(piece []byte) (pass int, cut bool) {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		if !p.asked[client] {
			p.flights++
		}
		p.asked[client] = true
		p.syncs += messages.count(piece)
		if p.cut != nil {
			if pass, cut = p.cut(piece); cut {
				// Before the piece is passed on: its answer must not overtake the cut.
				p.cut, p.lost[client] = nil, true
				return min(pass, len(piece)), true
			}
		}
		return len(piece), false
	})
	_ = server.CloseWrite()
	_ = client.Close()
}

// answer passes on what the server says, until it has no more to say.
func (p *Proxy) answer(client, server net.Conn) {
	p.copy(client, server, func(piece []byte) (pass int, cut bool) {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		p.asked[client] = false
		if p.lost[client] {
			return 0, true
		}
		return len(piece), false
	})
	_, _ = io.Copy(io.Discard, server)
	_ = client.Close()
	_ = server.Close()
	p.mutex.Lock()
	defer p.mutex.Unlock()
	delete(p.asked, client)
	delete(p.lost, client)
}

// copy passes on what from says, each piece after the latency and as much of it as spoke says,
// until a cut or an end of either.
func (p *Proxy) copy(to io.Writer, from io.Reader, spoke func(piece []byte) (pass int, cut bool)) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			pass, cut := spoke(buffer[:n])
			if p.latency > 0 {
				<-time.After(p.latency)
			}
			if _, err := to.Write(buffer[:pass]); err != nil || cut {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// messages follows what a client sends
// (https://www.postgresql.org/docs/current/protocol-message-formats.html).
type messages struct {
	untyped bool // the first message has no type
	header  []byte
	left    int // of a message's body
}

// count returns how many messages of type Sync or Query begin in the next piece.
func (m *messages) count(piece []byte) (n int) {
	const length = 4
	for len(piece) > 0 {
		if m.left > 0 {
			skip := min(m.left, len(piece))
			m.left -= skip
			piece = piece[skip:]
			continue
		}
		m.header = append(m.header, piece[0])
		piece = piece[1:]
		size := m.header
		if !m.untyped {
			size = size[1:]
		}
		if len(size) < length {
			continue
		}
		m.left = (int(size[0])<<24 | int(size[1])<<16 | int(size[2])<<8 | int(size[3])) - length
		if !m.untyped && (m.header[0] == 'S' || m.header[0] == 'Q') {
			n++
		}
		m.untyped, m.header = false, m.header[:0]
	}
	return n
}
