package tenanttest

import (
	"database/sql"
	"fmt"
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
)

// forms are the places of a statement in which a table or a sub-query can stand, each once.
func (k *kit) forms(m *model) []attack {
	attacks := append(k.subqueryForms(m), k.joinForms(m)...)
	return append(attacks, k.rememberedForms(m)...)
}

// subqueryForms have a sub-query that was built without a tenant. It is the statement's, in every
// place.
func (k *kit) subqueryForms(m *model) []attack {
	column := clause.Column{Name: m.tenant.DBName}
	sub := func() *gorm.DB { return k.plain().Model(m.new()).Select(m.tenant.DBName).Limit(1) }
	call := fmt.Sprintf("nobody.Model(&%s{}).Select(%q).Limit(1)", m.schema.Name, m.tenant.DBName)
	form := func(name, text string, rows int64, narrow func(db *gorm.DB) *gorm.DB) attack {
		return k.find(m, "subquery_"+name, fmt.Sprintf("sub := %s; db.%s", call, text), rows,
			narrow)
	}
	attacks := []attack{
		form("by_name", `Where("? IN (@sub)", column, sql.Named("sub", sub))`, m.count,
			func(db *gorm.DB) *gorm.DB {
				return db.Where(k.quoteColumn(m.tenant)+" IN (@sub)", sql.Named("sub", sub()))
			}),
		form("equal", `Where(clause.Eq{Column: column, Value: gorm.Expr("(?)", sub)})`, m.count,
			func(db *gorm.DB) *gorm.DB {
				return db.Where(clause.Eq{Column: column, Value: gorm.Expr("(?)", sub())})
			}),
		form("unequal", `Where(clause.Neq{Column: column, Value: gorm.Expr("(?)", sub)})`, 0,
			func(db *gorm.DB) *gorm.DB {
				return db.Where(clause.Neq{Column: column, Value: gorm.Expr("(?)", sub())})
			}),
		form("in", `Where(clause.IN{Column: column, Values: []any{gorm.Expr("(?)", sub), ...}})`,
			m.count, func(db *gorm.DB) *gorm.DB {
				return db.Where(clause.IN{
					Column: column, Values: []any{gorm.Expr("(?)", sub()), gorm.Expr("(?)", sub())},
				})
			}),
		form("not", `Not("? IN (?)", column, sub)`, 0,
			func(db *gorm.DB) *gorm.DB { return db.Not("? IN (?)", column, sub()) }),
		form("or", `Where("1 = 0").Or("? IN (?)", column, sub)`, m.count,
			func(db *gorm.DB) *gorm.DB {
				return db.Where("1 = 0").Or("? IN (?)", column, sub())
			}),
		form("in_a_group", `Where(db.Where("? IN (?)", column, sub).Where("1 = 1"))`, m.count,
			func(db *gorm.DB) *gorm.DB {
				return db.Where(k.plain().Where("? IN (?)", column, sub()).Where("1 = 1"))
			}),
		form("selected", `Select("*, (?) AS owner", sub)`, m.count, func(db *gorm.DB) *gorm.DB {
			return db.Select("*, (?) AS owner", sub())
		}),
		form("having", `Select("?").Group(column).Having("? IN (?)", column, sub)`, 1,
			func(db *gorm.DB) *gorm.DB {
				return db.Select(m.tenant.DBName).Group(m.tenant.DBName).
					Having("? IN (?)", column, sub())
			}),
	}
	raw := form("raw", `Where("? IN (?)", column, db.Raw("SELECT ..."))`, free,
		func(db *gorm.DB) *gorm.DB {
			text := "SELECT " + k.quoteColumn(m.tenant) + " FROM " + k.quote(m.schema.Table)
			return db.Where("? IN (?)", column, k.plain().Raw(text))
		})
	raw.err = k.rawError
	return append(attacks, raw)
}

