package oracle

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

// errRollback is what a program returns from a transaction to undo it.
var errRollback = errors.New("rolled back by the program")

// ErrRollback returns the error with which programs undo a transaction.
func ErrRollback() error { return errRollback }

// Script is a program that can be run on either side.
type Script func(db *gorm.DB, rec *Recorder)

// oracle compares programs on one kind of database.
type oracle struct {
	t       testing.TB
	dialect string
	guard   func(*gorm.DB)
	pairs   map[bool]*pair
	// steps are the steps that were compared, byRight those that differed by right, by rule.
	programs, steps int
	byRight         map[string]int
}

// pair is the two databases, with or without foreign-key constraints.
type pair struct{ shared, solo *database }

func newOracle(t testing.TB, dialect string, guard func(*gorm.DB)) *oracle {
	t.Helper()
	return &oracle{
		t: t, dialect: dialect, guard: guard,
		pairs: map[bool]*pair{}, byRight: map[string]int{},
	}
}

func (o *oracle) pair(foreignKeys bool) *pair {
	p := o.pairs[foreignKeys]
	if p == nil {
		p = &pair{
			openShared(o.t, o.dialect, foreignKeys, o.guard),
			openSolo(o.t, o.dialect, foreignKeys),
		}
		o.pairs[foreignKeys] = p
	}
	return p
}

// run runs a program on both sides and returns what differs, "" for nothing.
func (o *oracle) run(setting Setting, script Script) string {
	p := o.pair(setting.ForeignKeys)
	shared, failed := perform(p.shared, setting, script)
	solo, alsoFailed := perform(p.solo, setting, script)
	if failed != "" || alsoFailed != "" { // It may have left a transaction open.
		_, _ = p.shared.pool.Close(), p.solo.pool.Close()
		delete(o.pairs, setting.ForeignKeys)
	}
	if len(shared) == 0 || len(solo) == 0 {
		return failed + alsoFailed // not even the end was seen
	}
	return o.compare(setting, p, shared, solo)
}

// perform runs a program on one side.
func perform(d *database, setting Setting, script Script) (sights []sight, failed string) {
	if err := d.reset(); err != nil {
		return nil, "cannot put the rows back: " + err.Error()
	}
	rec := newRecorder(d)
	func() {
		defer func() {
			if r := recover(); r != nil {
				failed = fmt.Sprintf("%v\n%s", r, debug.Stack())
			}
		}()
		script(d.db(setting), rec)
	}()
	if failed == "" {
		rec.Saw(d.db(setting), Reads, nil) // what is there at the end
	} else {
		rec.sights = append(rec.sights, sight{kind: "panic", err: errors.New(failed)})
	}
	d.dirty = d.dirty || rec.last != d.first || d.dialect != "sqlite"
	return rec.sights, failed
}

// compare returns what differs.
func (o *oracle) compare(setting Setting, p *pair, shared, solo []sight) string {
	sharedWas, soloWas := p.shared.first, p.solo.first
	compared := true
	for i := range shared {
		at := fmt.Sprintf("step %d: ", i+1)
		if rows := shared[i].rows; rows != nil && rows.others != p.shared.first.others {
			return at + "the rows of other tenants changed:\n" +
				lines(p.shared.first.others, rows.others)
		}
		if !compared {
			continue
		}
		if i >= len(solo) {
			return at + "the plain side has no such step"
		}
		if i < len(shared)-1 { // The last is the end.
			o.steps++
		}
		s := &step{
			setting: setting, marks: shared[i].marks | solo[i].marks,
			shared: shared[i], solo: solo[i],
			sharedWas: sharedWas, soloWas: soloWas,
			sharedSays: shared[i].kind, soloSays: solo[i].kind,
		}
		difference := s.difference()
		switch {
		case difference != "":
			rule := s.byRight()
			if rule == "" {
				return at + difference
			}
			if leak := s.leaks(); leak != "" {
				return at + leak + " (" + rule + ")"
			}
			o.byRight[rule]++
			compared = false
		case s.nobodys():
			o.byRight["nobodys_join_row"]++
			compared = false
		case s.failedFurtherOn():
			o.byRight["failed_further_on"]++
			compared = false
		}
		sharedWas, soloWas = shared[i].rows, solo[i].rows
		if sharedWas == nil || soloWas == nil {
			sharedWas, soloWas = p.shared.first, p.solo.first // of an aborted transaction
		}
	}
	if compared && len(solo) > len(shared) {
		return "the shared side has fewer steps"
	}
	return ""
}

// difference returns what the two sides of a step have not in common.
func (s *step) difference() string {
	switch {
	case s.sharedSays != s.soloSays:
		return fmt.Sprintf("another error: shared %q (%v), alone %q (%v)",
			s.sharedSays, s.shared.err, s.soloSays, s.solo.err)
	case s.shared.values != s.solo.values && s.shared.err == nil:
		return "other values:\n" + lines(s.solo.values, s.shared.values)
	case s.shared.err != nil && s.secret() != "":
		return s.secret()
	case (s.shared.rows == nil) != (s.solo.rows == nil):
		return "one of the transactions is aborted"
	case s.shared.rows != nil && s.shared.rows.a != s.solo.rows.a+s.solo.rows.others:
		return "other rows of A afterwards:\n" +
			lines(s.solo.rows.a+s.solo.rows.others, s.shared.rows.a)
	}
	return ""
}

// leaks returns what is wrong with a step that differs by right.
func (s *step) leaks() string {
	if secret := s.secret(); secret != "" {
		return secret
	}
	if s.shared.err != nil && !s.shared.inTx && s.marks&Parts == 0 && s.shared.rows != nil &&
		s.shared.rows.a != s.sharedWas.a {
		return "refused, and yet rows of A changed:\n" + lines(s.sharedWas.a, s.shared.rows.a)
	}
	return ""
}

// secret returns what the program got of another tenant's rows. The values of a step that failed
// are not compared, as what memory holds then depends on how far GORM came; they are looked at.
func (s *step) secret() string {
	for _, secret := range secrets {
		if s.marks&OtherTenant == 0 && strings.Contains(s.shared.values, secret) {
			return "a value of another tenant:\n" + s.shared.values
		}
	}
	return ""
}

// lines returns the lines in which two texts differ.
func lines(want, got string) string {
	wants, gots := strings.Split(want, "\n"), strings.Split(got, "\n")
	count := map[string]int{}
	for _, line := range gots {
		count[line]++
	}
	var text strings.Builder
	for _, line := range wants {
		if count[line]--; count[line] < 0 && line != "" {
			fmt.Fprintln(&text, "-", line)
		}
	}
	for _, line := range gots {
		if count[line] > 0 && line != "" {
			count[line]--
			fmt.Fprintln(&text, "+", line)
		}
	}
	return text.String()
}

// Same runs a program on both sides, on every kind of database, and fails t where they differ. The
// counter-examples of a hunt are printed as tests that call it.
func Same(t *testing.T, setting Setting, script Script) {
	t.Helper()
	for _, dialect := range []string{"sqlite", "postgres"} {
		t.Run(dialect, func(t *testing.T) {
			require.Empty(t, newOracle(t, dialect, nil).run(setting, script))
		})
	}
}
