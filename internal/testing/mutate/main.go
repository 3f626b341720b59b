// Command mutate takes the guards of packages out, one at a time, and prints those that the tests
// do not miss. A guard is a statement that can end in an error, with its condition and each part of
// that.
//
//	go run ./internal/testing/mutate -tests ./callbacks ./callbacks
//
// All mutants are compiled into one test binary, and the environment switches one of them on. Only
// the tests that get to a mutant run for it, on SQLite; if they miss nothing, all tests run for it,
// on PostgreSQL too. With -full the first ones run on PostgreSQL already, for packages that need
// it. A mutant that no test fails on has survived; the file given with -survivors says of each why
// it may, and the command fails over any other, and over one of these packages in the file that is
// none.
//
// The tests that get to a mutant are top-level tests, and the lists of callbacks' TestLevels.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	notViable = "mutant: not viable" // what a mutant writes that the compiler would refuse
	mutantEnv = "MUTANT"
	traceEnv  = "MUTANT_TRACE"
	timeout   = 3 * time.Minute
)

// support is a file that each mutated package gets.
const support = `package %s

import ("os"; "strconv"; "sync")

var (
	mutantOn, _ = strconv.Atoi(os.Getenv("` + mutantEnv + `"))
	mutantTrace = os.Getenv("` + traceEnv + `")
	mutantsSeen sync.Map
)

func mutant(n int) bool {
	if mutantTrace != "" {
		if _, seen := mutantsSeen.LoadOrStore(n, true); !seen {
			f, _ := os.OpenFile(mutantTrace, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
			_, _ = f.WriteString(strconv.Itoa(n) + "\n")
			_ = f.Close()
		}
	}
	return n == mutantOn
}
`

func main() {
	tests := flag.String("tests", "", "the packages whose tests are run, with commas between")
	survivors := flag.String("survivors", "", "the file of the mutants that may survive")
	only := flag.String("only", "",
		"a regular expression for the mutants to be tried, by their key")
	guards := flag.Bool("guards", false, "take out guards alone, and leave the other operators")
	full := flag.Bool("full", false, "run the tests that get to a mutant without -short")
	flag.Parse()
	o := options{
		packages: flag.Args(), tests: strings.Split(*tests, ","), survivors: *survivors,
		only: regexp.MustCompile(*only), guards: *guards, full: *full,
	}
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	packages, tests []string
	survivors       string
	only            *regexp.Regexp
	guards, full    bool
}

func run(o options) error {
	scratch, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	mutants, err := plantAll(o.packages, scratch, o.guards)
	if err != nil {
		return err
	}
	var suites []suite
	for i, dir := range o.tests {
		s, err := build(dir, scratch, strconv.Itoa(i), o.full)
		if err != nil {
			return err
		}
		suites = append(suites, s)
	}
	return try(mutants, suites, o)
}

// plantAll writes the packages with their mutants to scratch, and an overlay that puts them in the
// place of the packages. The mutant 0 is none.
func plantAll(packages []string, scratch string, guards bool) ([]mutant, error) {
	mutants := []mutant{{}}
	overlay := map[string]string{}
	for i, dir := range packages {
		paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			return nil, err
		}
		name := ""
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			text, planted, err := plant(path, len(mutants), guards)
			if err != nil {
				return nil, err
			}
			mutants = append(mutants, planted...)
			name = regexp.MustCompile(`(?m)^package (\w+)`).FindStringSubmatch(text)[1]
			with := filepath.Join(scratch, fmt.Sprint(i, "_", filepath.Base(path)))
			if err := replace(overlay, path, with, text); err != nil {
				return nil, err
			}
		}
		path := filepath.Join(dir, "mutant_support.go")
		with := filepath.Join(scratch, fmt.Sprint(i, ".go"))
		if err := replace(overlay, path, with, fmt.Sprintf(support, name)); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		return nil, err
	}
	return mutants, os.WriteFile(filepath.Join(scratch, "overlay.json"), text, 0o600)
}

func replace(overlay map[string]string, path, with, text string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	overlay[path] = with
	return os.WriteFile(with, []byte(text), 0o600)
}

// suite is the compiled tests of one package.
type suite struct {
	dir, binary string
	reaches     map[string][]int // the mutants that a test gets to, by its pattern
	first       []string         // the flags with which these tests run first
}

