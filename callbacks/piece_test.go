package callbacks_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/scopes"
)

// splitTexts are texts that name a table, or extend a condition, only together with what is beside
// them.
func splitTexts() attackList {
	into := func(e *Env) any { return e.Into(&[]map[string]any{}) }
	shared := func(e *Env) *gorm.DB { return e.As().Model(&Country{}) }
	sub := func(e *Env) *gorm.DB { return e.DB.Model(&Project{}).Select("max(slug)") }
	raw := func(name string) clause.Table { return clause.Table{Name: name, Raw: true} }
	var list []attack
	for _, c := range []struct {
		name string
		run  func(e *Env) error
		want error // nil: it gives what it gives in a database of A's own
	}{
		{"behind_a_subquery", func(e *Env) error {
			return shared(e).Select("(? OR 1 = 1) AS x", sub(e)).Find(into(e)).Error
		}, gormtenant.ErrRawSQL},
		{"operator_behind_a_subquery", func(e *Env) error {
			return shared(e).Select("(? IS NOT NULL) AS x", sub(e)).Find(into(e)).Error
		}, gormtenant.ErrRawSQL},
		{"behind_a_nested_subquery", func(e *Env) error {
			return shared(e).Select("(? OR 1 = 1) AS x", gorm.Expr("?", sub(e))).Find(into(e)).Error
		}, gormtenant.ErrRawSQL},
		{"behind_a_derived_table", func(e *Env) error {
			return e.As().Table("(? OR 1 = 1) AS t", e.DB.Model(&Project{})).Find(into(e)).Error
		}, gormtenant.ErrRawSQL},
		{"behind_a_joined_subquery", func(e *Env) error {
			return shared(e).Joins("JOIN (? OR 1 = 1) t ON 1 = 1", e.DB.Model(&Project{})).
				Find(into(e)).Error
		}, gormtenant.ErrRawSQL},
		{"two_columns", func(e *Env) error {
			return shared(e).Select("(SELECT max(slug) FROM countries", "projects) AS x").
				Find(into(e)).Error
		}, nil},
		{"a_quote", func(e *Env) error {
			return shared(e).Select("slug, '").Where("' AS x FROM projects").Find(into(e)).Error
		}, nil},
		{"a_comment", func(e *Env) error {
			return shared(e).Select("slug /*").Where("'*/ FROM projects --'").Find(into(e)).Error
		}, nil},
		{"two_joins", func(e *Env) error {
			return shared(e).Joins("JOIN").Joins("users u ON 1 = 1").Find(into(e)).Error
		}, nil},
		{"table_and_join", func(e *Env) error {
			return e.As().Table("countries c JOIN").Joins("users u ON 1 = 1").Find(into(e)).Error
		}, nil},
		{"two_orders", func(e *Env) error {
			return shared(e).Order("(SELECT max(slug) FROM countries").Order("projects)").
				Find(into(e)).Error
		}, nil},
		{"alias_of_a_column", func(e *Env) error {
			return shared(e).Clauses(clause.Select{Columns: []clause.Column{
				{Name: "code", Alias: "x, (SELECT max(slug) FROM projects)", Raw: true},
			}}).Find(into(e)).Error
		}, nil},
		{"column_as_a_value", func(e *Env) error {
			_, err := find(e.As().
				Where(map[string]any{"name": clause.Column{
					Name: "(SELECT max(slug) FROM projects)",
					Raw:  true,
				}}))
			return err
		}, nil},
		{"alias_of_a_table", func(e *Env) error {
			return shared(e).
				Clauses(clause.From{Tables: []clause.Table{{
					Name:  "countries",
					Alias: "c, projects p", Raw: true,
				}}}).
				Find(into(e)).Error
		}, nil},
		{"table_of_a_lock", func(e *Env) error {
			_, err := find(e.As().
				Clauses(clause.Locking{
					Strength: "UPDATE",
					Table:    raw("projects LIMIT (SELECT count(*) FROM users)"),
				}))
			return err
		}, nil},
		{"value_that_is_a_table", func(e *Env) error {
			return shared(e).Where("code IN (SELECT slug FROM ?)", late{"projects"}).Find(into(e)).
				Error
		}, nil},
		{"join_that_extends_a_join", func(e *Env) error {
			return e.As().Model(&Project{}).Joins("Owner").Joins("OR 1 = 1").Find(into(e)).Error
		}, nil},
		{"half_a_join_before_another", func(e *Env) error {
			return shared(e).Clauses(clause.From{Joins: []clause.Join{
				{Expression: gorm.Expr("RIGHT")},
				{
					Table: clause.Table{Name: "users"},
					ON:    clause.Where{Exprs: []clause.Expression{gorm.Expr("1 = 0")}},
				},
			}}).Find(into(e)).Error
		}, nil},
		{"behind_from", func(e *Env) error {
			tx := e.As().Model(&Project{}).Clauses(clause.From{})
			from := tx.Statement.Clauses["FROM"]
			from.AfterExpression = gorm.Expr("OR 1 = 1")
			tx.Statement.Clauses["FROM"] = from
			return tx.Joins("Owner").Find(into(e)).Error
		}, nil},
		{"behind_the_name_of_where", func(e *Env) error {
			tx := e.As().Model(&Project{}).Where("id > 0")
			where := tx.Statement.Clauses["WHERE"]
			where.AfterNameExpression = gorm.Expr("1 = 1 OR")
			tx.Statement.Clauses["WHERE"] = where
			return tx.Find(into(e)).Error
		}, nil},
		{"clause_without_a_name", func(e *Env) error {
			tx := e.As().Model(&Project{}).Where("id > 0")
			tx.Statement.Clauses["ORDER BY"] = clause.Clause{Expression: gorm.Expr("OR 1 = 1")}
			return tx.Find(into(e)).Error
		}, nil},
		{"own_clauses_alone", func(e *Env) error {
			tx := shared(e)
			tx.Statement.BuildClauses = []string{"MINE", "WHERE"}
			tx.Statement.Clauses["MINE"] = clause.Clause{
				Expression: gorm.Expr("SELECT * FROM projects"),
			}
			return tx.Find(into(e)).Error
		}, nil},
	} {
		run := func(_ *testing.T, e *Env) error { return c.run(e) }
		list = append(list, attack{name: c.name, run: run, want: c.want, alone: c.want == nil})
	}
	return attackList{name: "text_in_several_pieces", attacks: append(list,
		attack{name: "without_a_head", run: func(_ *testing.T, e *Env) error {
			tx := e.As().Model(&Project{})
			tx.Statement.BuildClauses = []string{"FROM", "WHERE"}
			return tx.Find(into(e)).Error
		}, want: gormtenant.ErrUnsupported},
		attack{name: "from_clause_without_where", run: func(_ *testing.T, e *Env) error {
			tx := shared(e).Clauses(clause.From{Tables: []clause.Table{{Name: "projects"}}}).
				Where("1 = 1")
			tx.Statement.BuildClauses = []string{"SELECT", "FROM"}
			return tx.Find(into(e)).Error
		}, alone: true},
		attack{name: "own_table_and_another", run: func(t *testing.T, e *Env) error {
			var rows []map[string]any
			err := e.As().Model(&Project{}).Select("projects.tenant_id AS p, users.tenant_id AS u").
				Clauses(clause.From{Tables: []clause.Table{
					{Name: clause.CurrentTable},
					{Name: "users"},
				}}).Find(&rows).Error
			require.Len(t, rows, 4)
			for _, row := range rows {
				require.Equal(t, A+A, fmt.Sprintf("%s%s", row["p"], row["u"]))
			}
			return err
		}},
		attack{name: "quoted_names_in_from", run: func(t *testing.T, e *Env) error {
			var slugs []string
			err := shared(e).Select("slug").
				Clauses(clause.From{Tables: []clause.Table{{Name: `"projects"`}}}).Scan(&slugs).
				Error
			require.NotContains(t, slugs, B+"-site")
			if err == nil {
				require.NotEmpty(t, slugs)
			}
			return nil
		}},
		attack{
			name: "subquery_that_becomes_another_tenants",
			run: func(_ *testing.T, e *Env) error {
				_, err := find(e.As().
					Where("owner_id IN (?)", e.DB.Model(&User{}).Select("id").
						Scopes(scopes.Tenant(B))))
				return err
			}, want: gormtenant.ErrOtherTenant,
		},
		attack{name: "id_in_an_expression", run: func(t *testing.T, e *Env) error {
			keys, err := find(e.As().
				Where("owner_id = ?",
					gorm.Expr("(SELECT max(id) FROM users WHERE tenant_id = ?)", scopes.ID(e.A))))
			require.Equal(t, []uint{2}, keys)
			return err
		}},
		attack{name: "subqueries_that_go_on", run: func(t *testing.T, e *Env) error {
			keys, err := find(e.As().
				Where("id IN (? UNION ?)", e.DB.Model(&Project{}).Select("min(id)"),
					e.DB.Model(&Project{}).Select("max(id)")))
			require.Equal(t, []uint{1, 2}, keys)
			return err
		}},
		attack{name: "outer_join_as_text", run: func(t *testing.T, e *Env) error {
			var codes []string
			err := e.As().Model(&Project{}).Select("c.code").
				Joins("RIGHT JOIN countries c ON c.code = projects.country_code AND 1 = 0").
				Scan(&codes).Error
			require.Equal(t, []string{"PT"}, codes, "the country that no project matches")
			return err
		}},
	)}
}

