package pgsession

import (
	"encoding/binary"
	"io"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgproto3"
)

// Setting is a run-time parameter of the server, and the value that it is to have for one statement.
type Setting struct{ Name, Value string }

// wire sits between pgx's protocol code and its connection. Armed with settings, it puts them in front
// of the next statement that pgx sends, in the same write, and takes their answer out of what the
// server replies, so that pgx never knows.
//
// In the extended protocol everything up to the Sync is one implicit transaction, so a setting that is
// local to the transaction holds for the statement behind it and is gone after it. In the simple
// protocol the same is true of the statements of one Query message
// (https://www.postgresql.org/docs/current/protocol-flow.html).
//
// It is used by one goroutine at a time, as the connection is, but for what pgx does when a context was
// cancelled: it says goodbye to the server from another.
type wire struct {
	out io.Writer
	in  io.Reader

	armed    atomic.Bool
	settings []Setting // that it is armed with
	// keep says that the prepared statement may stay on the connection: there is no pooler between
	// that gives the next transaction another one.
	keep     bool
	prepared bool
	buffer   []byte
	values   [][]byte

	replies
}

// arm makes the next statement run with settings.
func (w *wire) arm(settings []Setting) {
	w.settings = settings
	w.armed.Store(true)
}

// disarm ends that: a statement that failed before it was sent leaves nothing for the next.
func (w *wire) disarm() { w.armed.Store(false) }

// Write sends what pgx has to send, and the settings in front of it if there is a statement in it.
func (w *wire) Write(p []byte) (int, error) {
	if !w.armed.Load() {
		return w.out.Write(p)
	}
	text, ok := simpleQuery(p)
	switch {
	case ok:
		w.buffer = w.withText(w.buffer[:0], w.settings, text)
	case executes(p):
		var err error
		if w.buffer, err = w.withStatement(w.buffer[:0], w.settings); err != nil {
			return 0, err
		}
		w.buffer = append(w.buffer, p...)
	default:
		return w.out.Write(p) // pgx prepares the statement first
	}
	w.disarm()
	n, err := w.out.Write(w.buffer)
	// To pgx only what it wrote itself counts: where none of that was sent, it may try again.
	n = max(0, n-(len(w.buffer)-len(p)))
	w.buffer = unlessLarge(w.buffer)
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

// executes says whether one of the messages in p is an Execute.
func executes(p []byte) bool {
	const header = 5
	for len(p) >= header {
		if p[0] == 'E' {
			return true
		}
		length := int(binary.BigEndian.Uint32(p[1:header])) + 1
		if length < header || length > len(p) {
			return false
		}
		p = p[length:]
	}
	return false
}

// withText puts SET LOCAL in front of a statement in the simple protocol. It takes no snapshot, so
// that SET TRANSACTION can follow.
func (w *wire) withText(buffer []byte, settings []Setting, text string) []byte {
	var b strings.Builder
	for _, s := range settings {
		b.WriteString("SET LOCAL " + s.Name + " = " + literal(s.Value) + "; ")
	}
	prefix := b.String()
	w.expect(len(settings), 'C', len([]rune(prefix)))
	buffer = append(buffer, 'Q')
	buffer = binary.BigEndian.AppendUint32(buffer, uint32(4+len(prefix)+len(text)+1)) //nolint:gosec // A message is no longer than that.
	buffer = append(buffer, prefix...)
	buffer = append(buffer, text...)
	return append(buffer, 0)
}

// literal writes s as an SQL string. Its form means the same with standard_conforming_strings on and
// off.
func literal(s string) string {
	if strings.Contains(s, `\`) {
		return " E'" + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), "'", "''") + "'"
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// statementName is that of the prepared statement that sets. pgx uses the unnamed one, and may have
// parsed something into it for the very next message.
const statementName = "gormtenant_settings"

// textOID is that of the type text.
const textOID = 25

// withStatement writes the messages that set the settings in the extended protocol.
func (w *wire) withStatement(buffer []byte, settings []Setting) (_ []byte, err error) {
	if w.parsed && w.keep {
		w.prepared = true
	}
	remove := pgproto3.Close{ObjectType: 'S', Name: statementName} // no error if there is none
	if !w.prepared || w.failed {
		w.prepared = false
		if buffer, err = remove.Encode(buffer); err == nil {
			parse := parseOf(settings)
			buffer, err = parse.Encode(buffer)
		}
		if err != nil {
			return nil, err
		}
	}
	w.values = w.values[:0]
	for _, s := range settings {
		w.values = append(w.values, []byte(s.Value))
	}
	bind := pgproto3.Bind{PreparedStatement: statementName, Parameters: w.values}
	if buffer, err = bind.Encode(buffer); err != nil {
		return nil, err
	}
	if buffer, err = (&pgproto3.Execute{}).Encode(buffer); err != nil {
		return nil, err
	}
	if w.keep {
		w.expect(1, 'C', 0)
		return buffer, nil
	}
	w.expect(2, '3', 0)
	return remove.Encode(buffer)
}

// parseOf returns the message that prepares the statement for settings of these names.
func parseOf(settings []Setting) pgproto3.Parse {
	calls, oids := make([]string, len(settings)), make([]uint32, len(settings))
	for i, s := range settings {
		calls[i] = "set_config(" + literal(s.Name) + ", $" + strconv.Itoa(i+1) + ", true)"
		oids[i] = textOID
	}
	return pgproto3.Parse{Name: statementName, Query: "SELECT " + strings.Join(calls, ", "), ParameterOIDs: oids}
}

// Read returns what the server sent, without the answers to the settings.
func (w *wire) Read(p []byte) (int, error) {
	for len(p) > 0 {
		if n := w.take(p); n > 0 {
			return n, nil
		}
		n, err := w.in.Read(p)
		n = w.pass(p[:n])
		if n > 0 || err != nil && w.empty() {
			return n, err
		}
	}
	return 0, nil
}
