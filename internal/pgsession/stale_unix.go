//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || solaris

package pgsession

import (
	"errors"
	"net"
	"syscall"
)

// peeks reports whether there is something to be read, or the end, without taking it.
func peeks(conn net.Conn) (found bool) {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return true
	}
	// Control, not Read: the latter would wait for a goroutine of pgx that may be reading.
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK) // net's sockets do not block
		found = !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR)
	})
	return found || err != nil
}
