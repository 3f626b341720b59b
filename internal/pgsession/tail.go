package pgsession

import "slices"

// tail takes the answers out that belong to a COMMIT behind the statement, and notices a transaction
// that the statement, as it failed, left open.
type tail struct {
	form  form
	late  []byte // a CommandComplete that is COMMIT's if no other message follows
	stuck bool   // the transaction is to be ended
}

// form says how the answers to COMMIT are told from those to the statement in front of it.
type form byte

const (
	none  form = iota
	last       // in the simple protocol: it is the last CommandComplete
	first      // in the extended protocol: it is all behind the first CommandComplete
	over       // that one was seen
	ended      // the transaction was ended by ROLLBACK
)

func (t *tail) reset(to form) {
	t.form, t.late, t.stuck = to, t.late[:0], false
}

// release returns the CommandComplete that was held back, if a message of type next shows that it is
// not COMMIT's. Changed parameters and notices may come between, and show nothing.
func (t *tail) release(next byte) (late []byte) {
	switch next {
	case 'Z', 'S', 'N', 'A':
		return nil
	}
	if len(t.late) == 0 {
		return nil
	}
	late = slices.Clone(t.late)
	t.late = t.late[:0]
	return late
}

// decide says what becomes of a message of that type.
func (t *tail) decide(kind byte) fate {
	switch {
	case t.form == none, kind == 'S', kind == 'N', kind == 'A':
		return pass
	case kind == 'Z', kind == 'C' && t.form == last:
		return hold
	case t.form == ended, t.form == over && kind != 'E':
		return drop
	}
	return pass
}

// finish ends a message, and says whether it is let through if it was held.
func (t *tail) finish(kind byte, held []byte) bool {
	switch {
	case t.form == none:
	case kind == 'C' && t.form == last:
		t.late = append(t.late[:0], held...)
		return false
	case (kind == 'C' || kind == 'I') && t.form == first:
		t.form = over
	case kind == 'Z' && t.form != ended:
		t.late = t.late[:0]
		t.stuck = held[len(held)-1] == failed
		if t.stuck {
			t.form = ended
			return false
		}
		t.form = none
	case kind == 'Z':
		t.reset(none)
	}
	return true
}
