package tenanttest

import (
	"fmt"
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
)

// updates are updates of another tenant's row, by each way to name it.
func (k *kit) updates(m *model) []attack {
	field := m.column()
	if field == nil {
		return nil
	}
	theirs := m.rows[k.theirs.index][0]
	value := k.newValue(m, field)
	values := map[string]any{field.DBName: value}
	name, key := m.schema.Name, k.fields(m, theirs)
	update := func(attackName, target, method string, rows int64, err error, run func(
		db *gorm.DB) *gorm.DB,
	) attack {
		return attack{
			name: attackName, call: "db." + target + "." + method, rows: rows, err: err,
			run: func(db *gorm.DB) outcome { return wrote(run(db)) },
		}
	}
	of := fmt.Sprintf("Model(&%s{}).Where(map[string]any{%s})", name, key)
	one := fmt.Sprintf("Update(%q, value)", field.DBName)
	whole := k.copied(m, m.rows[k.ours.index][0])
	for _, primary := range m.schema.PrimaryFields {
		_ = primary.Set(k.db.Statement.Context, whole, reflect.Zero(primary.FieldType).Interface())
	}
	missing := gorm.ErrMissingWhereClause
	if k.db.AllowGlobalUpdate {
		missing = nil // the application wants it so
	}
	global := func(db *gorm.DB) *gorm.DB {
		return db.Session(&gorm.Session{AllowGlobalUpdate: true}).Model(m.new())
	}
	where := func(db *gorm.DB) *gorm.DB { return db.Model(m.new()).Where(k.key(m, theirs)) }
	return []attack{
		update("update_by_key_of_another", of, one, 0, nil,
			func(db *gorm.DB) *gorm.DB { return where(db).Update(field.DBName, value) }),
		update("updates_by_key_of_another", of, "Updates(values)", 0, nil,
			func(db *gorm.DB) *gorm.DB { return where(db).Updates(values) }),
		update("update_column_by_key_of_another", of, "UpdateColumn(...)", 0, nil,
			func(db *gorm.DB) *gorm.DB { return where(db).UpdateColumn(field.DBName, value) }),
		update("update_columns_by_key_of_another", of, "UpdateColumns(values)", 0, nil,
			func(db *gorm.DB) *gorm.DB { return where(db).UpdateColumns(values) }),
		update("updates_with_struct_by_key_of_another", of, "Updates(&row)", 0, nil,
			func(db *gorm.DB) *gorm.DB {
				return where(db).Omit(clause.Associations).Updates(whole.Interface())
			}),
		update("update_value_with_key_of_another", fmt.Sprintf("Model(%s)", k.literal(m, theirs)),
			one, free, nil, func(db *gorm.DB) *gorm.DB {
				return db.Model(k.keyed(m, theirs)).Update(field.DBName, value)
			}),
		update("update_row_of_another", "Model(&theirs)", one, free, gormtenant.ErrOtherTenant,
			func(db *gorm.DB) *gorm.DB {
				return db.Model(k.copied(m, theirs).Interface()).Update(field.DBName, value)
			}),
		update("update_or", fmt.Sprintf(`Model(&%s{}).Where("1 = 1").Or("1 = 1")`, name), one,
			m.count, nil, func(db *gorm.DB) *gorm.DB {
				return db.Model(m.new()).Where("1 = 1").Or("1 = 1").Update(field.DBName, value)
			}),
		update("update_all",
			fmt.Sprintf("Session(&gorm.Session{AllowGlobalUpdate: true}).Model(&%s{})", name), one,
			m.count, nil, func(db *gorm.DB) *gorm.DB {
				return global(db).Update(field.DBName, value)
			}),
		update("update_table_by_name", fmt.Sprintf("Table(%q).Where(\"1 = 1\")", m.schema.Table),
			one, m.count, nil, func(db *gorm.DB) *gorm.DB {
				return db.Table(m.schema.Table).Where("1 = 1").Update(field.DBName, value)
			}),
		update("update_without_condition", fmt.Sprintf("Model(&%s{})", name), one, free, missing,
			func(db *gorm.DB) *gorm.DB {
				return db.Model(m.new()).Update(field.DBName, value)
			}),
		update("update_text_that_goes_on", of,
			fmt.Sprintf("Update(%q, gorm.Expr(%q, theirs))", field.DBName,
				"NULL, "+m.tenant.DBName+" = ?"), free, errAny, func(db *gorm.DB) *gorm.DB {
				return db.Model(m.new()).Where(k.key(m, m.rows[k.ours.index][0])).
					Update(field.DBName,
						gorm.Expr("NULL, "+k.quoteColumn(m.tenant)+" = ?", k.tenantID(m, k.theirs)))
			}),
		update("update_in_transaction", "Transaction(...)", one, free, nil,
			func(db *gorm.DB) *gorm.DB {
				var tx *gorm.DB
				_ = db.Transaction(func(in *gorm.DB) error {
					tx = in.Model(m.new()).Where("1 = 1").Update(field.DBName, value)
					return nil
				})
				return tx
			}),
	}
}

