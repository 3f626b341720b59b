package callbacks

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
)

// subquery is a *gorm.DB that is an argument of another statement. It runs as the statement's
// tenant where its own context names none, and its error is the statement's.
type subquery struct {
	guard *guard
	db    *gorm.DB
}

// subqueryText stands for a sub-query in text that is only looked at.
const subqueryText = "SELECT gormtenant_subquery"

// Build writes the sub-query's SELECT.
func (s *subquery) Build(b clause.Builder) {
	outer, ok := statementOf(b)
	if !ok {
		return
	}
	if isLook(outer) {
		_, _ = outer.WriteString(subqueryText)
		return
	}
	if outer.Context == nil {
		// The ON clause of an association join is built in a scratch statement, whose text is put
		// into the real one as a raw fragment. Travel as its argument.
		outer.Vars = append(outer.Vars, s)
		outer.DB.BindVarTo(outer, outer, s)
		return
	}
	ctx, err := contextOf(s.db.Statement.Context, outer.Context)
	if err != nil {
		failBuild(outer, outer.Table, err)
		return
	}
	inner := s.db.Session(&gorm.Session{
		Initialized: true, DryRun: true, Logger: logger.Discard, Context: ctx,
	})
	if inner.Statement.SQL.Len() > 0 {
		s.buildRaw(outer, inner)
		return
	}
	inner.Statement.Vars = append(slices.Clip(outer.Vars), inner.Statement.Vars...)
	inner = inner.Callback().Query().Execute(inner)
	if inner.Error != nil {
		pass(outer, inner.Error)
		return
	}
	// Its scopes ran only now, and may have named a tenant.
	if ctx, err = contextOf(inner.Statement.Context, outer.Context); err != nil {
		failBuild(outer, outer.Table, err)
		return
	}
	_, _ = outer.WriteString(inner.Statement.SQL.String())
	outer.Vars = inner.Statement.Vars
	if within, _ := resolve(ctx); within.unscoped {
		if own, _ := s.guard.target(inner.Statement); own.table != nil {
			s.guard.report(outer, operation(outer), own.table.Name, within.reason)
		}
	}
}

// buildRaw writes a sub-query that was made by db.Raw.
func (s *subquery) buildRaw(outer *gorm.Statement, inner *gorm.DB) {
	if s.guard.checkRaw(inner); inner.Error != nil {
		pass(outer, inner.Error)
		return
	}
	outer.AddVar(outer, s.db)
}

// pass makes the error of a sub-query the error of its statement.
func pass(outer *gorm.Statement, err error) {
	if outer.Error == nil {
		_ = outer.AddError(err)
	}
}

// contextOf returns the context that a sub-query runs with. One of another tenant than its
// statement's is refused: two tenants in one statement need Unscoped.
func contextOf(inner, outer context.Context) (context.Context, error) {
	if !decided(inner) {
		return outer, nil
	}
	within, _ := resolve(inner)
	around, _ := resolve(outer) // has no ID where it fails, which the statement itself says
	if within.id != nil && around.id != nil && !sameID(within.id, around.id) {
		return inner, gormtenant.ErrOtherTenant
	}
	return inner, nil
}

// genericChain is what gorm.G gives for a query that is still being written. GORM keeps the type
// to itself; these methods tell it.
type genericChain interface {
	clause.Expression
	Count(ctx context.Context, column string) (int64, error)
	Row(ctx context.Context) *sql.Row
	Rows(ctx context.Context) (*sql.Rows, error)
}

// chain is a genericChain that is an argument of another statement. GORM runs it with the
// background context, and gives it nothing of the statement around it but the arguments so far.
// So the context travels as the last of these; beforeQuery takes it off again.
type chain struct{ expr genericChain }

// handover is the argument with which a chain's statement is given its context.
type handover struct {
	ctx  context.Context // of the statement around the chain
	stmt *gorm.Statement // the chain's, once it took the context
	err  error           // the chain's
}

// handoverKey is the handover in the context of the chain's statement.
type handoverKey struct{}

// Build writes the chain's SELECT.
func (c *chain) Build(b clause.Builder) {
	outer, ok := statementOf(b)
	if !ok {
		return
	}
	if isLook(outer) {
		_, _ = outer.WriteString(subqueryText)
		return
	}
	if outer.Context == nil { // as in subquery.Build
		outer.Vars = append(outer.Vars, c)
		outer.DB.BindVarTo(outer, outer, c)
		return
	}
	h := &handover{ctx: outer.Context}
	inner := &gorm.Statement{DB: outer.DB, Vars: append(slices.Clip(outer.Vars), h)}
	c.expr.Build(inner)
	switch {
	case h.err != nil:
		pass(outer, h.err)
	case h.stmt == nil:
		failBuild(outer, outer.Table, errors.Join(gormtenant.ErrRawSQL,
			errors.New("a generic sub-query of raw SQL cannot be scoped")))
	default:
		_, _ = outer.WriteString(inner.SQL.String())
		outer.Vars = inner.Vars
	}
}

// takeHandover gives the statement of a chain the context of the statement around it.
func takeHandover(stmt *gorm.Statement) error {
	if len(stmt.Vars) == 0 {
		return nil
	}
	h, ok := stmt.Vars[len(stmt.Vars)-1].(*handover)
	if !ok {
		return nil
	}
	stmt.Vars = stmt.Vars[:len(stmt.Vars)-1]
	h.stmt = stmt
	ctx, err := contextOf(stmt.Context, h.ctx)
	stmt.Context = context.WithValue(ctx, handoverKey{}, h)
	return err
}

// afterSubquery gives the error of a chain's statement to the statement around it.
func afterSubquery(db *gorm.DB) {
	if !db.DryRun || db.Statement.Context == nil {
		return
	}
	h, ok := db.Statement.Context.Value(handoverKey{}).(*handover)
	if ok && h.stmt == db.Statement {
		h.err = db.Error
	}
}
