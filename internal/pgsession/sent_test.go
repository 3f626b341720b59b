package pgsession_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/pgsession"
)

// received is what the server gets of what was sent: the types of the messages, and the settings in
// front of the first statement that is not one of the settings'.
type received struct {
	kinds    string
	settings string   // the value of the one setting
	texts    []string // that are prepared or queried, but for those that bring the settings
}

// receive reads what was sent as a server does.
func receive(t *testing.T, sent []byte) (r received) {
	t.Helper()
	server := pgproto3.NewBackend(bytes.NewReader(sent), io.Discard)
	var brings bool
	for {
		message, err := server.Receive()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return r
		}
		require.NoError(t, err, "%q", sent)
		switch m := message.(type) {
		case *pgproto3.Parse:
			r.kinds += "P"
			brings = strings.HasPrefix(m.Query, "SELECT pg_catalog.set_config")
			if !brings {
				r.texts = append(r.texts, m.Query)
			}
		case *pgproto3.Bind:
			r.kinds += "B"
			if brings {
				require.Len(t, m.Parameters, 1)
				r.settings = string(m.Parameters[0])
			}
			brings = false
		case *pgproto3.Query:
			r.kinds += "Q"
			r.texts = append(r.texts, m.String)
		case *pgproto3.Execute:
			r.kinds += "E"
		case *pgproto3.Sync:
			r.kinds += "S"
		default:
			r.kinds += "."
		}
	}
}

// unquoted reads the literal at the beginning of a text, as the server does.
func unquoted(t *testing.T, text string) (value, rest string) {
	t.Helper()
	text, escapes := strings.CutPrefix(text, "E")
	require.Equal(t, byte('\''), text[0])
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\'' && i+1 < len(text) && text[i+1] == '\'',
			escapes && text[i] == '\\':
			i++
			value += text[i : i+1]
		case text[i] == '\'':
			return value, text[i+1:]
		case text[i] == '\\':
			require.True(t, escapes, "a backslash in a plain literal")
		default:
			value += text[i : i+1]
		}
	}
	require.Fail(t, "the literal does not end", "%q", text)
	return "", ""
}

// FuzzStatements looks for a tenant or a statement by which the server gets other settings, or
// another statement, than it is given.
func FuzzStatements(f *testing.F) {
	for _, value := range []string{"acme", "it's", `\`, `\'`, "'; RESET ALL; --", "ö☃😀", "", "$1"} {
		for _, text := range []string{"SELECT 1", "SELECT 1 --", "SELECT '", "/*", ";", "", "$$"} {
			f.Add(value, text, false, false)
			f.Add(value, text, true, true)
		}
	}
	f.Fuzz(func(t *testing.T, value, text string, simple, described bool) {
		if strings.ContainsRune(value+text, 0) || !utf8.ValidString(value) {
			t.Skip("no tenant has such an ID, and pgx sends no such text")
		}
		ask := front(t, &pgproto3.Parse{Query: text}, &pgproto3.Bind{}, &pgproto3.Execute{},
			&pgproto3.Sync{})
		switch {
		case simple:
			ask = front(t, &pgproto3.Query{String: text})
		case described:
			ask = front(t, &pgproto3.Bind{}, &pgproto3.Execute{}, &pgproto3.Sync{})
		}
		tenant := []pgsession.Setting{{Name: "app.tenant_id", Value: value}}
		var sent bytes.Buffer
		_, err := pgsession.Exchange(pgsession.Mode{Idle: true}, tenant, ask,
			bytes.NewReader(nil), &sent, 1)
		require.NoError(t, err)
		got := receive(t, sent.Bytes())
		if simple {
			require.Equal(t, "Q", got.kinds)
			literal, ok := strings.CutPrefix(got.texts[0], "SET LOCAL app.tenant_id = ")
			require.True(t, ok, got.texts)
			got.settings, literal = unquoted(t, literal)
			require.Equal(t, "; "+text, literal)
		} else {
			require.True(t, bytes.HasSuffix(sent.Bytes(), ask), "the statement is sent as it is")
			require.Equal(t, 1, strings.Count(got.kinds, "S"), "one flight")
			require.Less(t, len(got.texts), 2)
		}
		require.Equal(t, value, got.settings)
	})
}

// A statement that is written in pieces is sent with its settings, or not at all.
func TestStatement_written_in_pieces(t *testing.T) {
	t.Parallel()
	for _, e := range exchanges(t) {
		execute := front(t, &pgproto3.Execute{})
		if e.ask[0] == 'Q' && !e.mode.ExplicitTx {
			execute = front(t, &pgproto3.Query{})[:1]
		}
		for at := 1; at < len(e.ask); at++ {
			var sent bytes.Buffer
			_, err := pgsession.ExchangeInPieces(e.mode, settings, e.ask[:at], e.ask[at:], &sent)
			if err != nil {
				require.NotContains(t, receive(t, sent.Bytes()).kinds, "E", "%s %d", e.name, at)
				continue
			}
			settings, executed, found := strings.Cut(sent.String(), "acme")
			require.True(t, found, "%s %d", e.name, at)
			require.Contains(t, executed, string(execute), "%s %d", e.name, at)
			if !e.mode.ExplicitTx { // else BEGIN comes before them
				require.NotContains(t, settings, string(execute), "%s %d", e.name, at)
			}
		}
	}
}
