package pgsession

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// What a statement outside a transaction is put between where settings are written out.
const (
	begin    = "BEGIN"
	commit   = "COMMIT"
	rollback = "ROLLBACK"
)

// opens matches a statement that begins a transaction, which would end with the COMMIT behind it:
// what follows would run in none, and nobody would know.
var opens = regexp.MustCompile(`(?is)^(\s|--[^\n]*(\n|$)|/\*.*?\*/)*(BEGIN|START\s+TRANSACTION)\b`)

var errOpens = errors.New("gormtenant: here each statement is in a transaction of its own: " +
	"begin one with BeginTx, not by SQL")

// extended writes what pgx would say by a Query message, in the messages of the extended protocol,
// whose replies pgx takes for those to a Query. Citus hands the whole text of a Query message that
// has a SET LOCAL to its workers, so that a statement beside it would run there too, a second time.
func extended(text string) (p []byte, err error) {
	for _, message := range []pgproto3.FrontendMessage{
		&pgproto3.Parse{Query: text}, &pgproto3.Bind{}, &pgproto3.Describe{ObjectType: 'P'},
		&pgproto3.Execute{}, &pgproto3.Sync{},
	} {
		if p, err = message.Encode(p); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// several says what the server means by its refusal of a text with several commands.
func (c *Conn) several(err error) error {
	if err == nil || !c.wire.explicitTx {
		return err
	}
	var server *pgconn.PgError
	if errors.As(err, &server) && server.Code == syntaxError &&
		server.Routine == "exec_parse_message" {
		return fmt.Errorf("gormtenant: several commands in one text cannot be sent to Citus, "+
			"which would run them twice: send each by itself, in a transaction: %w", err)
	}
	return err
}

// syntaxError is the SQLSTATE of what the server cannot parse.
const syntaxError = "42601"

// withExplicitTx writes BEGIN, SET LOCAL, the messages of the statement, p, and COMMIT, or in a
// transaction SET LOCAL and the statement, all in front of the Sync at the end of p.
func (w *wire) withExplicitTx(buffer, p []byte) (_ []byte, err error) {
	sync, err := (&pgproto3.Sync{}).Encode(nil)
	if err != nil {
		return nil, err
	}
	statement, ok := bytes.CutSuffix(p, sync)
	if !ok {
		return nil, errors.New("gormtenant: pgx sent a statement in pieces, " +
			"which cannot be put into a transaction")
	}
	texts := make([]string, 0, 1+len(w.settings))
	if w.begin {
		texts = append(texts, begin)
	}
	for _, s := range w.settings {
		texts = append(texts, setLocal(s))
	}
	for _, text := range texts {
		if buffer, err = once(buffer, statementName, text); err != nil {
			return nil, err
		}
	}
	w.expect(len(texts)*closesOnce, '3', 0)
	w.before = len(buffer)
	buffer = append(buffer, statement...)
	if w.begin {
		if buffer, err = once(buffer, statementName, commit); err != nil {
			return nil, err
		}
		w.commitFilter.reset(first)
	}
	return append(buffer, sync...), nil
}

// closesOnce is how often once closes its statement.
const closesOnce = 2

// once writes the messages that run a statement once. What an earlier round trip that failed left
// under the name is closed first.
func once(buffer []byte, name, text string) (_ []byte, err error) {
	remove := pgproto3.Close{ObjectType: 'S', Name: name}
	for _, message := range []pgproto3.FrontendMessage{
		&remove, &pgproto3.Parse{Name: name, Query: text},
		&pgproto3.Bind{PreparedStatement: name}, &pgproto3.Execute{}, &remove,
	} {
		if buffer, err = message.Encode(buffer); err != nil {
			return nil, err
		}
	}
	return buffer, nil
}

// rollback ends the transaction around a statement that failed, before pgx learns that there is
// one. It is the only round trip more, and only for statements that fail.
func (w *wire) rollback() error {
	w.stuck = false
	message := pgproto3.Query{String: rollback}
	text, err := message.Encode(nil)
	if err != nil {
		return err
	}
	_, err = w.out.Write(text)
	return err
}
