package pgsession_test

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/pgsession"
)

// front encodes what pgx sends.
func front(t testing.TB, messages ...pgproto3.FrontendMessage) (b []byte) {
	t.Helper()
	for _, m := range messages {
		var err error
		b, err = m.Encode(b)
		require.NoError(t, err)
	}
	return b
}

// back encodes what the server sends.
func back(t testing.TB, messages ...pgproto3.BackendMessage) (b []byte) {
	t.Helper()
	for _, m := range messages {
		var err error
		b, err = m.Encode(b)
		require.NoError(t, err)
	}
	return b
}

// exchange is one round trip.
type exchange struct {
	name string
	mode pgsession.Mode
	ask  []byte // of pgx
	// sent is a part of what the server gets.
	sent string
	// replies are all that the server sends, and left those that are for pgx.
	replies, left []byte
	// ended is what the server sends after ROLLBACK.
	ended []byte
}

var settings = []pgsession.Setting{{Name: "app.tenant_id", Value: "acme"}}

func exchanges(t testing.TB) []exchange {
	t.Helper()
	extended := front(t, &pgproto3.Parse{Query: "SELECT 1"}, &pgproto3.Bind{},
		&pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}, &pgproto3.Sync{})
	described := front(t, &pgproto3.Bind{}, &pgproto3.Describe{ObjectType: 'P'},
		&pgproto3.Execute{}, &pgproto3.Sync{}) // in describe_exec, behind a Parse of its own flight
	simple := front(t, &pgproto3.Query{String: "SELECT 1"})
	row := []pgproto3.BackendMessage{
		&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{{Name: []byte("n")}}},
		&pgproto3.DataRow{Values: [][]byte{[]byte("1")}},
		&pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")},
	}
	bound := append([]pgproto3.BackendMessage{
		&pgproto3.ParseComplete{}, &pgproto3.BindComplete{},
	}, row...)
	ready := func(status byte) pgproto3.BackendMessage {
		return &pgproto3.ReadyForQuery{TxStatus: status}
	}
	changed := &pgproto3.ParameterStatus{Name: "TimeZone", Value: "UTC"}
	all := func(lists ...[]pgproto3.BackendMessage) (b []byte) {
		for _, list := range lists {
			b = append(b, back(t, list...)...)
		}
		return b
	}
	list := func(m ...pgproto3.BackendMessage) []pgproto3.BackendMessage { return m }
	complete := func(tag string) pgproto3.BackendMessage {
		return &pgproto3.CommandComplete{CommandTag: []byte(tag)}
	}
	set := list(&pgproto3.ParseComplete{}, &pgproto3.BindComplete{},
		&pgproto3.DataRow{Values: [][]byte{[]byte("acme")}}, complete("SELECT 1"))
	closed := list(&pgproto3.CloseComplete{})
	// once is how a statement of the explicit transaction is answered.
	once := func(tag string) []pgproto3.BackendMessage {
		return list(&pgproto3.CloseComplete{}, &pgproto3.ParseComplete{}, &pgproto3.BindComplete{},
			complete(tag), &pgproto3.CloseComplete{})
	}
	failedAt := func(position int32) pgproto3.BackendMessage {
		return &pgproto3.ErrorResponse{
			Severity: "ERROR", Code: "42703", Message: "no", Position: position,
		}
	}
	// In front of the caller's text, in the simple protocol.
	const before = int32(len("SET LOCAL app.tenant_id = 'acme'; "))
	return []exchange{
		{
			"extended",
			pgsession.Mode{Idle: true},
			extended, "P\x00\x00\x00C\x00SELECT pg_catalog.set_config",
			all(set, bound, list(ready('I'))), all(bound, list(ready('I'))), nil,
		},
		{
			"extended_with_the_unnamed_statement_of_before",
			pgsession.Mode{Idle: true},
			described, "gormtenant_settings\x00SELECT pg_catalog.set_config",
			all(closed, set, closed, bound[1:], list(ready('I'))),
			all(bound[1:], list(ready('I'))), nil,
		},
		{
			"extended_with_a_change_between",
			pgsession.Mode{},
			extended, "set_config",
			all(set[:2], list(changed), set[2:], bound, list(changed, ready('T'))),
			all(list(changed), bound, list(changed, ready('T'))), nil,
		},
		{
			"extended_setting_refused",
			pgsession.Mode{Idle: true},
			extended,
			"set_config", all(set[:1], list(failedAt(0), ready('I'))),
			all(list(failedAt(0), ready('I'))), nil,
		},
		{
			"simple",
			pgsession.Mode{Idle: true},
			simple,
			"SET LOCAL app.tenant_id = 'acme'; SELECT",
			all(list(complete("SET")), row, list(ready('I'))), all(row, list(ready('I'))), nil,
		},
		{
			"simple_error_points_into_the_text",
			pgsession.Mode{Idle: true},
			simple, "SET LOCAL",
			all(list(complete("SET"), failedAt(before+8), ready('I'))),
			all(list(failedAt(8), ready('I'))), nil,
		},
		{
			"simple_in_an_explicit_transaction",
			pgsession.Mode{ExplicitTx: true, Idle: true},
			simple, "P\x00\x00\x00\x10\x00SELECT 1\x00\x00\x00B",
			all(once("BEGIN"), once("SET"), bound, once("COMMIT"), list(ready('I'))),
			all(bound, list(ready('I'))), nil,
		},
		{
			"simple_failed_in_an_explicit_transaction",
			pgsession.Mode{ExplicitTx: true, Idle: true},
			simple, "ROLLBACK",
			all(once("BEGIN"), once("SET"), bound[:2], list(failedAt(8), ready('E'))),
			all(bound[:2], list(failedAt(8), ready('I'))),
			all(list(complete("ROLLBACK"), ready('I'))),
		},
		{
			"extended_in_an_explicit_transaction",
			pgsession.Mode{ExplicitTx: true, Idle: true},
			extended, "COMMIT",
			all(once("BEGIN"), once("SET"), bound, once("COMMIT"), list(ready('I'))),
			all(bound, list(ready('I'))), nil,
		},
		{
			"extended_failed_in_an_explicit_transaction",
			pgsession.Mode{ExplicitTx: true, Idle: true},
			extended, "ROLLBACK",
			all(once("BEGIN"), once("SET"), bound[:2], list(failedAt(8), ready('E'))),
			all(bound[:2], list(failedAt(8), ready('I'))),
			all(list(complete("ROLLBACK"), ready('I'))),
		},
		{
			"extended_in_a_transaction",
			pgsession.Mode{ExplicitTx: true},
			extended, "SET LOCAL",
			all(once("SET"), bound, list(ready('T'))), all(bound, list(ready('T'))), nil,
		},
	}
}

