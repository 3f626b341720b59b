package pgsession

import (
	"errors"
	"io"
)

// Mode is how a Connector sends settings.
type Mode struct {
	ExplicitTx, Names bool
	Idle              bool // outside of a transaction
}

// ExchangeInPieces sends a statement that is written in two pieces.
func ExchangeInPieces(
	mode Mode, settings []Setting, first, second []byte, out io.Writer,
) (int, error) {
	w := &wire{out: out, explicitTx: mode.ExplicitTx, names: mode.Names}
	w.arm(settings, mode.Idle)
	if n, err := w.Write(first); err != nil {
		return n, err
	}
	return w.Write(second)
}

// Exchange sends ask with settings to out, and returns what pgx reads of the replies in in, with
// reads of that size.
func Exchange(
	mode Mode, settings []Setting, ask []byte, in io.Reader, out io.Writer, size int,
) ([]byte, error) {
	w := &wire{in: in, out: out, explicitTx: mode.ExplicitTx, names: mode.Names}
	if settings != nil {
		w.arm(settings, mode.Idle)
	}
	if _, err := w.Write(ask); err != nil {
		return nil, err
	}
	var read []byte
	p := make([]byte, size)
	for {
		n, err := w.Read(p)
		read = append(read, p[:n]...)
		if errors.Is(err, io.EOF) {
			return read, nil
		}
		if err != nil {
			return read, err
		}
	}
}
