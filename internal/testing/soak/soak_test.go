package soak_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/testing/soak"
)

// recorder is a test that may fail or be skipped without the one around it.
type recorder struct {
	testing.TB
	name, failed, skipped string
}

func (r *recorder) Name() string { return r.name }

func (r *recorder) Fatalf(format string, args ...any) {
	r.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Skip(args ...any) {
	r.skipped = fmt.Sprint(args...)
	runtime.Goexit()
}

func TestSkip(t *testing.T) {
	const (
		failed  = "must contain"
		skipped = "run make soak"
	)
	for _, test := range []struct{ name, variable, test, failed, skipped string }{
		{"unset", "", "TestPools_soak", "", skipped},
		{"off", "0", "TestPools_soak", "", skipped},
		{"on", "1", "TestPools_soak", "", ""},
		{"subtest", "1", "TestSoak/pools", "", ""},
		{"never_selected", "1", "TestPools", failed, ""},
		{"never_selected_though_off", "", "TestPools", failed, ""},
		{"subtest_alone_is_named_so", "1", "TestPools/soak", failed, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("GORMTENANT_SOAK", test.variable)
			r := recorder{TB: t, name: test.test}
			var done sync.WaitGroup
			done.Go(func() { soak.Skip(&r) })
			done.Wait()
			require.Contains(t, r.failed, test.failed)
			require.Equal(t, test.failed == "", r.failed == "")
			require.Contains(t, r.skipped, test.skipped)
			require.Equal(t, test.skipped == "", r.skipped == "")
		})
	}
}