// Wherever the replies are cut into pieces, pgx reads those to its own statement, whole and no
// more.
func TestReplies_cut_at_every_position(t *testing.T) {
	t.Parallel()
	for _, e := range exchanges(t) {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			check := func(in io.Reader, size int, cut any) {
				var sent bytes.Buffer
				read, err := pgsession.Exchange(e.mode, settings, e.ask, in, &sent, size)
				require.NoError(t, err, "cut at %v", cut)
				require.Equal(t, e.left, read, "cut at %v", cut)
				require.Contains(t, sent.String(), e.sent)
			}
			for at := range len(e.replies) + 1 {
				check(inPieces(e.replies[:at], e.replies[at:], e.ended), 4096, at)
			}
			check(iotest.OneByteReader(inPieces(e.replies, e.ended)), 4096, "each byte")
			check(inPieces(e.replies, e.ended), 1, "each byte that is read")
			check(iotest.DataErrReader(inPieces(e.replies, e.ended)), 7, "the end")
		})
	}
}

func inPieces(pieces ...[]byte) io.Reader {
	readers := make([]io.Reader, len(pieces))
	for i, piece := range pieces {
		readers[i] = bytes.NewReader(piece)
	}
	return io.MultiReader(readers...)
}

// FuzzReplies looks for replies that pgx reads differently, or that panic, when they come in
// pieces.
func FuzzReplies(f *testing.F) {
	for _, e := range exchanges(f) {
		f.Add(e.replies, e.mode.ExplicitTx, e.ask[0] == 'B', e.ask[0] == 'Q', uint8(3))
	}
	f.Add([]byte{'Z', 0, 0, 0, 0, 'I'}, true, true, true, uint8(1))
	f.Add([]byte{'E', 0xff, 0xff, 0xff, 0xff, 'P'}, true, false, true, uint8(2))
	f.Fuzz(func(t *testing.T, replies []byte, explicit, described, simple bool, size uint8) {
		ask := front(t, &pgproto3.Parse{Query: "SELECT 1"}, &pgproto3.Bind{}, &pgproto3.Execute{},
			&pgproto3.Sync{})
		switch {
		case simple:
			ask = front(t, &pgproto3.Query{String: "SELECT 1"})
		case described:
			ask = front(t, &pgproto3.Bind{}, &pgproto3.Execute{}, &pgproto3.Sync{})
		}
		mode := pgsession.Mode{ExplicitTx: explicit, Idle: true}
		whole, err := pgsession.Exchange(mode, settings, ask, bytes.NewReader(replies), io.Discard,
			1<<16)
		require.NoError(t, err)
		require.LessOrEqual(t, len(whole), len(replies))
		pieces, err := pgsession.Exchange(mode, settings, ask,
			iotest.OneByteReader(bytes.NewReader(replies)), io.Discard, int(size)+1)
		require.NoError(t, err)
		// During a round trip an incomplete header at the end is not passed on.
		short, long := whole, pieces
		if len(short) > len(long) {
			short, long = long, short
		}
		require.True(t, bytes.HasPrefix(long, short), "%q and %q", whole, pieces)
		require.Less(t, len(long)-len(short), 5)
		// Without settings nothing is changed.
		plain, err := pgsession.Exchange(mode, nil, ask, bytes.NewReader(replies), io.Discard, 5)
		require.NoError(t, err)
		require.Equal(t, string(replies), string(plain))
	})
}