// build compiles the tests of a package and finds out which mutants each of them gets to.
func build(dir, scratch, name string, full bool) (suite, error) {
	s := suite{
		dir: dir, binary: filepath.Join(scratch, name+".test"), reaches: map[string][]int{},
		first: []string{"-test.short"},
	}
	if full {
		s.first = nil
	}
	out, err := exec.Command("go", "test", "-c", "-vet=off", "-overlay",
		filepath.Join(scratch, "overlay.json"),
		"-o", s.binary, dir).CombinedOutput()
	if err != nil {
		return s, fmt.Errorf("%w\n%s", err, out)
	}
	tests, err := s.list()
	if err != nil {
		return s, err
	}
	for i, test := range tests {
		trace := filepath.Join(scratch, fmt.Sprint(name, "_", i))
		if out, err := s.run(0, trace, append(s.first, "-test.run="+test)...); err != nil {
			return s, fmt.Errorf("%s fails without a mutant: %w\n%s", test, err, out)
		}
		seen, _ := os.ReadFile(trace) // There is no file where it gets to none.
		for _, n := range strings.Fields(string(seen)) {
			number, _ := strconv.Atoi(n)
			s.reaches[test] = append(s.reaches[test], number)
		}
	}
	return s, nil
}

// divided is a test whose sub-tests at the third level are looked at one by one: a level and a
// list.
const divided = "TestLevels"

// list returns the patterns of the tests.
func (s suite) list() ([]string, error) {
	out, err := s.run(0, "", "-test.list=.")
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	var patterns []string
	for test := range strings.Lines(string(out)) {
		if test = strings.TrimSpace(test); test != divided {
			patterns = append(patterns, "^"+test+"$")
			continue
		}
		out, err := s.run(0, "", append(s.first, "-test.v", "-test.run=^"+divided+"$")...)
		if err != nil {
			return nil, fmt.Errorf("%s fails without a mutant: %w\n%s", divided, err, out)
		}
		for _, m := range regexp.MustCompile(`(?m)^=== RUN +(\w+/\w+/\w+)$`).
			FindAllSubmatch(out, -1) {
			patterns = append(patterns, "^"+strings.ReplaceAll(string(m[1]), "/", "$/^")+"$")
		}
	}
	return patterns, nil
}

func (s suite) run(mutant int, trace string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	args = append(args, "-test.failfast", "-test.timeout=5m")
	command := exec.CommandContext(ctx, s.binary, args...)
	command.Dir = s.dir
	command.Env = append(os.Environ(), mutantEnv+"="+strconv.Itoa(mutant), traceEnv+"="+trace)
	out, err := command.CombinedOutput()
	return out, errors.Join(err, ctx.Err())
}

// fate says what became of a mutant: killed, survived, not reached, timed out, not viable.
func fate(mutant int, suites []suite) string {
	became := "not reached"
	for _, s := range suites {
		var names []string
		for test, mutants := range s.reaches {
			if slices.Contains(mutants, mutant) {
				names = append(names, test)
			}
		}
		if len(names) == 0 {
			continue
		}
		slices.Sort(names)
		became = s.fate(mutant, append(s.first, "-test.run="+strings.Join(names, "|"))...)
		if became != "survived" {
			return became
		}
	}
	for _, s := range suites {
		if all := s.fate(mutant); all != "survived" {
			return all
		}
	}
	return became
}

// fate says what the tests of one package do with a mutant.
func (s suite) fate(mutant int, args ...string) string {
	out, err := s.run(mutant, "", args...)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "timed out"
	case err != nil && bytes.Contains(out, []byte(notViable)):
		return "not viable"
	case err != nil:
		return "killed"
	}
	return "survived"
}

func try(mutants []mutant, suites []suite, o options) error {
	excused, err := excuses(o.survivors, o.packages)
	if err != nil {
		return err
	}
	count, failed := map[string]int{}, 0
	used := map[string]bool{}
	for number, m := range mutants {
		if number == 0 || !o.only.MatchString(m.key()) {
			continue
		}
		became := fate(number, suites)
		count[became]++
		switch {
		// A mutant with which a test hangs does not go unnoticed.
		case became == "killed" || became == "not viable" || became == "timed out":
		case excused[m.key()]:
			used[m.key()] = true
		default:
			failed++
			fmt.Printf("%s\t%s:%d\t%s\n", became, m.file, m.line, m.key())
		}
	}
	killed, alive := count["killed"]+count["timed out"], count["survived"]+count["not reached"]
	fmt.Printf("%v\nscore: %.1f%%\n", count, 100*float64(killed)/float64(killed+alive))
	if o.only.String() == "" {
		for key := range excused {
			if !used[key] {
				failed++
				fmt.Printf("no such survivor\t%s\n", key)
			}
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d differ from %s", failed, o.survivors)
	}
	return nil
}

// excuses reads the keys of the mutants of packages that may survive: lines that begin with no
// space or #.
func excuses(path string, packages []string) (map[string]bool, error) {
	excused := map[string]bool{}
	if path == "" {
		return excused, nil
	}
	text, err := os.ReadFile(path)
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		file, _, _ := strings.Cut(line, ":")
		in := func(dir string) bool {
			return filepath.Clean(dir) == filepath.Dir(filepath.FromSlash(file))
		}
		if slices.ContainsFunc(packages, in) {
			excused[line] = true
		}
	}
	return excused, err
}
