package callbacks_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// late is a value that turns into SQL when it is written.
type late struct{ sql string }

func (l late) GormValue(context.Context, *gorm.DB) clause.Expr { return gorm.Expr(l.sql) }

// lateProject has one in a field.
type lateProject struct {
	ID uint
	models.TenantModel
	Name late
	Slug string
}

func (lateProject) TableName() string { return "projects" }

func (late) GormDataType() string { return "text" }

// expressions puts a sub-query of another table, and raw text, into every expression of GORM.
func expressions() attackList {
	maxID := func(e *Env) *gorm.DB { return e.DB.Model(&Project{}).Select("max(id)") }
	raw := clause.Expr{SQL: "(SELECT max(id) FROM projects)"}
	id := clause.Column{Name: "id"}
	bad := clause.Column{Name: "(SELECT max(id) FROM projects)", Raw: true}
	scoped := func(want []uint, expr func(sub any) clause.Expression) []attack {
		return []attack{
			{name: "subquery", run: func(t *testing.T, e *Env) error {
				keys, err := find(e.As().Clauses(expr([]any{maxID(e)})))
				require.Equal(t, want, keys)
				return err
			}},
			{name: "text", run: func(t *testing.T, e *Env) error {
				_, err := find(e.As().Clauses(expr(raw)))
				return err
			}, alone: true},
		}
	}
	var list []attack
	for _, kind := range []struct {
		name string
		want []uint
		expr func(sub any) clause.Expression
	}{
		{"eq", []uint{2}, func(sub any) clause.Expression {
			return clause.Eq{Column: id, Value: gorm.Expr("?", sub)}
		}},
		{"neq", []uint{1}, func(sub any) clause.Expression {
			return clause.Neq{Column: id, Value: gorm.Expr("?", sub)}
		}},
		{"gt", []uint{}, func(sub any) clause.Expression {
			return clause.Gt{Column: id, Value: gorm.Expr("?", sub)}
		}},
		{"gte", []uint{2}, func(sub any) clause.Expression {
			return clause.Gte{Column: id, Value: gorm.Expr("?", sub)}
		}},
		{"lt", []uint{1}, func(sub any) clause.Expression {
			return clause.Lt{Column: id, Value: gorm.Expr("?", sub)}
		}},
		{"lte", []uint{1, 2}, func(sub any) clause.Expression {
			return clause.Lte{Column: id, Value: gorm.Expr("?", sub)}
		}},
		{"in", []uint{2}, func(sub any) clause.Expression {
			return clause.IN{Column: id, Values: []any{gorm.Expr("?", sub), 99}}
		}},
		{"not", []uint{1}, func(sub any) clause.Expression {
			return clause.Not(clause.Eq{Column: id, Value: gorm.Expr("?", sub)})
		}},
		{"and", []uint{2}, func(sub any) clause.Expression {
			return clause.And(clause.Eq{Column: id, Value: gorm.Expr("?", sub)}, gorm.Expr("1 = 1"))
		}},
		{"or", []uint{2}, func(sub any) clause.Expression {
			return clause.Or(clause.Eq{Column: id, Value: gorm.Expr("?", sub)}, gorm.Expr("1 = 0"))
		}},
		{"named", []uint{2}, func(sub any) clause.Expression {
			return clause.NamedExpr{
				SQL:  "id = @sub",
				Vars: []any{sql.Named("sub", gorm.Expr("?", sub))},
			}
		}},
		{"named_map", []uint{2}, func(sub any) clause.Expression {
			return clause.NamedExpr{
				SQL:  "id = @sub AND 1 = @one",
				Vars: []any{map[string]any{"sub": gorm.Expr("?", sub), "one": 1}},
			}
		}},
		{"named_by_position", []uint{2}, func(sub any) clause.Expression {
			return clause.NamedExpr{SQL: "id = ?", Vars: []any{gorm.Expr("?", sub)}}
		}},
		{"commas", []uint{2}, func(sub any) clause.Expression {
			return gorm.Expr("id IN (?)",
				clause.CommaExpression{Exprs: []clause.Expression{
					gorm.Expr("?", sub),
					gorm.Expr("99"),
				}})
		}},
		{"expressions", []uint{2}, func(sub any) clause.Expression {
			return gorm.Expr("id IN ?", []clause.Expr{gorm.Expr("?", sub), gorm.Expr("99")})
		}},
		{"where_as_a_value", []uint{2}, func(sub any) clause.Expression {
			return gorm.Expr("id > 0 AND ?",
				clause.AndConditions{Exprs: []clause.Expression{clause.Eq{
					Column: id,
					Value:  gorm.Expr("?", sub),
				}}})
		}},
	} {
		for _, a := range scoped(kind.want, kind.expr) {
			a.name = kind.name + "_" + a.name
			list = append(list, a)
		}
	}
	for _, c := range []struct {
		name string
		expr clause.Expression
	}{
		{"eq", clause.Eq{Column: bad, Value: 1}},
		{"neq", clause.Neq{Column: bad, Value: 1}},
		{"gt", clause.Gt{Column: bad, Value: 1}},
		{"gte", clause.Gte{Column: bad, Value: 1}},
		{"lt", clause.Lt{Column: bad, Value: 1}},
		{"lte", clause.Lte{Column: bad, Value: 1}},
		{"like", clause.Like{Column: bad, Value: 1}},
		{"in", clause.IN{Column: bad, Values: []any{1}}},
		{"column_is_an_expression", clause.Eq{Column: raw, Value: 1}},
		{"own", rawExpression("id = (SELECT max(id) FROM projects)")},
		{"late", gorm.Expr("id = ?", late{"(SELECT max(id) FROM projects)"})},
		{"late_in_a_map", clause.Eq{Column: id, Value: late{"(SELECT max(id) FROM projects)"}}},
	} {
		list = append(list, attack{name: c.name + "_column", run: func(_ *testing.T, e *Env) error {
			_, err := find(e.As().Clauses(c.expr))
			return err
		}, alone: true})
	}
	list = append(list,
		attack{name: "own_without_a_table", run: func(t *testing.T, e *Env) error {
			keys, err := find(e.As().Clauses(rawExpression("id = 1 OR\n1 = 1")))
			require.Equal(t, []uint{1, 2}, keys)
			return err
		}},
		attack{name: "late_without_a_table", run: func(t *testing.T, e *Env) error {
			keys, err := find(e.As().Where("name = ?", late{e.Concat("'si'", "'te'")}))
			require.Equal(t, []uint{1}, keys)
			return err
		}},
		attack{name: "late_field", run: func(t *testing.T, e *Env) error {
			err := e.As().Omit("ID").
				Create(&lateProject{Name: late{e.Concat("'a'", "'b'")}, Slug: "n"}).Error
			require.Equal(t, "ab", e.Text(t, "SELECT name FROM projects WHERE slug = 'n'"))
			return err
		}},
		attack{name: "late_field_that_reads", run: func(_ *testing.T, e *Env) error {
			return e.As().
				Create(&lateProject{Name: late{"(SELECT max(slug) FROM projects)"}, Slug: "n"}).
				Error
		}, alone: true},
		attack{name: "late_nil", run: func(_ *testing.T, e *Env) error {
			_, err := find(e.As().Where("name = ?", (*late)(nil)))
			return err
		}},
	)
	return attackList{name: "expressions", attacks: list}
}

