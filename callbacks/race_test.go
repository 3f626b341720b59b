//go:build race

package callbacks_test

// raceEnabled makes tests that run often shorter: the race detector slows them down tenfold.
const raceEnabled = true