// joinForms join the table with itself in each way that GORM's clauses have.
func (k *kit) joinForms(m *model) []attack {
	other := clause.Table{Name: m.schema.Table, Alias: "o"}
	all := clause.Where{Exprs: []clause.Expression{clause.Expr{SQL: "1 = 1 OR\n1 = 1"}}}
	maps := func(name, call string, rows int64, from clause.From) attack {
		return attack{name: name, call: "db." + call, rows: rows, run: func(db *gorm.DB) outcome {
			var maps []map[string]any
			return found(&maps, db.Model(m.new()).Clauses(from).Select("o.*").Find(&maps))
		}}
	}
	join := func(kind clause.JoinType, on clause.Where) clause.From {
		return clause.From{Joins: []clause.Join{{Type: kind, Table: other, ON: on}}}
	}
	attacks := []attack{
		maps("join_itself", `Clauses(clause.From{Joins: ...}).Select("o.*")`,
			m.whole(m.count*m.count), join(clause.InnerJoin, all)),
		maps("left_join_itself", `Clauses(clause.From{Joins: LEFT ...}).Select("o.*")`,
			m.whole(m.count*m.count), join(clause.LeftJoin, all)),
		maps("two_tables", `Clauses(clause.From{Tables: ...}).Select("o.*")`,
			m.whole(m.count*m.count),
			clause.From{Tables: []clause.Table{{Name: clause.CurrentTable}, other}}),
	}
	if k.db.Name() == "postgres" || k.db.Name() == "sqlite" {
		attacks = append(attacks,
			maps("right_join_itself", `Clauses(clause.From{Joins: RIGHT ...}).Select("o.*")`,
				m.whole(m.count*m.count), join(clause.RightJoin, all)))
	}
	tables := k.inText(m.schema.Table) + " AS t, " + k.inText(m.schema.Table) + " AS o"
	return append(attacks,
		attack{
			name: "raw_two_tables",
			call: fmt.Sprintf("db.Model(&%s{}).Table(%q).Select(\"o.*\")", m.schema.Name,
				tables), rows: free, err: k.rawError,
			run: func(db *gorm.DB) outcome {
				var maps []map[string]any
				return found(&maps, db.Model(m.new()).Table(tables).Select("o.*").Find(&maps))
			},
		},
		attack{
			name: "without_where",
			call: `db.Statement.BuildClauses = []string{"SELECT", "FROM"}; db.Find(&rows)`,
			rows: free,
			run: func(db *gorm.DB) outcome {
				dest, tx := m.slice(), db.Session(&gorm.Session{})
				tx = tx.Model(m.new())
				tx.Statement.BuildClauses = []string{"SELECT", "FROM"}
				return found(dest, tx.Find(dest))
			},
		},
		k.intoAnotherStruct(m))
}

// intoAnotherStruct reads the table into a struct that knows nothing of tenants.
func (k *kit) intoAnotherStruct(m *model) attack {
	brief := reflect.StructOf([]reflect.StructField{{
		Name: "Owner", Type: reflect.TypeFor[string](),
		Tag: reflect.StructTag(fmt.Sprintf(`gorm:"column:%s;tenant:-"`, m.tenant.DBName)),
	}})
	return attack{
		name: "table_into_another_struct",
		call: fmt.Sprintf("db.Table(%q).Find(&briefs)", m.schema.Table), rows: m.count,
		run: func(db *gorm.DB) outcome {
			dest := reflect.New(reflect.SliceOf(brief))
			tx := db.Table(m.schema.Table).Find(dest.Interface())
			var seen []any
			for i := range dest.Elem().Len() {
				seen = append(seen,
					map[string]any{m.tenant.DBName: dest.Elem().Index(i).Field(0).String()})
			}
			return outcome{seen: seen, rows: int64(len(seen)), err: tx.Error}
		},
	}
}

// rememberedForms give rows of theirs to statements, in forms that others have not.
func (k *kit) rememberedForms(m *model) []attack {
	theirs := func() reflect.Value { return k.copied(m, m.rows[k.theirs.index][0]) }
	other := gormtenant.ErrOtherTenant
	return []attack{
		{
			name: "delete_many_with_one_of_another",
			call: fmt.Sprintf("db.Delete([]*%s{ours, theirs})", m.schema.Name), err: other,
			run: func(db *gorm.DB) outcome {
				return wrote(db.Delete(k.list(m, k.copied(m, m.rows[k.ours.index][0]), theirs())))
			},
		},
		{
			name: "find_by_row_of_another", call: "db.Model(&theirs).Find(&rows)", err: other,
			run: func(db *gorm.DB) outcome {
				dest := m.slice()
				return found(dest, db.Model(theirs().Interface()).Find(dest))
			},
		},
	}
}
