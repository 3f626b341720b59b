package tenanttest

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// way is one way to write the key of another tenant's row into a foreign key.
type way struct {
	call string
	run  func(db *gorm.DB) error
}

// referWays are the ways to write a key of theirs into r.
func (k *kit) referWays(m *model, r *ref) []way {
	theirs := r.parent.rows[k.theirs.index][0]
	row := func() reflect.Value {
		row := k.fresh(m, k.ours)
		k.set(m, row, r, theirs)
		return row
	}
	key := func(values map[string]any) map[string]any {
		for _, p := range r.pairs {
			if p.foreign != m.tenant {
				values[p.foreign.DBName], _ = k.valueOf(p.primary, theirs)
			}
		}
		if r.kind != nil {
			values[r.kind.DBName] = r.value
		}
		return values
	}
	ours := func() any { return k.copied(m, m.rows[k.ours.index][0]).Interface() }
	name, columns := m.schema.Name, strings.Join(r.columns(), ", ")
	ways := []way{
		{"db.Create(&row)", func(db *gorm.DB) error { return db.Create(row().Interface()).Error }},
		{fmt.Sprintf("db.Create([]*%s{{}, &row})", name), func(db *gorm.DB) error {
			return db.Create(k.list(m, k.fresh(m, k.ours), row())).Error
		}},
		{fmt.Sprintf("db.Model(&%s{}).Create(map of %s)", name, columns), func(db *gorm.DB) error {
			return db.Model(m.new()).Create(key(k.freshMap(m))).Error
		}},
	}
	for _, p := range r.pairs {
		if p.foreign.PrimaryKey || !p.foreign.Updatable {
			return ways
		}
	}
	return append(ways,
		way{fmt.Sprintf("db.Model(&ours).Updates(map of %s)", columns), func(db *gorm.DB) error {
			return db.Model(ours()).Updates(key(map[string]any{})).Error
		}},
		way{
			fmt.Sprintf("db.Model(&ours).UpdateColumns(map of %s)", columns),
			func(db *gorm.DB) error {
				return db.Model(ours()).UpdateColumns(key(map[string]any{})).Error
			},
		},
		way{
			fmt.Sprintf("db.Model(&ours).Updates(map of %s as expressions)", columns),
			func(db *gorm.DB) error {
				values := key(map[string]any{})
				for column, value := range values {
					values[column] = gorm.Expr("?", value)
				}
				return db.Model(ours()).Updates(values).Error
			},
		},
		way{"db.Save(&ours)", func(db *gorm.DB) error {
			row := k.copied(m, m.rows[k.ours.index][0])
			k.set(m, row, r, theirs)
			return db.Omit(clause.Associations).Save(row.Interface()).Error
		}})
}

// tryWay returns the error of a way, and takes back what it did.
func (k *kit) tryWay(w way) error {
	var err error
	undone := k.txs.undo(func() {
		_, panicked := attack{run: func(db *gorm.DB) outcome {
			err = w.run(db)
			return outcome{}
		}}.try(k.as(k.ours))
		if len(panicked) > 0 {
			err = errors.New(panicked[0])
		}
	})
	return errors.Join(err, undone)
}
