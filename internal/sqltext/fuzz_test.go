package sqltext_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gormtenant/gormtenant/internal/sqltext"
)

// FuzzRead reads any text in every dialect. It must not panic; what comes out must be read again as
// proved, with an argument for each placeholder.
func FuzzRead(f *testing.F) {
	for _, list := range [][]corpusText{everyday, changes} {
		for _, c := range list {
			f.Add(c.text, uint8(len(c.args)))
		}
	}
	for _, r := range rules {
		if len(r.text) < 1000 {
			f.Add(r.text, uint8(strings.Count(r.text, "?")))
		}
	}
	f.Fuzz(func(t *testing.T, text string, vars uint8) {
		for _, d := range []sqltext.Dialect{sqltext.Other, sqltext.SQLite, sqltext.Postgres, sqltext.MySQL} {
			for _, raw := range []bool{false, true} {
				readAgain(t, text, sqltext.Options{
					Dialect: d, Tables: known, Raw: raw, Vars: int(vars), Nonce: nonce,
				})
			}
		}
	})
}

func readAgain(t *testing.T, text string, o sqltext.Options) {
	t.Helper()
	plan, err := sqltext.Read(text, o)
	if err != nil {
		return
	}
	if plan.Clean() {
		if plan.Text() != text && !strings.Contains(text, nonce) {
			t.Fatalf("changed %q to %q", text, plan.Text())
		}
		return
	}
	edited, err := plan.Rewrite(always)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if !slices.IsSorted(edited.Insert) {
		t.Fatalf("%q: arguments go to %v", text, edited.Insert)
	}
	if strings.Contains(text, nonce) {
		return // What was sealed is not proved any more.
	}
	o.Vars += len(edited.Insert)
	again, err := sqltext.Read(edited.Text, o)
	if err != nil {
		t.Fatalf("%q became %q: %v", text, edited.Text, err)
	}
	// What follows a reference that became a derived table has nothing to follow any more.
	if !again.Proved(always) && !strings.Contains(edited.Text, "(SELECT * FROM ") {
		t.Fatalf("%q became %q, which is not proved", text, edited.Text)
	}
}

// TestRead_mutated does what FuzzRead does with the generator's own texts and mutations.
func TestRead_mutated(t *testing.T) {
	t.Parallel()
	g := &generator{Rand: rand.New(rand.NewPCG(*huntSeed, 3)), dialect: sqltext.SQLite}
	for range *huntTexts {
		text, _ := g.text()
		text, args := g.place(text)
		if g.chance(50) {
			r := rules[g.IntN(len(rules))]
			text, args = r.text, make([]any, strings.Count(r.text, "?"))
		}
		text, args = g.mutate(text, args)
		for _, d := range []sqltext.Dialect{sqltext.Other, sqltext.SQLite, sqltext.Postgres, sqltext.MySQL} {
			o := sqltext.Options{Dialect: d, Tables: known, Raw: g.chance(70), Vars: len(args), Nonce: nonce}
			readAgain(t, text, o)
		}
	}
}
