package tenants

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// betweenLines is how often a meter that does not write to a terminal writes a line.
const betweenLines = 10 * time.Second

// meter shows how far Each is. It is not safe for concurrent use.
type meter struct {
	w            io.Writer                // nil for none
	bar          *progressbar.ProgressBar // nil where w is no terminal
	done, failed int
	total        int
	start, shown time.Time
}

func newMeter(config eachConfig) *meter {
	now := time.Now()
	m := &meter{w: config.progress, total: config.total, start: now, shown: now}
	if isTerminal(m.w) {
		m.bar = newBar(m.w, m.total)
	}
	return m
}

// isTerminal says whether w is one, and can show a bar.
func isTerminal(w io.Writer) bool {
	file, ok := w.(interface{ Fd() uintptr })
	return ok && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(file.Fd()))
}

func newBar(w io.Writer, total int) *progressbar.ProgressBar {
	if total == 0 {
		total = -1 // a spinner with a count
	}
	return progressbar.NewOptions(total,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(describe(0)),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("tenants"),
		progressbar.OptionSetRenderBlankState(true), // the first tenant may take its time
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetSpinnerChangeInterval(0), // or it starts a goroutine
	)
}

func describe(failed int) string {
	if failed == 0 {
		return "tenants"
	}
	return fmt.Sprintf("tenants (%d failed)", failed)
}

// add counts a tenant that was worked for.
func (m *meter) add(failed bool) {
	m.done++
	if failed {
		m.failed++
	}
	switch {
	case m.bar != nil:
		if failed {
			m.bar.Describe(describe(m.failed))
		}
		_ = m.bar.Add(1)
	case m.w != nil && time.Since(m.shown) >= betweenLines:
		m.line("so far")
	}
}

// finish replaces the bar by a line that says how it ended.
func (m *meter) finish() {
	if m.bar != nil {
		_ = m.bar.Clear() // it may not show the last tenants, for its throttle
	}
	if m.w != nil {
		m.line("in all")
	}
}

func (m *meter) line(what string) {
	m.shown = time.Now()
	of := ""
	if m.total > 0 {
		of = fmt.Sprintf(" of %d", m.total)
	}
	_, _ = fmt.Fprintf(m.w, "gormtenant: %d%s tenants %s, %d failed, after %v\n",
		m.done, of, what, m.failed, m.shown.Sub(m.start).Round(time.Millisecond))
}
