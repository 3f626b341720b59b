// Package progress shows how far a long piece of work is: by a bar on a terminal, by a line now and
// then elsewhere.
package progress

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// betweenLines is how often a bar that does not write to a terminal writes a line.
const betweenLines = 10 * time.Second

// Bar shows how far a piece of work is. It is not safe for concurrent use.
type Bar struct {
	w            io.Writer                // nil for none
	bar          *progressbar.ProgressBar // nil where w is no terminal
	unit         string                   // what is counted, as in "tenants"
	fails        bool                     // whether what is counted can fail
	done, failed int64
	total        int64
	start, shown time.Time
}

// New returns a bar that writes to w, nil for none. It counts units, of which there will be
// total; 0 is not known. Give fails where a unit can fail and the others go on.
func New(w io.Writer, unit string, total int64, fails bool) *Bar {
	now := time.Now()
	m := &Bar{w: w, unit: unit, total: total, fails: fails, start: now, shown: now}
	if IsTerminal(m.w) {
		m.bar = newBar(m.w, m.unit, m.total)
	}
	return m
}

// IsTerminal reports whether w is a terminal that can show a bar.
func IsTerminal(w io.Writer) bool {
	file, ok := w.(interface{ Fd() uintptr })
	return ok && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(file.Fd()))
}

func newBar(w io.Writer, unit string, total int64) *progressbar.ProgressBar {
	if total == 0 {
		total = -1 // a spinner with a count
	}
	return progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(unit),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString(unit),
		progressbar.OptionSetRenderBlankState(true), // the first may take its time
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetSpinnerChangeInterval(0), // or it starts a goroutine
	)
}

// Add counts n that are done.
func (m *Bar) Add(n int64) { m.add(n) }

// Fail counts one that failed.
func (m *Bar) Fail() {
	m.failed++
	if m.bar != nil {
		m.bar.Describe(fmt.Sprintf("%s (%d failed)", m.unit, m.failed))
	}
	m.add(1)
}

func (m *Bar) add(n int64) {
	m.done += n
	switch {
	case m.bar != nil:
		_ = m.bar.Add64(n)
	case m.w != nil && time.Since(m.shown) >= betweenLines:
		m.line("so far")
	}
}

// Finish replaces the bar by a line that says how it ended.
func (m *Bar) Finish() {
	if m.bar != nil {
		_ = m.bar.Clear() // it may not show the last ones, for its throttle
	}
	if m.w != nil {
		m.line("in all")
	}
}

func (m *Bar) line(what string) {
	m.shown = time.Now()
	of, failed := "", ""
	if m.total > 0 {
		of = fmt.Sprintf(" of %d", m.total)
	}
	if m.fails {
		failed = fmt.Sprintf(", %d failed", m.failed)
	}
	_, _ = fmt.Fprintf(m.w, "gormtenant: %d%s %s %s%s, after %v\n",
		m.done, of, m.unit, what, failed, m.shown.Sub(m.start).Round(time.Millisecond))
}