// rawExpression is an expression of a type that nobody knows.
type rawExpression string

func (r rawExpression) Build(b clause.Builder) { _, _ = b.WriteString(string(r)) }

// opaque is a clause of a type that nobody knows, under a name that GORM knows.
type opaque struct {
	name string
	rawExpression
}

func (o opaque) Name() string { return o.name }

func (o opaque) MergeClause(c *clause.Clause) { c.Expression = o.rawExpression }

// opaqueClauses are given in the place of GORM's own.
func opaqueClauses() attackList {
	return attackList{name: "opaque_clauses", attacks: []attack{
		{name: "where", run: func(t *testing.T, e *Env) error {
			keys, err := find(e.As().Clauses(opaque{"WHERE", "1 = 0 OR\n1 = 1"}))
			require.Equal(t, []uint{1, 2}, keys)
			return err
		}},
		{name: "where_that_reads", run: func(_ *testing.T, e *Env) error {
			_, err := find(e.As().Clauses(opaque{"WHERE", "id IN (SELECT id FROM projects)"}))
			return err
		}, alone: true},
		{name: "from", run: func(_ *testing.T, e *Env) error {
			return e.As().Model(&Country{}).Select("1").Clauses(opaque{"FROM", "projects"}).Row().
				Scan(new(int))
		}, alone: true},
		{name: "set", run: func(_ *testing.T, e *Env) error {
			return e.As().Model(&Project{ID: 1}).Clauses(opaque{"SET", "tenant_id = 'zeta'"}).
				Updates(map[string]any{}).Error
		}, want: gormtenant.ErrTenantChange},
		{name: "set_across_tenants", onlyShared: true, run: func(t *testing.T, e *Env) error {
			tx := e.DB.WithContext(gormtenant.Unscoped(e.A, "test"))
			err := tx.Model(&Project{}).Where("id = 1").Clauses(opaque{"SET", "name = 'x'"}).
				Updates(map[string]any{}).Error
			require.Equal(t, "x", e.Text(t, "SELECT name FROM projects WHERE id = 1"))
			return err
		}},
		{name: "set_of_a_shared_table", run: func(_ *testing.T, e *Env) error {
			return e.As().Model(&Country{}).Where("1 = 1").
				Clauses(opaque{"SET", "name = (SELECT max(name) FROM projects)"}).
				Updates(map[string]any{}).Error
		}, alone: true, shared: true},
		{name: "on_conflict", run: func(_ *testing.T, e *Env) error {
			return e.As().Clauses(opaque{"ON CONFLICT", "(id) DO UPDATE SET name = 'x'"}).
				Create(&Project{ID: 11, Slug: "n"}).Error
		}, want: gormtenant.ErrUnsupported},
		{name: "order", run: func(_ *testing.T, e *Env) error {
			_, err := find(e.As().Clauses(opaque{"ORDER BY", "(SELECT max(id) FROM projects), id"}))
			return err
		}, alone: true},
		{name: "limit", run: func(_ *testing.T, e *Env) error {
			_, err := find(e.As().Clauses(opaque{"LIMIT", "(SELECT count(*) FROM projects)"}))
			return err
		}, alone: true},
		{name: "builder", run: func(_ *testing.T, e *Env) error {
			tx := e.As().Model(&Project{}).Where("id > 0")
			where := tx.Statement.Clauses["WHERE"]
			where.Builder = func(_ clause.Clause, b clause.Builder) {
				_, _ = b.WriteString("WHERE 1 = 1")
			}
			tx.Statement.Clauses["WHERE"] = where
			return tx.Find(&[]Project{}).Error
		}, alone: true},
		{name: "name", run: func(_ *testing.T, e *Env) error {
			tx := e.As().Model(&Project{}).Limit(1)
			limit := tx.Statement.Clauses["LIMIT"]
			limit.Name = "OR 1 = 1 LIMIT"
			tx.Statement.Clauses["LIMIT"] = limit
			return tx.Find(&[]Project{}).Error
		}, alone: true},
	}}
}

// TestBuilders_that_drop_the_condition are noticed.
func TestBuilders_that_drop_the_condition(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := open(&gorm.Config{})
		require.NoError(t, db.AutoMigrate(&Country{}, &User{}, &Project{}))
		db.ClauseBuilders["WHERE"] = func(_ clause.Clause, b clause.Builder) {
			_, _ = b.WriteString("WHERE 1 = 1")
		}
		require.NoError(t, db.Use(tenantplugin.New()))
		var rows []Project
		for _, tenant := range []string{A, B} {
			tx := db.WithContext(gormtenant.WithTenant(t.Context(), tenant))
			require.NoError(t, tx.Create(&Project{Slug: tenant}).Error)
			require.NoError(t, tx.Where("id > 0").Find(&rows).Error)
			require.Len(t, rows, 1)
			require.Equal(t, tenant, rows[0].TenantID)
		}
	})
}
