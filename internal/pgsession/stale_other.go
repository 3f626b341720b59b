//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || solaris)

package pgsession

import "net"

// peeks reports false: how to look without taking is not known on this system.
func peeks(net.Conn) bool { return false }
