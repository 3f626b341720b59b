package callbacks

import (
	"crypto/rand"
	"database/sql/driver"
	"slices"
	"strings"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/sqltext"
)

// A *gorm.DB or a generic chain that is an argument of another statement is a sub-query. GORM
// builds it as a statement of its own, in DryRun, without the context of the statement around it,
// and drops its error; all that comes back is its text and its arguments. So that is how it is told
// what became of it:
//
//   - One whose own context names no tenant is open: it is limited with the statement around it.
//   - One whose own context names a tenant is limited by itself. The arguments that hold its tenant
//     are of a type of their own, so that a statement of another tenant around it can tell.
//   - One that crosses tenants by its own context is sealed.
//   - One that failed has its error as an argument.
//
// Open and sealed ones stand between marks, which no server takes for SQL: sent by a *gorm.DB
// without the plugin, they are a syntax error.

// nonce begins the marks. It is random, so that no text from outside can forge one.
var nonce = "gormtenant" + strings.ToLower(rand.Text())

// mark puts the marks around the text of a sub-query.
func (r *run) mark(text string) string {
	switch {
	case r.open:
		return sqltext.OpenMark(nonce) + text + sqltext.EndMark(nonce)
	case r.scope.unscoped:
		return sqltext.SealedMark(nonce) + text + sqltext.EndMark(nonce)
	}
	return text
}

var marks = strings.NewReplacer(
	sqltext.OpenMark(nonce), "", sqltext.SealedMark(nonce), "", sqltext.EndMark(nonce), "")

// withoutMarks returns a text without the marks of its sub-queries.
func withoutMarks(text string) string {
	if !strings.Contains(text, nonce) {
		return text
	}
	return marks.Replace(text)
}

// carried is the error of a sub-query on its way to the statement around it.
type carried struct{ err error }

// Value fails the statement where it is sent without the plugin.
func (c carried) Value() (driver.Value, error) { return nil, c.err }

// carryError makes an error the only thing that the sub-query's text says.
func (r *run) carryError(err error) {
	stmt := r.stmt
	stmt.SQL.Reset()
	stmt.Vars = append(stmt.Vars[:min(r.first, len(stmt.Vars))], carried{err})
	stmt.DB.BindVarTo(stmt, stmt, carried{err})
}

// ownTenant is the tenant of a sub-query whose own context names it, as an argument.
type ownTenant struct {
	id    any
	bound any // as the column holds it
}

// Value returns the tenant as the column holds it.
func (o ownTenant) Value() (driver.Value, error) {
	return driver.DefaultParameterConverter.ConvertValue(o.bound)
}

// fromSubqueries looks for what sub-queries left among the arguments: the error of one, or the
// tenant of one, which must be the statement's own if that has any. It returns the arguments to be
// sent.
func (r *run) fromSubqueries(vars []any) (sent []any, err error) {
	sent = vars
	for i, value := range vars {
		switch v := value.(type) {
		case carried:
			return vars, v.err
		case ownTenant:
			if r.argument {
				continue // It goes on to the statement around this one.
			}
			if r.scope.id != nil && !sameID(v.id, r.scope.id) {
				return vars, gormtenant.ErrOtherTenant
			}
			if &sent[0] == &vars[0] {
				sent = slices.Clone(vars)
			}
			sent[i] = v.bound
		}
	}
	return sent, nil
}
