package callbacks

import (
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
)

// checkAssignedReferences checks the keys of other rows among the assignments of an update or an
// upsert, as checkCreatedReferences does those of new rows.
func (r *run) checkAssignedReferences(set clause.Set) error {
	t := r.own.table
	if r.stmt.DryRun || t.Field != nil && !t.Joins && !r.guard.config.CheckReferences {
		return nil
	}
	if len(t.References) > 0 && slices.ContainsFunc(set, r.goesOn) {
		return errGoesOn
	}
	for _, foreign := range t.References {
		ref := (*reference)(foreign)
		key, written, err := ref.assigned(set)
		if err != nil {
			return err
		}
		if !written {
			continue
		}
		look := r.lookup((*table)(ref.Target), names(ref.PrimaryKeys))
		if err := look.allOwn([][]any{key}); err != nil {
			return err
		}
	}
	return nil
}

// assigned returns the key that set writes for r. A part that set leaves as it is cannot be told,
// nor can an expression; the value of an upsert's own row was checked with the row.
func (r *reference) assigned(set clause.Set) (key []any, written bool, err error) {
	key = make([]any, len(r.ForeignKeys))
	found := 0
	becomes := false
	for _, a := range set {
		if r.TypeField != nil && strings.EqualFold(bareName(a.Column.Name), r.TypeField.DBName) {
			if becomes = r.isKind(a.Value); !becomes {
				return nil, false, nil // The key is that of a row of another kind.
			}
		}
	}
	for i, field := range r.ForeignKeys {
		for _, a := range set {
			if !strings.EqualFold(bareName(a.Column.Name), field.DBName) {
				continue
			}
			if column, ok := a.Value.(clause.Column); ok && column.Table == "excluded" &&
				column.Name == field.DBName {
				return nil, false, nil
			}
			if e, ok := a.Value.(clause.Expr); isZero(a.Value) ||
				ok && strings.EqualFold(strings.TrimSpace(e.SQL), "NULL") {
				return nil, false, nil
			}
			if isExpression(a.Value) {
				return nil, false, fmt.Errorf("%w: the key %s is set to an SQL expression, which "+
					"cannot be checked: set it to a value", gormtenant.ErrUnsupported, field.DBName)
			}
			key[i] = a.Value
			found++
		}
	}
	if found > 0 && found < len(key) || found == 0 && becomes {
		return nil, false, fmt.Errorf("%w: only a part of a key is set, which cannot be checked: "+
			"set all of its columns", gormtenant.ErrUnsupported)
	}
	return key, found > 0, nil
}

// goesOn reports whether the text of an assignment may go on to another column, whose key nobody
// would see.
func (r *run) goesOn(a clause.Assignment) bool {
	value := a.Value
	if valuer, ok := value.(gorm.Valuer); ok && indirectValue(value) != nil {
		value = valuer.GormValue(r.stmt.Context, r.stmt.DB)
	}
	text := ""
	switch e := value.(type) {
	case clause.Expr:
		text = e.SQL
	case clause.NamedExpr:
		text = e.SQL
	}
	return a.Column.Raw && strings.ContainsAny(a.Column.Name, "=,") || hasComma(text)
}

// hasComma reports whether a text has a comma outside of parentheses and quotes.
func hasComma(text string) bool {
	depth, quote := 0, rune(0)
	for _, c := range text {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"' || c == '`':
			quote = c
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth <= 0:
			return true
		}
	}
	return false
}

// isKind reports whether a polymorphic key with that type can name a row of r's target.
func (r *reference) isKind(value any) bool {
	return isExpression(value) || fmt.Sprint(indirectValue(value)) == r.TypeValue
}

func isExpression(value any) bool {
	switch v := value.(type) {
	case clause.Expression, *gorm.DB, clause.Column:
		return true
	case []any:
		return len(v) != 1 || isExpression(v[0])
	}
	return false
}
