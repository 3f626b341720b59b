package pgsession

import (
	"bytes"
	"encoding/binary"
	"strconv"
)

// replies follows the messages that the server sends, and takes those out that answer the settings.
type replies struct {
	head   [5]byte // of the message that is being read: its type and length
	headed int     // how much of it was read
	left   int     // how much of the body is still to come
	fate   fate    // of that message

	active  bool // a flight with settings is being answered
	ignored int  // how many messages of type end are still answers to the settings
	end     byte
	shift   int // how many characters were put in front of the statement

	held   []byte // a message that has to be read whole
	passed []byte // what was let through
	taken  int    // how much of it was read
	parsed bool   // the settings' prepared statement exists
	failed bool   // the settings themselves failed

	tail
}

type fate byte

const (
	pass fate = iota
	drop
	hold
)

// expect makes the next flight's first messages be taken out, up to the count-th of type end.
func (r *replies) expect(count int, end byte, shift int) {
	r.active, r.ignored, r.end, r.shift = true, count, end, shift
	r.parsed, r.failed = false, false
	r.tail.reset(none)
}

// take returns what was let through before.
func (r *replies) take(p []byte) int {
	n := copy(p, r.passed[r.taken:])
	r.taken += n
	if r.empty() {
		r.passed, r.taken = unlessLarge(r.passed), 0
	}
	return n
}

// empty says whether all that was let through was taken.
func (r *replies) empty() bool { return r.taken == len(r.passed) }

// pass follows b and returns how much of it, from its beginning, is for pgx now. While a flight with
// settings is answered, that is nothing: what is for pgx is kept for take.
func (r *replies) pass(b []byte) int {
	if !r.active {
		r.follow(b)
		return len(b)
	}
	for len(b) > 0 {
		b = r.step(b)
	}
	return 0
}

// follow keeps count of messages that are let through as they are.
func (r *replies) follow(b []byte) {
	for len(b) > 0 {
		if r.headed < len(r.head) {
			n, whole := r.header(b)
			if !whole {
				return
			}
			b = b[n:]
		}
		n := min(r.left, len(b))
		r.left -= n
		b = b[n:]
		if r.left <= 0 {
			r.headed = 0
		}
	}
}

// header reads more of a message's header, and says how much it took and whether it is whole now.
func (r *replies) header(b []byte) (n int, whole bool) {
	n = copy(r.head[r.headed:], b)
	r.headed += n
	if whole = r.headed == len(r.head); whole {
		r.left = int(binary.BigEndian.Uint32(r.head[1:])) - 4
	}
	return n, whole
}

// step takes the next piece of a flight, a header or a part of a body, and returns the rest.
func (r *replies) step(b []byte) []byte {
	if r.headed < len(r.head) {
		n, whole := r.header(b)
		if !whole {
			return nil
		}
		r.fate = r.decide(r.head[0])
		r.deliver(r.head[:])
		b = b[n:]
	}
	n := min(r.left, len(b))
	r.deliver(b[:n])
	r.left -= n
	if r.left <= 0 {
		r.finish()
	}
	return b[n:]
}

func (r *replies) deliver(b []byte) {
	switch r.fate {
	case pass:
		r.passed = append(r.passed, b...)
	case hold:
		r.held = append(r.held, b...)
	}
}

// decide says what becomes of a message of that type. What the server says between, notices and
// changed parameters, is always let through.
func (r *replies) decide(kind byte) fate {
	if r.ignored > 0 {
		switch kind {
		case '1', '2', '3', 'C', 'D', 'T', 'n', 'I':
			if kind == '1' {
				r.parsed = true
			}
			return drop
		case 'E': // a setting was refused: to pgx, its statement was
			r.ignored, r.failed = 0, true
		}
	}
	if released := r.tail.release(kind); released != nil {
		r.passed = append(r.passed, released...)
	}
	if r.shift > 0 && (kind == 'E' || kind == 'N') {
		return hold
	}
	return r.tail.decide(kind)
}

// finish ends a message.
func (r *replies) finish() {
	kind := r.head[0]
	if r.fate == drop && kind == r.end {
		r.ignored--
	}
	switch r.fate {
	case hold:
		if r.shift > 0 && (kind == 'E' || kind == 'N') {
			r.held = moved(r.held, r.shift)
		}
		if r.tail.finish(kind, r.held) {
			r.passed = append(r.passed, r.held...)
		}
		r.held = r.held[:0]
	case pass: // what is dropped answers a setting, or COMMIT
		r.tail.finish(kind, nil)
	}
	if kind == 'Z' && !r.stuck { // ReadyForQuery: the flight is answered
		r.active, r.ignored, r.shift = false, 0, 0
	}
	r.headed = 0
}

// moved takes shift off the position of an error or notice, so that it is one in the statement that
// the caller wrote (https://www.postgresql.org/docs/current/protocol-error-fields.html).
func moved(message []byte, shift int) []byte {
	const header = 5
	out := append(make([]byte, 0, len(message)), message[:header]...)
	for fields := message[header:]; len(fields) > 1; {
		value, rest, ok := bytes.Cut(fields[1:], []byte{0})
		if !ok {
			return message
		}
		if position, err := strconv.Atoi(string(value)); fields[0] == 'P' && err == nil {
			value = strconv.AppendInt(nil, int64(max(1, position-shift)), 10)
		}
		out = append(append(append(out, fields[0]), value...), 0)
		fields = rest
	}
	out = append(out, 0)
	binary.BigEndian.PutUint32(out[1:header], uint32(len(out)-1)) //nolint:gosec // It was shorter before.
	return out
}