// TestReuse_as_another_tenant uses a statement of A again as B.
func TestReuse_as_another_tenant(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		q := e.As().Model(&Project{}).
			Joins("Owner", e.DB.Where(`"Owner".id IN (?)`, e.DB.Model(&User{}).Select("id")))
		var n int64
		require.NoError(t, q.Count(&n).Error)
		var rows []Project
		require.NoError(t, q.WithContext(e.B).Find(&rows).Error)
		require.Len(t, rows, 2)
		for _, p := range rows {
			require.Equal(t, B, p.TenantID)
			require.NotNil(t, p.Owner, "the sub-query is B's as well")
		}
	})
}

// maskedID does not tell who it is.
type maskedID string

func (maskedID) String() string { return "***" }

func maskedIDs() attackList {
	return attackList{
		name: "masked_id",
		attacks: []attack{{name: "raw", run: func(t *testing.T, e *Env) error {
			a := gormtenant.WithTenant(t.Context(), maskedID(A))
			b := gormtenant.WithTenant(t.Context(), maskedID(B))
			return e.DB.WithContext(a).
				Raw("SELECT 1 FROM projects WHERE tenant_id = ?", scopes.ID(b)).Scan(new(int)).Error
		}, want: gormtenant.ErrOtherTenant}},
	}
}

