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

// Proxy passes on what a client and a server say to each other, counts round trips, and can make them
// slow.
type Proxy struct {
	listener net.Listener
	server   string
	latency  time.Duration // of each direction

	mutex   sync.Mutex
	flights int
	asked   map[net.Conn]bool // the client spoke last
}

// NewProxy starts a proxy in front of the server of a configuration, and returns a configuration that
// goes through it, without TLS. Each direction takes latency longer. The proxy stops with t.
func NewProxy(t testing.TB, config *pgx.ConnConfig, latency time.Duration) (*Proxy, *pgx.ConnConfig) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{
		listener: listener, latency: latency, asked: map[net.Conn]bool{},
		server: net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port))),
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
	go p.copy(server, client, func() {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		if !p.asked[client] {
			p.flights++
		}
		p.asked[client] = true
	})
	p.copy(client, server, func() {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		p.asked[client] = false
	})
}

// copy passes on what from says, each piece after the latency.
func (p *Proxy) copy(to io.WriteCloser, from io.Reader, spoke func()) {
	defer func() { _ = to.Close() }()
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			spoke()
			if p.latency > 0 {
				time.Sleep(p.latency)
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
