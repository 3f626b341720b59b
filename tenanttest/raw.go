package tenanttest

import (
	"fmt"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// rawSQL are raw statements, and raw text in each place of a statement that takes some. They have
// to be refused, or to be limited to the tenant's rows, by the plugin or by the database.
func (k *kit) rawSQL(m *model) []attack {
	attacks := append(k.rawStatements(m), k.rawText(m)...)
	return append(attacks, k.rawAround(m)...)
}

// rawStatements are statements that are text as a whole.
func (k *kit) rawStatements(m *model) []attack {
	table, column := k.quote(m.schema.Table), k.quoteColumn(m.tenant)
	read, remove := "SELECT * FROM "+table, "DELETE FROM "+table
	update := "UPDATE " + table + " SET " + column + " = ?"
	theirs := k.tenantID(m, k.theirs)
	raw := func(name, call string, run func(db *gorm.DB) outcome) attack {
		return attack{name: name, call: "db." + call, rows: free, err: k.rawError, run: run}
	}
	return []attack{
		raw("raw", fmt.Sprintf("Raw(%q).Scan(&rows)", read), func(db *gorm.DB) outcome {
			dest := m.slice()
			return found(dest, db.Raw(read).Scan(dest))
		}),
		raw("raw_into_maps", fmt.Sprintf("Raw(%q).Find(&maps)", read), func(db *gorm.DB) outcome {
			var maps []map[string]any
			return found(&maps, db.Raw(read).Find(&maps))
		}),
		raw("raw_row", fmt.Sprintf("Raw(%q).Row()", "SELECT max("+column+") FROM "+table),
			func(db *gorm.DB) outcome {
				var last any
				err := db.Raw("SELECT max(" + column + ") FROM " + table).Row().Scan(&last)
				return outcome{seen: map[string]any{m.tenant.DBName: last}, err: err}
			}),
		raw("exec_delete", fmt.Sprintf("Exec(%q)", remove),
			func(db *gorm.DB) outcome { return wrote(db.Exec(remove)) }),
		raw("exec_update", fmt.Sprintf("Exec(%q, theirs)", update), func(db *gorm.DB) outcome {
			return wrote(db.Exec(update, theirs))
		}),
		raw("raw_delete", fmt.Sprintf("Raw(%q).Delete(&%s{})", remove, m.schema.Name),
			func(db *gorm.DB) outcome {
				return wrote(db.Raw(remove).Delete(m.new()))
			}),
		raw("raw_update", fmt.Sprintf("Raw(%q, theirs).Updates(&row)", update),
			func(db *gorm.DB) outcome {
				return wrote(db.Raw(update, theirs).Updates(k.fresh(m, k.ours).Interface()))
			}),
		raw("raw_create", fmt.Sprintf("Raw(%q, theirs).Create(&row)", update),
			func(db *gorm.DB) outcome {
				return wrote(db.Raw(update, theirs).Create(k.fresh(m, k.ours).Interface()))
			}),
	}
}

// rawText is text in a place of a statement that takes text.
func (k *kit) rawText(m *model) []attack {
	table, name := k.quote(m.schema.Table), m.schema.Name
	all, some := "SELECT max("+k.quoteColumn(m.tenant)+") FROM "+table,
		"EXISTS (SELECT 1 FROM "+table+")"
	text := func(attackName, call string, narrow func(db *gorm.DB) *gorm.DB) attack {
		a := k.find(m, attackName, call, free, narrow)
		a.err = k.rawError
		return a
	}
	attacks := []attack{
		text("raw_where", fmt.Sprintf("db.Where(%q)", some),
			func(db *gorm.DB) *gorm.DB { return db.Where(some) }),
		text("raw_join", fmt.Sprintf("db.Joins(%q)", "JOIN "+table+" AS t ON 1 = 1"),
			func(db *gorm.DB) *gorm.DB {
				return db.Table(m.schema.Table).Select("t.*").
					Joins("JOIN " + table + " AS t ON 1 = 1")
			}),
		text("raw_from", fmt.Sprintf("db.Table(%q)", "(SELECT * FROM "+table+") AS t"),
			func(db *gorm.DB) *gorm.DB {
				return db.Table("(SELECT * FROM " + table + ") AS t")
			}),
		text("raw_select", fmt.Sprintf("db.Select(%q)", "("+all+") AS "+m.tenant.DBName),
			func(db *gorm.DB) *gorm.DB {
				return db.Select("(" + all + ") AS " + k.quoteColumn(m.tenant))
			}),
		text("raw_order", fmt.Sprintf("db.Order(%q)", "("+all+")"),
			func(db *gorm.DB) *gorm.DB { return db.Order("(" + all + ")") }),
		text("raw_group", fmt.Sprintf("db.Group(%q)", "("+all+")"), func(db *gorm.DB) *gorm.DB {
			return db.Select("1").Group("(" + all + ")")
		}),
		text("raw_having", fmt.Sprintf("db.Having(%q)", some), func(db *gorm.DB) *gorm.DB {
			return db.Select("1").Group(m.tenant.DBName).Having(some)
		}),
		text("raw_in_generic_subquery",
			fmt.Sprintf("db.Where(\"%s IN (?)\", gorm.G[%s](db).Where(%q).Select(%q))",
				m.tenant.DBName, name, some, m.tenant.DBName),
			func(db *gorm.DB) *gorm.DB {
				chain := gorm.G[map[string]any](db).Table(m.schema.Table).Where(some).
					Select(m.tenant.DBName)
				return db.Where("? IN (?)", clause.Column{Name: m.tenant.DBName}, chain)
			}),
		text("raw_union", fmt.Sprintf("db.Group(%q)", "1 UNION ALL SELECT * FROM "+table),
			func(db *gorm.DB) *gorm.DB {
				return db.Group("1 UNION ALL SELECT * FROM " + table)
			}),
	}
	attacks = append(attacks,
		text("raw_lock",
			fmt.Sprintf("db.Clauses(clause.Locking{Strength: %q})", "UPDATE) OR "+some),
			func(db *gorm.DB) *gorm.DB {
				return db.Clauses(clause.Locking{Strength: "UPDATE) OR " + some})
			}),
		text("raw_join_type",
			fmt.Sprintf("db.Clauses(clause.From{Joins: []clause.Join{{Type: %q, ...}}})",
				"CROSS JOIN "+table+" AS a CROSS"),
			func(db *gorm.DB) *gorm.DB {
				return db.Clauses(clause.From{Joins: []clause.Join{{
					Type:  clause.JoinType("CROSS JOIN " + table + " AS a CROSS"),
					Table: clause.Table{Name: m.schema.Table, Alias: "b"},
				}}})
			}),
		k.rawReturning(m, "("+all+") AS "+k.quoteColumn(m.tenant)))
	if field := m.column(); field != nil {
		value := gorm.Expr("(SELECT max(" + k.quoteColumn(field) + ") FROM " + table + ")")
		attacks = append(attacks,
			attack{
				name: "raw_value_in_update",
				call: fmt.Sprintf("db.Model(&%s{}).Where(\"1 = 1\").Update(%q, gorm.Expr(%q))",
					name, field.DBName, value.SQL),
				rows: free, err: k.rawError,
				run: func(db *gorm.DB) outcome {
					return wrote(db.Model(m.new()).Where("1 = 1").Update(field.DBName, value))
				},
			},
			attack{
				name: "raw_value_in_create",
				call: fmt.Sprintf("db.Model(&%s{}).Create(map[string]any{%q: gorm.Expr(%q)})",
					name, field.DBName, value.SQL),
				rows: free, err: k.rawError,
				run: func(db *gorm.DB) outcome {
					values := k.freshMap(m)
					values[field.DBName] = value
					return wrote(db.Model(m.new()).Create(values))
				},
			})
	}
	return attacks
}

// rawReturning is text in RETURNING.
func (k *kit) rawReturning(m *model, text string) attack {
	return attack{
		name: "raw_returning", rows: free, err: k.rawError,
		call: fmt.Sprintf(`db.Clauses(clause.Returning{Columns: %q}).Unscoped().Where("1 = `+
			`1").Delete(&rows)`, text),
		run: func(db *gorm.DB) outcome {
			dest := m.slice()
			columns := []clause.Column{{Name: text, Raw: true}}
			return found(dest,
				db.Clauses(clause.Returning{Columns: columns}).Unscoped().Where("1 = 1").
					Delete(dest))
		},
	}
}

// rawAround is text beside a clause, where plugins put hints.
func (k *kit) rawAround(m *model) []attack {
	text := "AND EXISTS (SELECT 1 FROM " + k.quote(m.schema.Table) + ")"
	around := func(name, method string, run func(db *gorm.DB) *gorm.DB) attack {
		return attack{
			name: "text_after_" + strings.ToLower(strings.ReplaceAll(name, " ", "_")),
			call: fmt.Sprintf("db.Clauses(text behind %s: %q).%s", name, text, method),
			rows: free, err: k.rawError,
			run: func(db *gorm.DB) outcome { return wrote(run(db.Clauses(textAfter{name, text}))) },
		}
	}
	find := func(db *gorm.DB) *gorm.DB { return db.Find(m.slice()) }
	key := clause.Column{Name: m.tenant.DBName}
	attacks := []attack{
		around("SELECT", "Find(&rows)", find),
		around("FROM", "Find(&rows)", find),
		around("WHERE", "Find(&rows)",
			func(db *gorm.DB) *gorm.DB { return find(db.Where("1 = 1")) }),
		around("GROUP BY", "Group(...).Find(&rows)", func(db *gorm.DB) *gorm.DB {
			return find(db.Select("1").Clauses(clause.GroupBy{Columns: []clause.Column{key}}))
		}),
		around("ORDER BY", "Order(...).Find(&rows)", func(db *gorm.DB) *gorm.DB {
			return find(db.Order(clause.OrderByColumn{Column: key}))
		}),
		around("LIMIT", "Limit(1).Find(&rows)",
			func(db *gorm.DB) *gorm.DB { return find(db.Limit(1)) }),
		around("FOR", `Clauses(clause.Locking{Strength: "UPDATE"}).Find(&rows)`,
			func(db *gorm.DB) *gorm.DB {
				return find(db.Clauses(clause.Locking{Strength: "UPDATE"}))
			}),
		around("INSERT", "Create(&row)",
			func(db *gorm.DB) *gorm.DB { return db.Create(k.fresh(m, k.ours).Interface()) }),
		around("VALUES", "Create(&row)",
			func(db *gorm.DB) *gorm.DB { return db.Create(k.fresh(m, k.ours).Interface()) }),
		around("ON CONFLICT", "Create(&row)", func(db *gorm.DB) *gorm.DB {
			return db.Clauses(clause.OnConflict{DoNothing: true}).
				Create(k.fresh(m, k.ours).Interface())
		}),
		around("DELETE", `Where("1 = 1").Unscoped().Delete(&row)`, func(db *gorm.DB) *gorm.DB {
			return db.Where("1 = 1").Unscoped().Delete(m.new())
		}),
		around("RETURNING", `Clauses(clause.Returning{}).Where("1 = 1").Unscoped().Delete(&row)`,
			func(db *gorm.DB) *gorm.DB {
				return db.Clauses(clause.Returning{}).Where("1 = 1").Unscoped().Delete(m.new())
			}),
	}
	if field := m.column(); field != nil {
		value, _ := k.valueOf(field, m.rows[k.ours.index][0])
		update := func(db *gorm.DB) *gorm.DB {
			return db.Model(m.new()).Where("1 = 1").Update(field.DBName, value)
		}
		attacks = append(attacks, around("UPDATE", `Where("1 = 1").Update(...)`, update),
			around("SET", `Where("1 = 1").Update(...)`, update))
	}
	return attacks
}

// textAfter is a clause that puts text behind another, as hints do.
type textAfter struct{ clause, text string }

// ModifyStatement puts the text there, once the clause is what it will be.
func (a textAfter) ModifyStatement(stmt *gorm.Statement) {
	c := stmt.Clauses[a.clause]
	c.AfterExpression = clause.Expr{SQL: a.text}
	stmt.Clauses[a.clause] = c
}

// Name, Build and MergeClause make it a clause.
func (textAfter) Name() string               { return "" }
func (textAfter) Build(clause.Builder)       {}
func (textAfter) MergeClause(*clause.Clause) {}
