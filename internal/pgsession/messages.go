package pgsession

import (
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
	if w.begin {
		b.WriteString(begin + "; ")
	}
	for _, s := range w.settings {
		b.WriteString(setLocal(s) + "; ")
	}
	count, shift := len(w.settings), utf8.RuneCountInString(b.String())
	w.before = b.Len()
	b.WriteString(text)
	if w.begin {
		count++
		b.WriteString("\n; " + commit) // the caller's text may end in a comment
	}
	w.expect(count, 'C', shift)
	if w.begin {
		w.commitFilter.reset(last)
	}
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

// statementName is the name of the prepared statement of the settings. pgx uses the unnamed one,
// and may have parsed a statement into it for the very next message.
const statementName = "gormtenant_settings"

// textOID is the OID of the type text.
const textOID = 25

// withStatement writes the messages that set the settings in the extended protocol, and behind them
// those of the statement, p.
func (w *wire) withStatement(buffer, p []byte) (_ []byte, err error) {
	if w.parsed && w.keep {
		w.prepared = true
	}
	remove := pgproto3.Close{ObjectType: 'S', Name: statementName} // no error if there is none
	if !w.prepared || w.failed {
		w.prepared = false
		if buffer, err = remove.Encode(buffer); err == nil {
			parse := parseOf(w.settings)
			buffer, err = parse.Encode(buffer)
		}
		if err != nil {
			return nil, err
		}
	}
	w.values, w.text = w.values[:0], w.text[:0]
	for _, s := range w.settings {
		from := len(w.text)
		w.text = append(w.text, s.Value...)
		w.values = append(w.values, w.text[from:])
	}
	bind := pgproto3.Bind{PreparedStatement: statementName, Parameters: w.values}
	if buffer, err = bind.Encode(buffer); err != nil {
		return nil, err
	}
	if buffer, err = (&pgproto3.Execute{}).Encode(buffer); err != nil {
		return nil, err
	}
	w.expect(1, 'C', 0)
	if !w.keep {
		w.expect(2, '3', 0)
		if buffer, err = remove.Encode(buffer); err != nil {
			return nil, err
		}
	}
	w.before = len(buffer)
	return append(buffer, p...), nil
}

// parseOf returns the message that prepares the statement for settings of these names.
func parseOf(settings []Setting) pgproto3.Parse {
	calls, oids := make([]string, len(settings)), make([]uint32, len(settings))
	for i, s := range settings {
		calls[i] = "pg_catalog.set_config(" + Literal(s.Name) + ", $" + strconv.Itoa(i+1) +
			", true)"
		oids[i] = textOID
	}
	return pgproto3.Parse{
		Name: statementName, Query: "SELECT " + strings.Join(calls, ", "),
		ParameterOIDs: oids,
	}
}
