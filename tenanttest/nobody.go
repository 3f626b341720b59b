package tenanttest

import (
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
)

// noTenant are statements without a tenant.
func (k *kit) noTenant(m *model) []attack {
	name := m.schema.Name
	nobody := func(attackName, call string, run func(db *gorm.DB) error) attack {
		return attack{
			name:   "no_tenant_" + attackName,
			call:   "nobody." + call,
			err:    gormtenant.ErrNoTenant,
			nobody: true,
			run: func(db *gorm.DB) outcome {
				return outcome{err: run(db)}
			},
		}
	}
	ours := m.rows[k.ours.index][0]
	var n int64
	attacks := []attack{
		nobody("find", "Find(&rows)", func(db *gorm.DB) error { return db.Find(m.slice()).Error }),
		nobody("first", "First(&row)", func(db *gorm.DB) error { return db.First(m.new()).Error }),
		nobody(
			"count",
			fmt.Sprintf("Model(&%s{}).Count(&n)", name),
			func(db *gorm.DB) error { return db.Model(m.new()).Count(&n).Error },
		),
		nobody("rows", fmt.Sprintf("Model(&%s{}).Rows()", name), func(db *gorm.DB) error {
			rows, err := db.Model(m.new()).Rows()
			if err == nil {
				_ = rows.Close()
			}
			return err
		}),
		nobody("table", fmt.Sprintf("Table(%q).Find(&maps)", m.schema.Table),
			func(db *gorm.DB) error {
				return db.Table(m.schema.Table).Find(&[]map[string]any{}).Error
			}),
		nobody(
			"create",
			"Create(&row)",
			func(db *gorm.DB) error { return db.Create(k.fresh(m, k.ours).Interface()).Error },
		),
		nobody(
			"create_with_tenant",
			fmt.Sprintf("Create(&%s{%s: ours})", name, m.tenant.Name),
			func(db *gorm.DB) error {
				row := k.fresh(m, k.ours)
				k.setTenant(m, row, k.ours)
				return db.Create(row.Interface()).Error
			},
		),
		nobody("save", "Save(&row)",
			func(db *gorm.DB) error { return db.Save(k.copied(m, ours).Interface()).Error }),
		nobody("upsert", "Clauses(clause.OnConflict{UpdateAll: true}).Create(&row)",
			func(db *gorm.DB) error {
				return db.Clauses(clause.OnConflict{UpdateAll: true}).
					Create(k.copied(m, ours).Interface()).Error
			}),
		nobody(
			"delete",
			"Delete(&row)",
			func(db *gorm.DB) error { return db.Delete(k.copied(m, ours).Interface()).Error },
		),
		nobody("delete_all", fmt.Sprintf(`Where("1 = 1").Delete(&%s{})`, name),
			func(db *gorm.DB) error {
				return db.Where("1 = 1").Delete(m.new()).Error
			}),
		nobody(
			"subquery",
			fmt.Sprintf(`Table("(?) AS t", nobody.Model(&%s{})).Find(&maps)`, name),
			func(db *gorm.DB) error {
				return db.Table("(?) AS t", k.plain().Model(m.new())).Find(&[]map[string]any{}).
					Error
			},
		),
	}
	if field := m.column(); field != nil {
		value, _ := k.valueOf(field, ours)
		attacks = append(
			attacks,
			nobody("update", fmt.Sprintf("Model(&row).Update(%q, value)", field.DBName),
				func(db *gorm.DB) error {
					return db.Model(k.copied(m, ours).Interface()).Update(field.DBName, value).Error
				}),
		)
	}
	for _, relation := range relationsOf(m.schema) {
		if k.modelOf(relation.FieldSchema).tenant == nil {
			continue
		}
		attacks = append(
			attacks,
			nobody(
				"association_"+snake(relation.Name),
				fmt.Sprintf("Model(&row).Association(%q).Find(&rows)", relation.Name),
				func(db *gorm.DB) error {
					return db.Model(
						k.copied(m, ours).Interface(),
					).Association(
						relation.Name,
					).Find(
						k.modelOf(relation.FieldSchema).slice(),
					)
				},
			),
		)
	}
	return append(attacks, k.rawForNobody(m)...)
}

// rawForNobody is raw SQL without a tenant. Where raw SQL is let through, the database must find
// nothing for it; where it is scoped, it must fail.
func (k *kit) rawForNobody(m *model) []attack {
	table := k.quote(m.schema.Table)
	read, remove := "SELECT * FROM "+table, "DELETE FROM "+table
	attacks := []attack{
		{
			name: "no_tenant_raw", call: fmt.Sprintf("nobody.Raw(%q).Scan(&rows)", read),
			run: func(db *gorm.DB) outcome {
				dest := m.slice()
				return found(dest, db.Raw(read).Scan(dest))
			},
		},
		{
			name: "no_tenant_exec", call: fmt.Sprintf("nobody.Exec(%q)", remove),
			run: func(db *gorm.DB) outcome { return wrote(db.Exec(remove)) },
		},
	}
	for i := range attacks {
		attacks[i].nobody = true
		if k.own { // that is a place of nobody's, or none
			attacks[i].rows = free
		}
		if k.rawError != nil {
			attacks[i].err = errAny // ErrNoTenant or ErrRawSQL
		}
	}
	return attacks
}
