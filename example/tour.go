package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/example/saas"
)

// tour makes calls as acme and checks what came of each.
type tour struct {
	out      io.Writer
	colour   bool
	recorder recorder

	db     *gorm.DB // has the plugin and runs as acme: what a request handler of acme holds
	nobody *gorm.DB // has the plugin and no tenant
	plain  *gorm.DB // has no plugin

	website Project // of acme, as are the next two
	ann     User
	urgent  Tag
	merger  Project // of globex, as are the next three
	carol   User
	secret  Tag
	papers  Task

	step, allowedSteps, refusedSteps, broken int
	told                                     map[string]bool // advice that was printed in full
	err                                      error           // the tour itself failed
}

// meet looks up the rows that the calls name.
func (t *tour) meet(ctx context.Context) error {
	t.db = t.nobody.WithContext(gormtenant.WithTenant(ctx, acme))
	theirs := t.nobody.WithContext(gormtenant.WithTenant(ctx, globex))
	return errors.Join(
		t.db.First(&t.website, "slug = ?", "website").Error,
		t.db.First(&t.ann, "name = ?", "Ann").Error,
		t.db.First(&t.urgent, "label = ?", "urgent").Error,
		theirs.First(&t.merger, "slug = ?", "merger").Error,
		theirs.First(&t.carol, "name = ?", "Carol").Error,
		theirs.First(&t.secret, "label = ?", "secret").Error,
		theirs.First(&t.papers, "title = ?", "Sign the papers").Error,
	)
}

// allowed makes a call that must succeed with the outcome want, and leave globex alone.
func (t *tour) allowed(call, want string, run func() (outcome string, err error)) {
	t.begin(call)
	theirs := t.rowsOf(globex)
	got, err := run()
	t.printSQL()
	switch {
	case err != nil:
		t.breaks("got the error %q, want %s", err, want)
	case got != want:
		t.breaks("got %s, want %s", got, want)
	case t.rowsOf(globex) != theirs:
		t.breaks("rows of %s changed", globex)
	default:
		t.allowedSteps++
		t.printOutcome(green, got)
	}
}

// refused makes a call that must fail with the error want, and change nothing of any tenant.
func (t *tour) refused(call string, want error, run func() error) {
	t.begin(call)
	ours, theirs := t.rowsOf(acme), t.rowsOf(globex)
	err := run()
	t.printSQL()
	switch {
	case !errors.Is(err, want):
		t.breaks("got the error %v, want %q", err, want)
	case t.rowsOf(globex) != theirs:
		t.breaks("rows of %s changed", globex)
	case t.rowsOf(acme) != ours:
		t.breaks("rows of %s changed, though the call was refused", acme)
	default:
		t.refusedSteps++
		t.printOutcome(yellow, "refused: "+t.message(err, want))
	}
}

func (t *tour) breaks(format string, args ...any) {
	t.broken++
	t.printOutcome("", "PROMISE BROKEN: "+fmt.Sprintf(format, args...))
}

// rowsOf returns every row of a tenant as text.
func (t *tour) rowsOf(tenant string) string {
	text, err := saas.Rows(t.plain, tenant)
	t.err = errors.Join(t.err, err)
	return text
}

// found is the outcome of a call that reads rows.
func found[M any](rows *[]M, tx *gorm.DB) (outcome string, err error) {
	return list(*rows), tx.Error
}

// list names rows, as in "2 rows: Mobile app, Website".
func list[M any](rows []M) string {
	if len(rows) == 0 {
		return "0 rows"
	}
	return count(len(rows), "row") + ": " + strings.Join(saas.Sorted(rows), ", ")
}

// changed is the outcome of a call that writes rows.
func changed(tx *gorm.DB) (outcome string, err error) {
	return count(int(tx.RowsAffected), "row") + " written", tx.Error
}

func count(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprint(n, " ", of, "s")
}
