package store

import "time"

// What the tests reach of the package's inside.
var (
	NormalDomain  = normalDomain
	ProblemOfSlug = problemOfSlug
	ProblemOfID   = problemOfID
)

// Heartbeat changes how often a silent connection is asked whether it lives, and how long it may
// take to answer.
func Heartbeat(interval, patience time.Duration) ListenOption {
	return listenOption(func(l *Listener) error {
		l.heartbeat, l.patience = interval, patience
		return nil
	})
}
