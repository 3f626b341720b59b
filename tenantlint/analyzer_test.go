package tenantlint_test

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/gormtenant/gormtenant/tenantlint"
)

// TestAnalyzer compares the findings with the comments in testdata: models in one package, and what
// another does with them.
func TestAnalyzer(t *testing.T) {
	t.Parallel()
	analysistest.RunWithSuggestedFixes(t, analysistest.TestData(), tenantlint.Analyzer,
		"store", "app")
}
