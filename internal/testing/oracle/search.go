package oracle

import (
	"flag"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// counterExample is a program on which the two sides differ, shrunk.
type counterExample struct {
	program program
	finding string
	after   int // the number of programs until it was found
}

// String returns what was found and the program as a test to paste.
func (c counterExample) String() string {
	return fmt.Sprintf("%s\nfound after %d programs; a test to paste:\n\n%s", c.finding, c.after,
		file("callbacks_test", c.program.source("Found")))
}

// searching holds rapid's settings, which are flags of the process.
var searching sync.Mutex

// search runs programs until one differs, which is shrunk for at most the given time, or until
// there were as many as asked for. It returns nil where none differs.
func (o *oracle) search(seed uint64, programs int, shrink time.Duration) *counterExample {
	searching.Lock()
	defer searching.Unlock()
	checks := programs
	if testing.Short() {
		checks *= 5 // of which rapid then runs the fifth part
	}
	for name, value := range map[string]string{
		"rapid.checks": strconv.Itoa(checks), "rapid.seed": strconv.FormatUint(seed, 10),
		"rapid.shrinktime": shrink.String(), "rapid.nofailfile": "true",
	} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	var found *counterExample
	ran := 0
	quiet := &tb{}
	done := make(chan struct{})
	go func() { // rapid leaves by FailNow
		defer close(done)
		rapid.Check(quiet, func(t *rapid.T) {
			p := drawProgram(t)
			if found == nil {
				ran++
			}
			if finding := o.run(p.setting, p.script()); finding != "" {
				after := ran
				found = &counterExample{p, finding, after}
				// The same text for each, so that rapid takes them for one failure.
				t.Fatal("differs")
			}
		})
	}()
	<-done
	o.programs += ran
	if found == nil && quiet.failed {
		panic("oracle: rapid failed: " + quiet.log)
	}
	return found
}

// tb is what rapid reports to. The last failing program is the shrunk one; the text is not needed.
type tb struct {
	failed bool
	log    string
}

func (*tb) Helper()              {}
func (*tb) Name() string         { return "oracle" }
func (*tb) Logf(string, ...any)  {}
func (*tb) Log(...any)           {}
func (*tb) Skipf(string, ...any) { runtime.Goexit() }
func (*tb) Skip(...any)          { runtime.Goexit() }
func (*tb) SkipNow()             { runtime.Goexit() }
func (t *tb) Error(args ...any)  { t.failed, t.log = true, fmt.Sprint(args...) }
func (t *tb) Errorf(format string, args ...any) {
	t.failed, t.log = true, fmt.Sprintf(format, args...)
}
func (t *tb) Fatalf(format string, args ...any) { t.Errorf(format, args...); runtime.Goexit() }
func (t *tb) Fatal(args ...any)                 { t.Error(args...); runtime.Goexit() }
func (t *tb) FailNow()                          { t.failed = true; runtime.Goexit() }
func (t *tb) Fail()                             { t.failed = true }
func (t *tb) Failed() bool                      { return t.failed }
