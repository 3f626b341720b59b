package tenanttest

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
)

// attack is one call by which a tenant could reach the rows of another.
type attack struct {
	name string
	call string // as a developer writes it
	run  func(db *gorm.DB) outcome
	// rows is how many rows the call has to see, where all of ours can be told; -1 if it may fail.
	rows int64
	// err is what the call must fail with, errAny if any will do. If it is nil, and rows is -1, the
	// call may do what it likes with rows of its own.
	err error
	// own is set if the call changes a row of ours before it reaches one of theirs.
	own bool
	// nobody is set if the call has no tenant. It must then fail before anything is sent.
	nobody bool
	// key is set if the call names a row of theirs by its key alone. If each tenant has tables of
	// its own, the key is free in ours, and the call may create a row with it.
	key bool
	// brings is set if the call carries values of theirs, which a row of ours may then hold.
	brings bool
}

// outcome is what came of a call.
type outcome struct {
	seen any   // what it returned
	rows int64 // how many rows that were
	err  error
}

// errAny stands for every error.
var errAny = errors.New("an error")

// free is for calls that may fail or not: all that counts is that nothing of the other tenant's is
// seen or changed.
const free = -1

// found is the outcome of a call that read into dest.
func found(dest any, tx *gorm.DB) outcome {
	o := outcome{seen: dest, rows: tx.RowsAffected, err: tx.Error}
	if v := reflect.Indirect(reflect.ValueOf(dest)); v.Kind() == reflect.Slice {
		o.rows = int64(v.Len())
	}
	return o
}

// wrote is the outcome of a call that wrote.
func wrote(tx *gorm.DB) outcome { return outcome{rows: tx.RowsAffected, err: tx.Error} }

// attack runs a as a sub-test and takes back what it did.
func (k *kit) attack(t *testing.T, m *model, a attack) {
	t.Helper()
	k.sub(t, m, a.name, func(t *testing.T) {
		t.Helper()
		db := k.as(k.ours)
		if a.nobody {
			db = k.db
		}
		var (
			o        outcome
			after    snapshot
			problems []string
			sent     []statement
			failed   error
		)
		err := k.txs.undo(func() {
			k.pool.recorder.sent = nil
			o, problems = a.try(db)
			sent = k.pool.recorder.sent
			if after = k.before; !onlyReads(sent) {
				after, failed = k.snapshot()
			}
		})
		if err := errors.Join(err, failed); err != nil {
			t.Fatalf("tenanttest: looking at the rows after %s: %v", a.call, err)
		}
		if problems = append(problems, k.judge(m, a, o, sent, after)...); len(problems) > 0 {
			t.Errorf("%s\n%s%s", a.call, k.explain(sent), strings.Join(problems, "\n"))
		}
	})
}

var (
	writing  = regexp.MustCompile(`\b(INSERT|UPDATE|DELETE|MERGE|REPLACE|INTO)\b|;`)
	function = regexp.MustCompile(`(\w+)\s*\(`)
)

// onlyReads reports whether what was sent can have changed no row: a transaction was begun, or rows
// were selected, and no function was called that could do more.
func onlyReads(sent []statement) bool {
	for _, s := range sent {
		text := strings.ToUpper(s.sql)
		if text == "BEGIN" {
			continue
		}
		if !strings.HasPrefix(text, "SELECT ") || writing.MatchString(text) {
			return false
		}
		for _, called := range function.FindAllStringSubmatch(text, -1) {
			switch called[1] {
			case "COUNT", "MAX", "IN", "EXISTS", "AND", "OR", "NOT", "WHERE", "ON", "FROM", "JOIN",
				"AS", "SELECT", "HAVING", "BY":
			default:
				return false
			}
		}
	}
	return true
}

// try makes the call. A panic is a finding.
func (a attack) try(db *gorm.DB) (o outcome, problems []string) {
	defer func() {
		if r := recover(); r != nil {
			problems = append(problems, fmt.Sprintf("panicked: %v", r))
		}
	}()
	return a.run(db), nil
}

// judge says what is wrong with an outcome.
func (k *kit) judge(
	m *model, a attack, o outcome, sent []statement, after snapshot,
) (problems []string) {
	say := func(format string, args ...any) {
		problems = append(problems, fmt.Sprintf(format, args...))
	}
	anything := errors.Is(a.err, errAny)
	switch {
	case k.own && a.key && !refused(o.err):
		// A row of ours has the key now, or the database knows no row of that key to refer to.
	case m.refuses(o.err) && !a.nobody && (onlyReads(sent) || a.rows > 0 || a.own):
		// A hook refused it, or the database refused to change rows of ours.
	case anything && o.err == nil:
		say("succeeded, but has to fail")
	case a.err != nil && !anything && !errors.Is(o.err, a.err):
		say("error (-want +got):\n  - %v\n  + %v", a.err, o.err)
	case a.nobody && a.err == nil && errors.Is(o.err, gormtenant.ErrNoTenant):
		// Raw SQL is scoped, rather than let through.
	case a.err == nil && a.rows != free && o.err != nil:
		say("error (-want +got):\n  - none\n  + %v", o.err)
	case a.err == nil && a.rows != free && o.rows != a.rows:
		say("number of rows (-want +got):\n  - %d\n  + %d", a.rows, o.rows)
	}
	if a.nobody && a.err != nil && len(sent) > 0 {
		say("has no tenant, but sent %d statements", len(sent))
	}
	if o.err == nil {
		for _, leak := range k.leaks(m, o.seen) {
			say("returned what belongs to the other tenant (-want +got):\n  + %s", leak)
		}
	}
	if a.brings {
		after.taken = nil
	}
	if changes := k.before.changes(after); changes != "" {
		say("%s", strings.TrimSuffix(changes, "\n"))
	}
	return problems
}

// refused reports whether an error is one of gormtenant's.
func refused(err error) bool {
	var ours *gormtenant.Error
	return errors.As(err, &ours)
}

// explain writes what was sent.
func (k *kit) explain(sent []statement) string {
	var text strings.Builder
	for _, s := range sent {
		fmt.Fprintf(&text, "  SQL: %s\n", k.db.Dialector.Explain(s.sql, s.args...))
	}
	if len(sent) == 0 {
		text.WriteString("  no SQL was sent\n")
	}
	return text.String()
}
