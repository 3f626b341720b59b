//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || solaris

package pgsession

import (
	"errors"
	"net"
	"syscall"
)

// peeker looks at what a connection has received, without taking it.
type peeker struct {
	socket syscall.RawConn // nil where the connection has none
	closed bool
	peek   func(fd uintptr)
	found  bool
	buffer [1]byte
}

func newPeeker(conn net.Conn) *peeker {
	p := &peeker{}
	if has, ok := conn.(syscall.Conn); ok {
		var err error
		p.socket, err = has.SyscallConn()
		p.closed = err != nil
	}
	p.peek = func(fd uintptr) { // net's sockets do not block
		_, _, err := syscall.Recvfrom(int(fd), p.buffer[:], syscall.MSG_PEEK)
		p.found = !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR)
	}
	return p
}

// readable reports whether a read would return at once, with something or with the end.
func (p *peeker) readable() bool {
	if p.socket == nil || p.closed {
		return p.closed
	}
	p.found = false
	// Control, not Read: the latter would wait for a goroutine of pgx that may be reading.
	err := p.socket.Control(p.peek)
	return p.found || err != nil
}
