package callbacks

import (
	"database/sql/driver"
	"errors"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/sqltext"
	"github.com/gormtenant/gormtenant/internal/tenanttable"
	"github.com/gormtenant/gormtenant/scopes"
)

// The gate reads the finished text of a statement and its arguments, and lets it through if every
// reference to a table of tenants is limited to the tenant, or can be made so. The writers of the
// clauses have put the condition of the statement's own table there, so mostly there is nothing to
// do but agree. What nobody else looks at is limited here: joins, sub-queries, raw text, clauses of
// other plugins.

// Build builds the statement: the clauses that it is made of, and then the gate. It is the only
// clause in Statement.BuildClauses, so that nothing follows it.
func (r *run) Build(b clause.Builder) {
	stmt, ok := statementOf(b)
	if !ok {
		return
	}
	if r.stmt != stmt {
		failBuild(stmt, stmt.Table, errStaleRun)
		return
	}
	r.again()
	stmt.Build(r.list...)
	if stmt.Error == nil {
		r.judgeStatement(false)
	}
}

// judgeStatement puts the statement's finished text through the gate.
func (r *run) judgeStatement(raw bool) {
	stmt := r.stmt
	text := stmt.SQL.String()
	passed, err := r.judge(text, stmt.Vars, raw)
	if err != nil {
		r.refuse(err)
		return
	}
	if r.argument {
		passed.text = r.mark(passed.text)
	}
	if passed.text != text {
		stmt.SQL.Reset()
		_, _ = stmt.SQL.WriteString(passed.text)
		passed.text = stmt.SQL.String()
	}
	stmt.Vars = passed.vars
	r.sent = passed
}

// judge decides on a text with its arguments, and returns what is sent instead.
func (r *run) judge(text string, vars []any, raw bool) (judged, error) {
	vars = r.idsAsDefault(vars)
	as := judged{text, vars}
	sent, err := r.fromSubqueries(vars)
	if err != nil || r.open {
		return as, err // An open sub-query is limited with the statement around it.
	}
	as.vars = sent
	marked := strings.Contains(text, nonce)
	free := r.scope.unscoped && r.err == nil || raw && r.guard.config.AllowRawSQL
	if free && !marked && !r.reports() && !r.defaulted {
		return as, nil
	}
	view := r.guard.tables.View()
	options, skipped := r.options(view, raw), 0
	if r.guard.dialect == sqltext.Postgres {
		if skipped, err = driverOptions(vars[r.first:]); err != nil {
			return as, err
		}
	}
	options.Vars = len(vars) - skipped
	plan, err := r.guard.verdicts.read(text, options, view.Generation())
	if notFound(err) && r.own.isFurtherName() {
		// It is the name of a common table expression of another plugin.
		options.Own, options.OwnName = nil, ""
		plan, err = r.guard.verdicts.read(text, options, view.Generation())
	}
	if !free && raw && (err != nil || !plan.Clean()) && isMigration(r.stmt.DB, text) {
		return as, nil
	}
	r.rawAsDefault(plan, err)
	if free {
		return r.letBe(as, plan, err)
	}
	if err != nil {
		return as, r.refusal(err)
	}
	as.text = plan.Text()
	if plan.Clean() {
		return as, nil
	}
	compare := comparison{run: r, view: view, vars: vars[skipped:]}
	if r.err != nil && !compare.ofSubqueries(plan) {
		return as, tableError{firstTable(plan), r.err}
	}
	if r.err == nil && compare.foreignID() {
		return as, tableError{firstTable(plan), gormtenant.ErrOtherTenant}
	}
	if plan.Proved(compare.holds) {
		return as, nil
	}
	edited, err := plan.Rewrite(compare.holds)
	if err != nil {
		return as, r.refusal(err)
	}
	return r.insert(view, edited, as.vars, skipped)
}

// letBe passes a text that crosses tenants, or raw SQL on a database that enforces isolation. Only
// the marks of sub-queries are taken out of it.
func (r *run) letBe(as judged, plan *sqltext.Plan, err error) (judged, error) {
	var refused *sqltext.Refusal
	switch {
	case !r.reports():
	case !r.raw && r.own.table != nil:
		r.report(r.own.table.Name)
	case errors.As(err, &refused): // named the table as far as it could be read
		r.report(refused.Table)
	case err == nil:
		r.report(firstTable(plan))
	}
	if !r.scope.unscoped && strings.Contains(as.text, sqltext.OpenMark(nonce)) {
		return as, errOpenInRaw
	}
	as.text = withoutMarks(as.text)
	return as, nil
}

// reports reports whether a table of a statement that crosses tenants is still to be reported. One
// that is only built is not.
func (r *run) reports() bool {
	return r.scope.unscoped && !r.reported && r.guard.config.OnUnscoped != nil &&
		(!r.stmt.DryRun || r.argument)
}

