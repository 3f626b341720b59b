package pgsession

// commitFilter removes the replies to the COMMIT that was sent behind a statement, and notices a
// transaction that a failed statement left open.
type commitFilter struct {
	phase phase
	stuck bool // the transaction has to be rolled back
}

// phase is how far the replies are.
type phase byte

const (
	none  phase = iota
	first       // the replies to COMMIT are all behind the first CommandComplete
	over        // that one was seen
	ended       // the transaction was ended by ROLLBACK
)

func (f *commitFilter) reset(to phase) { f.phase, f.stuck = to, false }

// decide returns what to do with a message of that type.
func (f *commitFilter) decide(kind byte) disposition {
	switch {
	case f.phase == none, kind == 'S', kind == 'N', kind == 'A':
		return pass
	case kind == 'Z':
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
	case (kind == 'C' || kind == 'I') && f.phase == first:
		f.phase = over
	case kind == 'Z' && f.phase != ended:
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
