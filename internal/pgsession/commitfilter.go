package pgsession

import "slices"

// commitFilter removes the replies to the COMMIT that was sent behind a statement, and notices a
// transaction that a failed statement left open.
type commitFilter struct {
	phase phase
	late  []byte // a CommandComplete that belongs to COMMIT if no other message follows
	stuck bool   // the transaction has to be rolled back
}

// phase is how the replies to COMMIT are told from those to the statement in front of it.
type phase byte

const (
	none  phase = iota
	last        // in the simple protocol: the reply is the last CommandComplete
	first       // in the extended protocol: the replies are all behind the first CommandComplete
	over        // that one was seen
	ended       // the transaction was ended by ROLLBACK
)

func (f *commitFilter) reset(to phase) {
	f.phase, f.late, f.stuck = to, f.late[:0], false
}

// release returns the CommandComplete that was held back, if a message of type next shows that it
// does not belong to COMMIT. Changed parameters and notices may come between, and show nothing.
func (f *commitFilter) release(next byte) (late []byte) {
	switch next {
	case 'Z', 'S', 'N', 'A':
		return nil
	}
	if len(f.late) == 0 {
		return nil
	}
	late = slices.Clone(f.late)
	f.late = f.late[:0]
	return late
}

// decide returns what to do with a message of that type.
func (f *commitFilter) decide(kind byte) disposition {
	switch {
	case f.phase == none, kind == 'S', kind == 'N', kind == 'A':
		return pass
	case kind == 'Z', kind == 'C' && f.phase == last:
		return hold
	case f.phase == ended, f.phase == over && kind != 'E':
		return drop
	}
	return pass
}

// finish ends a message, and reports whether a held one is passed on.
func (f *commitFilter) finish(kind byte, held []byte) bool {
	switch {
	case f.phase == none:
	case kind == 'C' && f.phase == last:
		f.late = append(f.late[:0], held...)
		return false
	case (kind == 'C' || kind == 'I') && f.phase == first:
		f.phase = over
	case kind == 'Z' && f.phase != ended:
		f.late = f.late[:0]
		f.stuck = held[len(held)-1] == failed
		if f.stuck {
			f.phase = ended
			return false
		}
		f.phase = none
	case kind == 'Z':
		f.reset(none)
	}
	return true
}