// insert puts the tenant among the arguments of a text that was limited.
func (r *run) insert(
	view *tenanttable.View, edited *sqltext.Edited, vars []any, skipped int,
) (judged, error) {
	all := make([]any, len(vars), len(vars)+len(edited.Insert))
	copy(all, vars)
	for i, at := range edited.Insert {
		bound, err := r.boundFor(view, edited.Tables[i])
		if err != nil {
			return judged{}, tableError{edited.Tables[i].Name, err}
		}
		if r.argument {
			bound = ownTenant{r.scope.id, bound}
		}
		all = slices.Insert(all, at+skipped, bound)
	}
	return judged{edited.Text, all}, nil
}

// boundFor returns the tenant as a table's column holds it.
func (r *run) boundFor(view *tenanttable.View, t *sqltext.Table) (any, error) {
	if r.bound != nil && r.own.table != nil && r.own.table.SQL == t {
		return r.bound, nil
	}
	return tableOf(view, t).bind(r.scope.id)
}

// tableOf returns what is known of a table in a text.
func tableOf(view *tenanttable.View, t *sqltext.Table) *table {
	return (*table)(view.Named(t.Schema, t.Name))
}

// comparison compares the arguments of one run with its tenant.
type comparison struct {
	run  *run
	view *tenanttable.View
	vars []any
}

// holds reports whether the argument of a placeholder is what it has to be.
func (c *comparison) holds(b sqltext.Bound) bool {
	if b.Var >= len(c.vars) {
		return false
	}
	value := c.vars[b.Var]
	if own, ok := value.(ownTenant); ok {
		return c.run.scope.id == nil || sameID(own.id, c.run.scope.id)
	}
	if b.Value != "" {
		return value == b.Value
	}
	bound, err := c.run.boundFor(c.view, b.Table)
	if err != nil {
		return false
	}
	if text, ok := value.(string); ok && bound == text {
		return true
	}
	if id, ok := value.(scopes.BoundID); ok {
		if value, err = id.Tenant(); err != nil {
			return false
		}
	}
	return tableOf(c.view, b.Table).isTenant(value, bound)
}

// ofSubqueries reports whether every reference to a table of tenants is in a sub-query that names
// its tenant by itself, so that the statement around it needs none.
func (c *comparison) ofSubqueries(plan *sqltext.Plan) bool {
	return plan.Proved(func(b sqltext.Bound) bool {
		if b.Var >= len(c.vars) {
			return false
		}
		_, ok := c.vars[b.Var].(ownTenant)
		return ok || b.Value != "" && c.vars[b.Var] == b.Value
	})
}

// foreignID reports whether an argument is the scopes.ID of another tenant.
func (c *comparison) foreignID() bool {
	return slices.ContainsFunc(c.vars, func(value any) bool {
		bound, ok := value.(scopes.BoundID)
		if !ok {
			return false
		}
		id, err := bound.Tenant()
		return err == nil && !sameID(id, c.run.scope.id)
	})
}

// driverOptions returns how many of the first arguments are options of pgx, such as
// pgx.QueryExecMode, which stand for no placeholder.
func driverOptions(vars []any) (skipped int, err error) {
	for _, value := range vars {
		switch value.(type) {
		case nil, string, bool, int, int64, uint, float64, []byte, scopes.BoundID, driver.Valuer:
			return skipped, nil
		}
		kind := reflect.TypeOf(value)
		if _, ok := kind.MethodByName("RewriteQuery"); ok {
			return skipped, errRewriter
		}
		if !strings.HasSuffix(kind.PkgPath(), "jackc/pgx/v5") {
			return skipped, nil
		}
		skipped++
	}
	return skipped, nil
}

// refuse makes the statement fail by the gate's error.
func (r *run) refuse(err error) {
	r.sent = judged{}
	if r.stmt.Error != nil {
		return
	}
	_ = r.stmt.AddError(r.wrap(err))
	if r.stmt.DryRun && !r.argument {
		r.stmt.SQL.Reset()
		_, _ = r.stmt.SQL.WriteString(refused)
	}
}

// wrap puts the operation and the table around an error, unless it has them.
func (r *run) wrap(err error) error {
	var known *gormtenant.Error
	if errors.As(err, &known) {
		return err
	}
	table := r.stmt.Table
	if r.own.table != nil {
		table = r.own.table.Name
	}
	if about := (tableError{}); errors.As(err, &about) {
		if about.table != "" {
			table = about.table
		}
		err = about.err
	}
	return &gormtenant.Error{Op: r.op, Table: table, Err: err}
}

var _ gorm.ConnPool = (*run)(nil)

// firstTable returns the name of the first table of tenants in a text, "" for none.
func firstTable(plan *sqltext.Plan) string {
	if tables := plan.Tables(); len(tables) > 0 {
		return tables[0].Name
	}
	return ""
}
