package pgsession

import (
	"bytes"
	"encoding/binary"
	"strconv"
)

// replies follows the messages of the server, and removes those that answer the settings.
type replies struct {
	head        [5]byte     // of the message that is being read: its type and length
	headed      int         // how much of it was read
	left        int         // how much of the body is still to come
	disposition disposition // of that message

	active  bool // a round trip with settings is being answered
	ignored int  // how many messages of type end still answer the settings
	end     byte
	shift   int // how many characters were put in front of the statement

	held   []byte // a message that is needed whole
	passed []byte // messages for pgx
	taken  int    // how much of it was read

	commitFilter
}

type disposition byte

const (
	pass disposition = iota
	drop
	hold
)

// expect begins a round trip whose first messages are removed, up to the count-th of type end.
func (r *replies) expect(count int, end byte, shift int) {
	r.active, r.ignored, r.end, r.shift = true, count, end, shift
	r.commitFilter.reset(none)
}

// take copies messages for pgx to p.
func (r *replies) take(p []byte) int {
	n := copy(p, r.passed[r.taken:])
	r.taken += n
	if r.empty() {
		r.passed, r.taken = unlessLarge(r.passed), 0
	}
	return n
}

// empty reports whether all messages for pgx were taken.
func (r *replies) empty() bool { return r.taken == len(r.passed) }

// pass follows b, and returns how many of its first bytes are for pgx now. During a round trip with
// settings that is 0: messages for pgx are kept for take.
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

// follow keeps track of messages that are passed on as they are.
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

// header reads more of a message header. It returns how much it took, and whether the header is
// whole.
func (r *replies) header(b []byte) (n int, whole bool) {
	n = copy(r.head[r.headed:], b)
	r.headed += n
	if whole = r.headed == len(r.head); whole {
		// A shorter one is pgx's to refuse.
		r.left = max(0, int(binary.BigEndian.Uint32(r.head[1:]))-4)
	}
	return n, whole
}

// step takes the next piece, a header or a part of a body, and returns the rest.
func (r *replies) step(b []byte) []byte {
	if r.headed < len(r.head) {
		n, whole := r.header(b)
		if !whole {
			return nil
		}
		r.disposition = r.decide(r.head[0])
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
	switch r.disposition {
	case pass:
		r.passed = append(r.passed, b...)
	case hold:
		r.held = append(r.held, b...)
	}
}

// decide returns what to do with a message of that type. Notices and changed parameters, which may
// come at any time, are always passed on.
func (r *replies) decide(kind byte) disposition {
	if r.ignored > 0 {
		switch kind {
		case '1', '2', '3', 'C', 'D', 'T', 'n', 'I':
			return drop
		case 'E': // a setting was refused: pgx takes it for an error of its statement
			r.ignored = 0
		}
	}
	if r.shift > 0 && (kind == 'E' || kind == 'N') {
		return hold
	}
	return r.commitFilter.decide(kind)
}

// finish ends a message.
func (r *replies) finish() {
	kind := r.head[0]
	if r.disposition == drop && kind == r.end {
		r.ignored--
	}
	switch r.disposition {
	case hold:
		if r.shift > 0 && (kind == 'E' || kind == 'N') {
			r.held = moved(r.held, r.shift)
		}
		if r.commitFilter.finish(kind, r.held) {
			r.passed = append(r.passed, r.held...)
		}
		r.held = r.held[:0]
	case pass: // dropped messages answer a setting, or COMMIT
		r.commitFilter.finish(kind, nil)
	}
	if kind == 'Z' && !r.stuck { // ReadyForQuery: the round trip is over
		r.active, r.ignored, r.shift = false, 0, 0
	}
	r.headed = 0
}

// moved subtracts shift from the position in an error or notice, so that it points into the
// statement of the caller (https://www.postgresql.org/docs/current/protocol-error-fields.html).
func moved(message []byte, shift int) []byte {
	const header = 5
	out := append(make([]byte, 0, len(message)), message[:header]...)
	fields := message[header:]
	for len(fields) > 1 {
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
	if len(fields) == 0 || fields[0] != 0 { // malformed: pgx is to refuse it as it is
		return message
	}
	out = append(out, 0)
	length := uint32(len(out) - 1) //nolint:gosec // It is shorter than before.
	binary.BigEndian.PutUint32(out[1:header], length)
	return out
}
