package pgsession

import (
	"encoding/binary"
	"errors"
	"io"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgproto3"
)

// Setting is a run-time parameter of the server, and the value that it is to have for one
// statement.
type Setting struct {
	Name, Value string
	// Identifiers says that the value is a list of quoted identifiers, which SET takes as they are:
	// as one string it would be one identifier to it.
	Identifiers bool
	// Mark stands for the value where Connector.Names is set: other values have other marks. It is
	// made of letters, digits and the characters _.-= alone. One setting of a statement has it.
	Mark string
}

// wire sits between pgx's protocol code and its connection. Armed with settings, it puts them in
// front of the next statement that pgx sends, in the same write, and takes their answer out of what
// the server replies, so that pgx never knows.
//
// In the extended protocol everything up to the Sync is one implicit transaction, so a setting that
// is local to the transaction holds for the statement behind it and is gone after it. In the simple
// protocol the same is true of the statements of one Query message
// (https://www.postgresql.org/docs/current/protocol-flow.html).
//
// It is used by one goroutine at a time, as the connection is, but for what pgx does when a context
// was cancelled: it says goodbye to the server from another.
type wire struct {
	out io.Writer
	in  io.Reader

	armed    atomic.Bool
	wrote    atomic.Bool // something of the statement, or of its preparation, was sent
	marked   atomic.Bool // something may have been left in the session
	settings []Setting   // that it is armed with
	// explicitTx says that settings are SET LOCAL in an explicit transaction, always.
	explicitTx bool
	begin      bool // the armed statement is in none
	names      bool // settings go with preparations too
	buffer     []byte
	before     int // how much of the buffer comes before the statement
	values     [][]byte
	text       []byte // of the values
	parse      parsing
	bind       pgproto3.Bind

	replies
}

// arm makes the next statement run with settings. idle says that it is in no transaction.
func (w *wire) arm(settings []Setting, idle bool) {
	w.settings, w.begin = settings, w.explicitTx && idle
	w.armed.Store(true)
}

// disarm ends that: a statement that failed before it was sent leaves nothing for the next.
func (w *wire) disarm() { w.armed.Store(false) }

// Write sends what pgx has to send, and the settings in front of it if there is a statement in it.
func (w *wire) Write(p []byte) (int, error) {
	if !w.armed.Load() {
		w.markFor(p)
		return w.send(p, 0)
	}
	if !whole(p) {
		return 0, errPieces
	}
	text, ok := simpleQuery(p)
	last := ok || contains(p, 'E') // an Execute; otherwise pgx prepares the statement first
	length := len(p)
	if ok && w.explicitTx {
		var err error
		if p, err = extended(text); err != nil {
			return 0, err
		}
		ok = false
	}
	switch {
	case ok:
		w.buffer = w.withText(w.buffer[:0], text)
	case last, w.names && contains(p, 'P'):
		with := w.withStatement
		if w.explicitTx {
			with = w.withExplicitTx
		}
		var err error
		if w.buffer, err = with(w.buffer[:0], p); err != nil {
			return 0, err
		}
	default:
		return w.send(p, 0)
	}
	if last {
		w.disarm()
	}
	n, err := w.send(w.buffer, w.before)
	w.buffer = unlessLarge(w.buffer)
	return min(n, length), err
}

var errPieces = errors.New("gormtenant: pgx sent a part of a message, in front of which no " +
	"settings can be put")

// whole reports whether p is made of whole messages.
func whole(p []byte) bool {
	const header = 5
	for len(p) >= header { // without messagesOf, which allocates
		length := int(binary.BigEndian.Uint32(p[1:header])) + 1
		if length < header || length > len(p) {
			return false
		}
		p = p[length:]
	}
	return len(p) == 0
}

// send writes to the server, and returns how much was sent of what comes after the first bytes
// before. To pgx only what it wrote itself counts: where none of that was sent, it may try again.
func (w *wire) send(p []byte, before int) (int, error) {
	n, err := w.out.Write(p)
	if n = max(0, n-before); n > 0 {
		w.wrote.Store(true)
	}
	return n, err
}

// unlessLarge returns an empty buffer to be used again, unless one statement made it large.
func unlessLarge(buffer []byte) []byte {
	const large = 8192
	if cap(buffer) > large {
		return nil
	}
	return buffer[:0]
}

// simpleQuery returns the text of a Query message that is all of p.
func simpleQuery(p []byte) (text string, ok bool) {
	const header = 5
	if len(p) <= header || p[0] != 'Q' || int(binary.BigEndian.Uint32(p[1:header]))+1 != len(p) {
		return "", false
	}
	return string(p[header : len(p)-1]), true
}

// contains reports whether one of the messages in p is of that type.
func contains(p []byte, kind byte) bool {
	for k := range messagesOf(p) {
		if k == kind {
			return true
		}
	}
	return false
}

// Read returns what the server sent, without the answers to the settings.
func (w *wire) Read(p []byte) (int, error) {
	for len(p) > 0 {
		if n := w.take(p); n > 0 {
			return n, nil
		}
		n, err := w.in.Read(p)
		n = w.pass(p[:n])
		if w.stuck && err == nil {
			err = w.rollback()
		}
		if n > 0 || err != nil && w.empty() {
			return n, err
		}
	}
	return 0, nil
}
