package pgsession

import (
	"bytes"
	"encoding/binary"
	"iter"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgproto3"
)

// withText puts SET LOCAL in front of a statement in the simple protocol. It takes no snapshot, so
// that SET TRANSACTION can follow.
func (w *wire) withText(buffer []byte, text string) []byte {
	var b strings.Builder
	for _, s := range w.settings {
		b.WriteString(setLocal(s) + "; ")
	}
	w.before = b.Len()
	w.expect(len(w.settings), 'C', utf8.RuneCountInString(b.String()))
	b.WriteString(text)
	query := pgproto3.Query{String: b.String()}
	buffer, _ = query.Encode(buffer) // fails over a gigabyte only, which pgx would not have written
	return buffer
}

// setLocal returns the statement that sets a setting.
func setLocal(s Setting) string {
	value := s.Value
	if !s.Identifiers {
		value = Literal(value)
	}
	return "SET LOCAL " + s.Name + " = " + value
}

// Literal writes s as an SQL string without a type. Its form means the same with
// standard_conforming_strings on and off.
func Literal(s string) string {
	if strings.Contains(s, `\`) {
		return "E'" + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), "'", "''") + "'"
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// custom matches the name of a customized option
// (https://www.postgresql.org/docs/current/runtime-config-custom.html).
var custom = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$]*\.[A-Za-z_][A-Za-z0-9_$]*$`)

// IsCustom reports whether name can be the name of a custom run-time parameter.
func IsCustom(name string) bool { return custom.MatchString(name) }

// statementName is the name under which settings are prepared where the unnamed statement, which
// pgx uses, must stay as it is. No statement of that name outlasts its flight: one that a tenant's
// SQL made is closed first.
const statementName = "gormtenant_settings"

// textOID is the OID of the type text.
const textOID = 25

// withStatement writes the messages that set the settings in the extended protocol, and behind them
// those of the statement, p. What sets them is prepared anew each time: a prepared statement that
// stays could be replaced by SQL of a tenant.
func (w *wire) withStatement(buffer, p []byte) (_ []byte, err error) {
	name, remove := "", pgproto3.Close{ObjectType: 'S', Name: statementName}
	if usesUnnamed(p) {
		name = statementName
		if buffer, err = remove.Encode(buffer); err != nil { // no error if there is none
			return nil, err
		}
	}
	w.values, w.text = w.values[:0], w.text[:0]
	for _, s := range w.settings {
		from := len(w.text)
		w.text = append(w.text, s.Value...)
		w.values = append(w.values, w.text[from:])
	}
	w.parse.of(name, w.settings)
	w.bind = pgproto3.Bind{PreparedStatement: name, Parameters: w.values}
	if buffer, err = w.parse.Encode(buffer); err != nil {
		return nil, err
	}
	if buffer, err = w.bind.Encode(buffer); err != nil {
		return nil, err
	}
	if buffer, err = (&pgproto3.Execute{}).Encode(buffer); err != nil {
		return nil, err
	}
	w.expect(1, 'C', 0)
	if name != "" {
		w.expect(2, '3', 0)
		if buffer, err = remove.Encode(buffer); err != nil {
			return nil, err
		}
	}
	w.before = len(buffer)
	return append(buffer, p...), nil
}

// parsing is the message that prepares the statement for settings. Their names are always the same.
type parsing struct {
	pgproto3.Parse
}

func (m *parsing) of(name string, settings []Setting) {
	m.Name = name
	if m.Query != "" {
		return
	}
	calls := make([]string, len(settings))
	m.ParameterOIDs = make([]uint32, len(settings))
	for i, s := range settings {
		calls[i] = "pg_catalog.set_config(" + Literal(s.Name) + ", $" + strconv.Itoa(i+1) +
			", true)"
		m.ParameterOIDs[i] = textOID
	}
	m.Query = "SELECT " + strings.Join(calls, ", ")
}

// usesUnnamed reports whether one of the messages in p uses the unnamed statement as an earlier
// flight left it.
func usesUnnamed(p []byte) bool {
	for kind, body := range messagesOf(p) {
		switch kind {
		case 'P':
			if isUnnamed(body) {
				return false
			}
		case 'B': // the name of the portal comes first
			if _, statement, ok := bytes.Cut(body, []byte{0}); ok && isUnnamed(statement) {
				return true
			}
		case 'D', 'C':
			if len(body) > 1 && body[0] == 'S' && isUnnamed(body[1:]) {
				return true
			}
		}
	}
	return false
}

func isUnnamed(name []byte) bool { return len(name) > 0 && name[0] == 0 }

// messagesOf returns the whole messages in p: types and bodies.
func messagesOf(p []byte) iter.Seq2[byte, []byte] {
	return func(yield func(kind byte, body []byte) bool) {
		const header = 5
		for len(p) >= header {
			length := int(binary.BigEndian.Uint32(p[1:header])) + 1
			if length < header || length > len(p) || !yield(p[0], p[header:length]) {
				return
			}
			p = p[length:]
		}
	}
}
