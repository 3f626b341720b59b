// Command mutate takes the guards of packages out, one at a time, and says which of them the tests do
// not miss. A guard is a statement that can end in an error, with its condition and each part of that.
//
//	go run ./internal/testing/mutate -tests ./callbacks ./callbacks
//
// All mutants are compiled into one test binary, and the environment switches one of them on. Only
// the tests that get to a mutant run for it, on SQLite; if they miss nothing, all tests run for it, on
// PostgreSQL too. A mutant that no test fails on has survived; the file given with -survivors says of
// each why it may, and the command fails over any other, and over one in the file that is none.
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
	only := flag.String("only", "", "a regular expression for the mutants to be tried, by their key")
	guards := flag.Bool("guards", false, "take out guards alone, and leave the other operators")
	flag.Parse()
	if err := run(flag.Args(), strings.Split(*tests, ","), *survivors, regexp.MustCompile(*only), *guards); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(packages, tests []string, survivors string, only *regexp.Regexp, guards bool) error {
	scratch, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	mutants, err := plantAll(packages, scratch, guards)
	if err != nil {
		return err
	}
	var suites []suite
	for i, dir := range tests {
		s, err := build(dir, scratch, strconv.Itoa(i))
		if err != nil {
			return err
		}
		suites = append(suites, s)
	}
	return try(mutants, suites, survivors, only)
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
			if err := replace(overlay, path, filepath.Join(scratch, fmt.Sprint(i, "_", filepath.Base(path))), text); err != nil {
				return nil, err
			}
		}
		path := filepath.Join(dir, "mutant_support.go")
		if err := replace(overlay, path, filepath.Join(scratch, fmt.Sprint(i, ".go")), fmt.Sprintf(support, name)); err != nil {
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
	reaches     map[string][]int // the mutants that a test gets to
}

// build compiles the tests of a package and finds out which mutants each of them gets to.
func build(dir, scratch, name string) (suite, error) {
	s := suite{dir: dir, binary: filepath.Join(scratch, name+".test"), reaches: map[string][]int{}}
	out, err := exec.Command("go", "test", "-c", "-vet=off", "-overlay", filepath.Join(scratch, "overlay.json"),
		"-o", s.binary, dir).CombinedOutput()
	if err != nil {
		return s, fmt.Errorf("%w\n%s", err, out)
	}
	list, err := s.run(0, "", "-test.list=.")
	if err != nil {
		return s, fmt.Errorf("%w\n%s", err, list)
	}
	for test := range strings.Lines(string(list)) {
		test = strings.TrimSpace(test)
		trace := filepath.Join(scratch, name+test)
		if out, err := s.run(0, trace, "-test.run=^"+test+"$", "-test.short"); err != nil {
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
		became = s.fate(mutant, "-test.run=^("+strings.Join(names, "|")+")$", "-test.short")
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

func try(mutants []mutant, suites []suite, survivors string, only *regexp.Regexp) error {
	excused, err := excuses(survivors)
	if err != nil {
		return err
	}
	count, failed := map[string]int{}, 0
	used := map[string]bool{}
	for number, m := range mutants {
		if number == 0 || !only.MatchString(m.key()) {
			continue
		}
		became := fate(number, suites)
		count[became]++
		switch {
		case became == "killed" || became == "not viable":
		case excused[m.key()]:
			used[m.key()] = true
		default:
			failed++
			fmt.Printf("%s\t%s:%d\t%s\n", became, m.file, m.line, m.key())
		}
	}
	alive := count["survived"] + count["not reached"] + count["timed out"]
	fmt.Printf("%v\nscore: %.1f%%\n", count, 100*float64(count["killed"])/float64(count["killed"]+alive))
	if only.String() == "" {
		for key := range excused {
			if !used[key] {
				failed++
				fmt.Printf("no such survivor\t%s\n", key)
			}
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d differ from %s", failed, survivors)
	}
	return nil
}

// excuses reads the keys of the mutants that may survive: lines that begin with no space or #.
func excuses(path string) (map[string]bool, error) {
	excused := map[string]bool{}
	if path == "" {
		return excused, nil
	}
	text, err := os.ReadFile(path)
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			excused[line] = true
		}
	}
	return excused, err
}
