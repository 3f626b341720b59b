package store

import "time"

// Channel is what changes are told on.
const Channel = channel

// What the tests reach of the package's inside.
var (
	NormalDomain  = normalDomain
	ProblemOfSlug = problemOfSlug
	ProblemOfID   = problemOfID
)

// Heartbeat changes how often a silent connection is asked whether it lives, and how long it may
// take to answer.
func Heartbeat(interval, serverTimeout time.Duration) ListenOption {
	return listenOption(func(l *Listener) error {
		l.heartbeat, l.pingTimeout, l.serverTimeout = interval, serverTimeout, serverTimeout
		return nil
	})
}

// Clock gives the store the time, instead of time.Now.
func Clock(now func() time.Time) Option {
	return optionFunc(func(s *Store) error {
		s.clock = now
		return nil
	})
}
