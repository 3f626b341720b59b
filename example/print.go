package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/example/saas"
)

// The colours: what was allowed, and what was refused.
const (
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	reset  = "\x1b[0m"
)

// maxWidth is that of a line, in bytes, without the indent of the first.
const maxWidth = 120

// wantsColour reports whether f is a terminal whose user has not asked for no colours
// (https://no-color.org).
func wantsColour(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == ""
}

func (t *tour) intro(ctx context.Context) {
	t.println("Two tenants share these tables. Whatever acme calls, globex must not notice.")
	for _, tenant := range []string{acme, globex} {
		var projects []Project
		err := t.nobody.WithContext(gormtenant.WithTenant(ctx, tenant)).
			Preload("Owner").Preload("Tasks").Preload("Tags").Find(&projects).Error
		t.err = errors.Join(t.err, err)
		t.printf("  %-7s %s\n", tenant, strings.Join(saas.Sorted(projects), ", "))
	}
	t.println(`  db is nobody.WithContext(ctx), with ctx from gormtenant.WithTenant(..., ` +
		`"acme"); plain has no plugin.`)
	t.println("  website, ann and urgent are acme's; merger, carol, secret and papers are rows " +
		"of globex.")
	t.println("  Below a call is the SQL that it sent; " + check +
		" marks the look-ups of the plugin.")
}

func (t *tour) part(title string) {
	t.printf("\n== %s\n", title)
}

func (t *tour) begin(call string) {
	t.step++
	t.printf("%2d. %s\n", t.step, call)
	t.recorder.take()
}

func (t *tour) printSQL() {
	lines := t.recorder.take()
	if len(lines) == 0 {
		lines = []string{"-- no statement was sent"}
	}
	for _, line := range lines {
		t.printf("      %s\n", wrap(line, "        "))
	}
}

func (t *tour) printOutcome(colour, text string) {
	text = wrap("=> "+text, "       ")
	if t.colour && colour != "" {
		text = colour + text + reset
	}
	t.printf("    %s\n", text)
}

// message returns the text of err. The errors of gormtenant end in what to do instead; that is
// printed once for each.
func (t *tour) message(err, sentinel error) string {
	_, advice, ok := strings.Cut(strings.TrimPrefix(sentinel.Error(), "gormtenant: "), ": ")
	if ok && t.told[advice] {
		return strings.Replace(err.Error(), advice, "...", 1)
	}
	t.told[advice] = true
	return err.Error()
}

// wrap breaks a long text into lines; those after the first begin with indent.
func wrap(text, indent string) string {
	words := strings.Fields(text)
	line, lines := words[0], []string(nil)
	for _, word := range words[1:] {
		if len(line)+1+len(word) > maxWidth {
			lines, line = append(lines, line), indent+word
		} else {
			line += " " + word
		}
	}
	return strings.Join(append(lines, line), "\n")
}

func (t *tour) summary() {
	t.printf("\n%d allowed, %d refused, %d promises broken\n", t.allowedSteps, t.refusedSteps,
		t.broken)
}

func (t *tour) printf(format string, args ...any) {
	if _, err := fmt.Fprintf(t.out, format, args...); err != nil {
		t.err = errors.Join(t.err, err)
	}
}

func (t *tour) println(text string) { t.printf("%s\n", text) }
