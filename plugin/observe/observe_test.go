package observe_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/plugin/observe"
)

var findings = []tenantplugin.Finding{
	{
		Kind: tenantplugin.Scoped, Operation: "query", Table: "tags", Caller: "tags.go:7",
		Advice: "nothing",
	},
	{
		Kind: tenantplugin.Refused, Operation: "raw", Table: "projects", Caller: "report.go:12",
		SQL: "DELETE FROM projects", Advice: "give it a tenant",
	},
}

func ExampleReport() {
	report := observe.NewReport()
	for _, f := range findings { // tenantplugin.Observe(report.Add) does this.
		report.Add(context.Background(), f)
	}
	fmt.Println(report.Count(tenantplugin.Refused))
	fmt.Print(report)
	// Output:
	// 1
	// KIND     TABLE     OPERATION  CALLER        ADVICE
	// refused  projects  raw        report.go:12  give it a tenant
	// scoped   tags      query      tags.go:7     nothing
}

func TestLog(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	log := observe.Log(slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})))
	for _, f := range findings {
		log(t.Context(), f)
	}
	require.Equal(t, `level=INFO msg="gormtenant: a statement would be scoped" operation=query `+
		`table=tags caller=tags.go:7 sql="" scoped="" advice=nothing
level=WARN msg="gormtenant: a statement would be refused" operation=raw table=projects `+
		`caller=report.go:12 sql="DELETE FROM projects" scoped="" advice="give it a tenant"
`, text.String())
}