// deletes are deletes of another tenant's row.
func (k *kit) deletes(m *model) []attack {
	theirs := m.rows[k.theirs.index][0]
	name := m.schema.Name
	missing := gorm.ErrMissingWhereClause
	if k.db.AllowGlobalUpdate {
		missing = nil
	}
	del := func(attackName, call string, rows int64, err error, run func(
		db *gorm.DB) *gorm.DB,
	) attack {
		return attack{
			name: attackName, call: "db." + call, rows: rows, err: err,
			run: func(db *gorm.DB) outcome { return wrote(run(db)) },
		}
	}
	attacks := []attack{
		del("delete_without_condition", fmt.Sprintf("Delete(&%s{})", name), free, missing,
			func(db *gorm.DB) *gorm.DB { return db.Delete(m.new()) }),
		del("delete_row_of_another", "Delete(&theirs)", free, gormtenant.ErrOtherTenant,
			func(db *gorm.DB) *gorm.DB { return db.Delete(k.copied(m, theirs).Interface()) }),
	}
	for _, variant := range []struct {
		name, call string
		db         func(db *gorm.DB) *gorm.DB
	}{
		{"delete", "", func(db *gorm.DB) *gorm.DB { return db }},
		{"delete_unscoped", "Unscoped().", func(db *gorm.DB) *gorm.DB { return db.Unscoped() }},
	} {
		attacks = append(attacks,
			del(variant.name+"_by_key_of_another",
				fmt.Sprintf("%sWhere(map[string]any{%s}).Delete(&%s{})", variant.call,
					k.fields(m, theirs), name), 0, nil,
				func(db *gorm.DB) *gorm.DB {
					return variant.db(db).Where(k.key(m, theirs)).Delete(m.new())
				}),
			del(variant.name+"_value_with_key_of_another",
				fmt.Sprintf("%sDelete(%s)", variant.call, k.literal(m, theirs)), free, nil,
				func(db *gorm.DB) *gorm.DB { return variant.db(db).Delete(k.keyed(m, theirs)) }),
			del(variant.name+"_or",
				fmt.Sprintf(`%sWhere("1 = 1").Or("1 = 1").Delete(&%s{})`, variant.call, name), free,
				nil,
				func(db *gorm.DB) *gorm.DB {
					return variant.db(db).Where("1 = 1").Or("1 = 1").Delete(m.new())
				}),
			del(variant.name+"_all",
				fmt.Sprintf("Session(&gorm.Session{AllowGlobalUpdate: true}).%sDelete(&%s{})",
					variant.call, name), free, nil,
				func(db *gorm.DB) *gorm.DB {
					return variant.db(db.Session(&gorm.Session{AllowGlobalUpdate: true})).
						Delete(m.new())
				}))
	}
	return attacks
}

// tenantChanges are updates that would give a row of ours to the other tenant.
func (k *kit) tenantChanges(m *model) []attack {
	ours, id := m.rows[k.ours.index][0], k.tenantID(m, k.theirs)
	change := func(name, call string, run func(db *gorm.DB) *gorm.DB) attack {
		return attack{
			name: name, call: "db.Model(&ours)." + call, err: gormtenant.ErrTenantChange,
			run: func(db *gorm.DB) outcome {
				return wrote(run(db.Model(k.copied(m, ours).Interface())))
			},
		}
	}
	var attacks []attack
	for i, spelled := range []string{
		m.tenant.Name, m.tenant.DBName, strings.ToUpper(m.tenant.DBName),
		m.schema.Table + "." + m.tenant.DBName,
	} {
		kind := []string{"by_field", "by_column", "in_upper_case", "with_table"}[i]
		attacks = append(attacks,
			change("update_tenant_"+kind, fmt.Sprintf("Update(%q, theirs)", spelled),
				func(db *gorm.DB) *gorm.DB { return db.Update(spelled, id) }),
			change("update_column_tenant_"+kind, fmt.Sprintf("UpdateColumn(%q, theirs)", spelled),
				func(db *gorm.DB) *gorm.DB { return db.UpdateColumn(spelled, id) }),
			change("updates_tenant_"+kind,
				fmt.Sprintf("Updates(map[string]any{%q: gorm.Expr(\"?\", theirs)})", spelled),
				func(db *gorm.DB) *gorm.DB {
					return db.Updates(map[string]any{spelled: gorm.Expr("?", id)})
				}))
	}
	return append(attacks,
		change("update_tenant_to_nothing",
			fmt.Sprintf("Updates(map[string]any{%q: nothing})", m.tenant.DBName),
			func(db *gorm.DB) *gorm.DB {
				return db.Updates(map[string]any{
					m.tenant.DBName: reflect.Zero(m.tenant.FieldType).Interface(),
				})
			}),
		change("set_tenant", "Clauses(clause.Set{...}).Updates(map[string]any{})",
			func(db *gorm.DB) *gorm.DB {
				return db.Clauses(clause.Set{
					{Column: clause.Column{Name: m.tenant.DBName}, Value: id},
				}).Updates(map[string]any{})
			}),
		change("updates_tenant_with_struct",
			fmt.Sprintf("Updates(&%s{%s: theirs})", m.schema.Name, m.tenant.Name),
			func(db *gorm.DB) *gorm.DB {
				row := reflect.New(m.schema.ModelType)
				k.setTenant(m, row, k.theirs)
				return db.Updates(row.Interface())
			}),
		attack{
			name: "save_with_another_tenant",
			call: fmt.Sprintf("ours.%s = theirs; db.Save(&ours)", m.tenant.Name), err: errAny,
			run: func(db *gorm.DB) outcome {
				row := k.copied(m, ours)
				k.setTenant(m, row, k.theirs)
				return wrote(db.Save(row.Interface()))
			},
		})
}