const longName = "a_table_whose_name_is_longer_than_the_sixty_three_bytes_of_postgres"

type (
	longDoc struct {
		ID uint
		models.TenantModel
	}
	quotedDoc struct {
		ID uint
		models.TenantModel
	}
	plainDoc struct {
		ID       uint
		TenantID string
	}
)

func (longDoc) TableName() string   { return longName }
func (quotedDoc) TableName() string { return `"quoted_docs"` }

// TestTableNames_in_unusual_spellings are those of tables and columns in unusual spellings.
func TestTableNames_in_unusual_spellings(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := open(&gorm.Config{NamingStrategy: schema.NamingStrategy{
			NoLowerCase:         true,
			IdentifierMaxLength: 63,
		}})
		require.NoError(t,
			db.Use(tenantplugin.New(tenantplugin.Models(&longDoc{}, &quotedDoc{}, &plainDoc{}))))
		tx := db.WithContext(gormtenant.WithTenant(t.Context(), A)).
			Session(&gorm.Session{DryRun: true})
		for _, name := range []string{longName, `"quoted_docs"`, "quoted_docs", "QUOTED_DOCS"} {
			require.True(t, limited(t, tx, name), name)
			require.ErrorIs(t, db.Table(name).Find(&[]map[string]any{}).Error,
				gormtenant.ErrNoTenant, name)
		}
		if db.Name() == "postgres" {
			require.True(t, limited(t, tx, longName[:63]))
			require.True(t, limited(t, tx, longName+"_and_more"))
		}
		require.ErrorIs(t, db.Find(&[]plainDoc{}).Error, gormtenant.ErrNoTenant,
			"a column TenantID")
	})
}
