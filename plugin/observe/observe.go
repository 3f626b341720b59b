// Package observe takes what tenantplugin.Observe finds: into a log, and into a table.
//
//	report := observe.NewReport()
//	db.Use(tenantplugin.New(tenantplugin.Observe(report.Add)))
//	...                 // run the application, or its tests
//	fmt.Print(report)   // what would be refused first
package observe

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// Log returns a function for tenantplugin.Observe that writes each finding to log: what would be
// refused as a warning, the rest as information.
func Log(log *slog.Logger) func(ctx context.Context, f tenantplugin.Finding) {
	return func(ctx context.Context, f tenantplugin.Finding) {
		level := slog.LevelInfo
		if f.Kind == tenantplugin.Refused || f.Kind == tenantplugin.Full {
			level = slog.LevelWarn
		}
		log.LogAttrs(ctx, level, "gormtenant: a statement would be "+f.Kind,
			slog.String("operation", f.Operation), slog.String("table", f.Table),
			slog.String("caller", f.Caller), slog.String("sql", f.SQL),
			slog.String("scoped", f.Scoped), slog.String("advice", f.Advice))
	}
}

// Report collects findings. It is made by [NewReport] and safe for concurrent use.
type Report struct {
	mutex    sync.Mutex
	findings []tenantplugin.Finding
}

// NewReport returns an empty report.
func NewReport() *Report { return new(Report) }

// Add adds a finding: it is the function for tenantplugin.Observe.
func (r *Report) Add(_ context.Context, f tenantplugin.Finding) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.findings = append(r.findings, f)
}

// kinds are the kinds of findings, the worst first.
var kinds = []string{
	tenantplugin.Full, tenantplugin.Refused, tenantplugin.Rewritten, tenantplugin.Scoped,
}

// Findings returns what was found so far: what would be refused, then raw SQL that would be
// rewritten, then the rest, each by table and place.
func (r *Report) Findings() []tenantplugin.Finding {
	r.mutex.Lock()
	all := slices.Clone(r.findings)
	r.mutex.Unlock()
	slices.SortStableFunc(all, func(a, b tenantplugin.Finding) int {
		return cmp.Or(
			cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)),
			cmp.Compare(a.Table, b.Table), cmp.Compare(a.Caller, b.Caller),
			cmp.Compare(a.Operation, b.Operation),
		)
	})
	return all
}

// Count returns how many findings are of a kind: tenantplugin.Refused is to be 0 before isolation
// is enforced.
func (r *Report) Count(kind string) int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	n := 0
	for _, f := range r.findings {
		if f.Kind == kind {
			n++
		}
	}
	return n
}

// String returns the findings as a table, one a line, with the advice at the end.
func (r *Report) String() string {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 8, 2, ' ', 0)
	line := func(cells ...string) {
		_, _ = table.Write([]byte(strings.Join(cells, "\t") + "\n"))
	}
	line("KIND", "TABLE", "OPERATION", "CALLER", "ADVICE")
	for _, f := range r.Findings() {
		line(f.Kind, f.Table, f.Operation, f.Caller, f.Advice)
	}
	_ = table.Flush()
	return text.String()
}
