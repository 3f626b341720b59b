package migrations

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant/tenants"
)

// errDry rolls a dry run back.
var errDry = errors.New("gormtenant: a dry run")

// dryKey is the key of the *dryRun of one tenant in the context of Apply.
type dryKey struct{}

// dryRun records the statements of one tenant's migrations.
type dryRun struct {
	mu   sync.Mutex // a migration may have goroutines
	text bytes.Buffer
}

// seen returns a function that records statements that change something. d may be nil.
func (d *dryRun) seen(dialect string) func(query string, args []any) {
	if d == nil {
		return nil
	}
	var placeholder *regexp.Regexp // nil for ?
	if dialect == "postgres" {
		placeholder = numbered
	}
	return func(query string, args []any) {
		if reads(query) {
			return
		}
		if len(args) > 0 {
			if _, ok := args[0].(pgx.QueryExecMode); ok {
				args = args[1:]
			}
			query = logger.ExplainSQL(query, placeholder, `'`, args...)
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		fmt.Fprintf(&d.text, "%s;\n", strings.TrimRight(query, "; \t\r\n"))
	}
}

// skip notes a step that cannot be undone, and is not run.
func (d *dryRun) skip(version string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fmt.Fprintf(&d.text, "-- %s runs outside of a transaction, and was not tried\n", version)
}

// numbered is a placeholder of Postgres.
var numbered = regexp.MustCompile(`\$(\d+)`)

// reads reports whether a statement changes nothing, as far as its first word tells.
func reads(query string) bool {
	word, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	switch strings.ToUpper(word) {
	case "SELECT", "SHOW", "PRAGMA":
		return true
	}
	return false
}

// dryOutput is where dry runs are written, one after another.
type dryOutput struct {
	mu sync.Mutex
	w  io.Writer
}

// run calls one, undoes everything that Apply does in it, and writes the statements.
func (o *dryOutput) run(
	ctx context.Context, t *tenants.Tenant,
	one func(ctx context.Context, t *tenants.Tenant) ([]string, error),
) ([]string, error) {
	dry := &dryRun{}
	applied, err := one(context.WithValue(ctx, dryKey{}, dry), t)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(applied) == 0 {
		_, err = fmt.Fprintf(o.w, "-- tenant %q: nothing to do\n", t.ID)
		return nil, err
	}
	if _, err := fmt.Fprintf(
		o.w, "-- tenant %q: %s\n", t.ID, strings.Join(applied, ", ")); err != nil {
		return nil, err
	}
	_, err = dry.text.WriteTo(o.w)
	return applied, err
}
