// Package soak sets apart the tests that run for minutes, so that make test stays short:
//
//	func TestPools_soak(t *testing.T) {
//		soak.Skip(t)
//		...
//	}
//
// make soak runs them: it sets GORMTENANT_SOAK to 1 and selects the tests with "soak" in their
// names.
package soak

import (
	"os"
	"strings"
	"testing"
)

// variable names the environment variable that turns the soaks on.
const variable = "GORMTENANT_SOAK"

// Skip skips t, unless GORMTENANT_SOAK is 1. It fails t if make soak would not find it: the test
// at the top needs "soak" in its name, in any case of letters.
func Skip(t testing.TB) {
	t.Helper()
	name, _, _ := strings.Cut(t.Name(), "/")
	if !strings.Contains(strings.ToLower(name), "soak") {
		t.Fatalf(`soak: the name of %s must contain "soak", because make soak selects by it`, name)
	}
	if os.Getenv(variable) != "1" {
		t.Skip("a soak, which takes minutes: run make soak, or set " + variable + "=1")
	}
}
