package tenanttest

import (
	"fmt"
	"reflect"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
)

// writes are the attacks that create rows and write over those of others.
func (k *kit) writes(m *model) []attack {
	return append(k.creates(m), k.overKeys(m)...)
}

// creates are creates for another tenant, and those that could leave the tenant out.
func (k *kit) creates(m *model) []attack {
	name, column := m.schema.Name, m.tenant.DBName
	foreign := func() reflect.Value {
		row := k.fresh(m, k.ours)
		k.setTenant(m, row, k.theirs)
		return row
	}
	literal := fmt.Sprintf("&%s{%s: theirs}", name, m.tenant.Name)
	batched := gormtenant.ErrOtherTenant
	if k.db.CreateBatchSize > 0 {
		batched = errAny // GORM loses columns where it makes batches of maps
	}
	return []attack{
		{
			name: "create_for_another", call: "db.Create(" + literal + ")",
			err: gormtenant.ErrOtherTenant,
			run: func(db *gorm.DB) outcome { return wrote(db.Create(foreign().Interface())) },
		},
		{
			name: "create_many_with_one_for_another",
			call: fmt.Sprintf("db.Create([]*%s{{}, %s})", name, literal),
			err:  gormtenant.ErrOtherTenant,
			run: func(db *gorm.DB) outcome {
				return wrote(db.Create(k.list(m, k.fresh(m, k.ours), foreign())))
			},
		},
		{
			name: "create_in_batches_with_one_for_another",
			call: fmt.Sprintf("db.CreateInBatches([]*%s{{}, %s}, 1)", name, literal),
			err:  gormtenant.ErrOtherTenant,
			run: func(db *gorm.DB) outcome {
				return wrote(db.CreateInBatches(k.list(m, k.fresh(m, k.ours), foreign()), 1))
			},
		},
		{
			name: "create_map_for_another",
			call: fmt.Sprintf("db.Model(&%s{}).Create(map[string]any{%q: theirs})", name,
				column), err: gormtenant.ErrOtherTenant,
			run: func(db *gorm.DB) outcome {
				values := k.freshMap(m)
				values[column] = k.tenantID(m, k.theirs)
				return wrote(db.Model(m.new()).Create(values))
			},
		},
		{
			name: "create_map_for_another_in_upper_case", err: gormtenant.ErrOtherTenant,
			call: fmt.Sprintf("db.Model(&%s{}).Create(map[string]any{%q: theirs})", name,
				strings.ToUpper(column)),
			run: func(db *gorm.DB) outcome {
				values := k.freshMap(m)
				values[strings.ToUpper(column)] = k.tenantID(m, k.theirs)
				return wrote(db.Model(m.new()).Create(values))
			},
		},
		{
			name: "create_maps_with_one_for_another", err: batched,
			call: fmt.Sprintf("db.Model(&%s{}).Create([]map[string]any{{%q: ours}, {%q: theirs}})",
				name, column, column),
			run: func(db *gorm.DB) outcome {
				first, second := k.freshMap(m), k.freshMap(m)
				first[column], second[column] = k.tenantID(m, k.ours), k.tenantID(m, k.theirs)
				return wrote(db.Model(m.new()).Create([]map[string]any{first, second}))
			},
		},
		{
			name: "create_without_tenant_column",
			call: fmt.Sprintf("db.Omit(%q).Create(&row)", m.tenant.Name), rows: 1,
			run: func(db *gorm.DB) outcome {
				row := k.fresh(m, k.ours)
				return k.stored(m, row,
					db.Omit(m.tenant.Name, clause.Associations).Create(row.Interface()))
			},
		},
		{
			name: "create_map",
			call: fmt.Sprintf("db.Model(&%s{}).Create(map[string]any{...})", name), rows: 1,
			run: func(db *gorm.DB) outcome {
				return wrote(db.Model(m.new()).Create(k.freshMap(m)))
			},
		},
		{
			name: "upsert_that_changes_tenant", err: gormtenant.ErrTenantChange,
			call: fmt.Sprintf("db.Clauses(clause.OnConflict{Columns: key, DoUpdates: "+
				"clause.Assignments(map[string]any{%q: theirs})}).Create(&ours)", column),
			run: func(db *gorm.DB) outcome {
				conflict := clause.OnConflict{
					Columns: m.keyColumns(),
					DoUpdates: clause.Assignments(map[string]any{
						column: k.tenantID(m, k.theirs),
					}),
				}
				return wrote(db.Clauses(conflict).Omit(clause.Associations).
					Create(k.copied(m, m.rows[k.ours.index][0]).Interface()))
			},
		},
		{
			name: "create_unscoped_for_nobody",
			call: `db.WithContext(gormtenant.Unscoped(ctx, "reason")).Create(&row)`,
			err:  gormtenant.ErrNoTenant,
			run: func(db *gorm.DB) outcome {
				ctx := gormtenant.Unscoped(db.Statement.Context, "tenanttest")
				return wrote(db.WithContext(ctx).Create(k.fresh(m, k.ours).Interface()))
			},
		},
		{
			name: "unscoped_without_reason",
			call: `db.WithContext(gormtenant.Unscoped(ctx, "")).Find(&rows)`,
			err:  gormtenant.ErrNoReason,
			run: func(db *gorm.DB) outcome {
				dest := m.slice()
				return found(dest,
					db.WithContext(gormtenant.Unscoped(db.Statement.Context, "")).Find(dest))
			},
		},
	}
}

// stored is the outcome of a create whose row must be one of ours.
func (k *kit) stored(m *model, row reflect.Value, tx *gorm.DB) outcome {
	if tx.Error != nil {
		return wrote(tx)
	}
	k.txs.settle()
	where, args := k.whereKey(m, row)
	_, rows, err := k.queryAs(tx.Statement.Context, "SELECT ? FROM ? WHERE "+where,
		append([]any{clause.Column{Name: m.tenant.DBName}, clause.Table{Name: m.schema.Table}},
			args...)...)
	if err == nil && (len(rows) != 1 || text(rows[0][0]) != text(k.ours.id)) {
		err = fmt.Errorf("the row was stored with %s = %q", m.tenant.DBName, rows)
	}
	return outcome{rows: tx.RowsAffected, err: err}
}

// list returns rows as a slice of pointers.
func (k *kit) list(m *model, rows ...reflect.Value) any {
	list := reflect.MakeSlice(reflect.SliceOf(reflect.PointerTo(m.schema.ModelType)), 0, len(rows))
	return reflect.Append(list, rows...).Interface()
}

// keyColumns are the columns of the primary key.
func (m *model) keyColumns() []clause.Column {
	var key []clause.Column
	for _, field := range m.schema.PrimaryFields {
		key = append(key, clause.Column{Name: field.DBName})
	}
	return key
}

// overKeys are creates, upserts and saves with the key of another tenant's row.
func (k *kit) overKeys(m *model) []attack {
	theirs := m.rows[k.theirs.index][0]
	literal := k.literal(m, theirs)
	key := m.keyColumns()
	upsert := func(name, call string, conflict clause.OnConflict, err error) attack {
		return attack{
			name: name, call: fmt.Sprintf("db.Clauses(%s).Create(%s)", call, literal), rows: free,
			err: err, key: true,
			run: func(db *gorm.DB) outcome {
				return wrote(db.Clauses(conflict).Omit(clause.Associations).
					Create(k.withKey(m, theirs).Interface()))
			},
		}
	}
	other, taken := m.otherTenant(), errAny
	if m.rekeys {
		taken = nil
	}
	attacks := []attack{
		{
			name: "create_over_foreign_key", call: fmt.Sprintf("db.Create(%s)", literal),
			rows: free, err: taken, key: true,
			run: func(db *gorm.DB) outcome {
				return wrote(db.Omit(clause.Associations).Create(k.withKey(m, theirs).Interface()))
			},
		},
		upsert("upsert_over_foreign_key", "clause.OnConflict{UpdateAll: true}",
			clause.OnConflict{UpdateAll: true}, other),
		upsert("upsert_or_nothing_over_foreign_key", "clause.OnConflict{DoNothing: true}",
			clause.OnConflict{DoNothing: true}, nil),
		{
			name: "save_over_foreign_key", call: fmt.Sprintf("db.Save(%s)", literal), rows: free,
			err: other, key: true,
			run: func(db *gorm.DB) outcome {
				return wrote(db.Omit(clause.Associations).Save(k.withKey(m, theirs).Interface()))
			},
		},
		{
			name: "save_many_over_foreign_key",
			call: fmt.Sprintf("db.Save([]*%s{{}, %s})", m.schema.Name, literal), rows: free,
			err: other, key: true,
			run: func(db *gorm.DB) outcome {
				return wrote(db.Omit(clause.Associations).
					Save(k.list(m, k.fresh(m, k.ours), k.withKey(m, theirs))))
			},
		},
		{
			name: "save_row_of_another", call: "db.Save(&theirs)", err: gormtenant.ErrOtherTenant,
			run: func(db *gorm.DB) outcome {
				return wrote(db.Save(k.copied(m, theirs).Interface()))
			},
		},
	}
	if field := m.column(); field != nil {
		attacks = append(attacks, upsert("upsert_columns_over_foreign_key",
			fmt.Sprintf("clause.OnConflict{Columns: key, DoUpdates: "+
				"clause.AssignmentColumns([]string{%q})}", field.DBName),
			clause.OnConflict{
				Columns: key, DoUpdates: clause.AssignmentColumns([]string{field.DBName}),
			}, other))
		updates := clause.AssignmentColumns([]string{field.DBName})
		all := clause.Where{Exprs: []clause.Expression{clause.Expr{SQL: "1 = 1 OR\n1 = 1"}}}
		attacks = append(attacks, upsert("upsert_with_condition_over_foreign_key",
			`clause.OnConflict{Columns: key, DoUpdates: ..., Where: "1 = 1 OR\n1 = 1"}`,
			clause.OnConflict{Columns: key, DoUpdates: updates, Where: all}, nil))
		for _, i := range m.indexes {
			if k.db.Name() == "postgres" && m.isKey(i) {
				attacks = append(attacks, upsert("upsert_on_constraint_over_foreign_key",
					fmt.Sprintf("clause.OnConflict{OnConstraint: %q, DoUpdates: ...}", i.name),
					clause.OnConflict{OnConstraint: i.name, DoUpdates: updates}, nil))
			}
		}
	}
	attacks = append(attacks, attack{ // SQLite knows it; elsewhere it is no SQL
		name: "insert_or_replace_over_foreign_key",
		call: fmt.Sprintf(`db.Clauses(clause.Insert{Modifier: "OR REPLACE"}).Create(%s)`,
			literal), err: errAny,
		run: func(db *gorm.DB) outcome {
			return wrote(db.Clauses(clause.Insert{Modifier: "OR REPLACE"}).
				Omit(clause.Associations).Create(k.withKey(m, theirs).Interface()))
		},
	})
	return append(attacks, attack{
		name: "first_or_create_of_another",
		call: fmt.Sprintf("db.FirstOrCreate(&row, map[string]any{%s})", k.fields(m, theirs)),
		rows: free,
		run: func(db *gorm.DB) outcome {
			tx := db.FirstOrCreate(m.new(), k.key(m, theirs))
			return wrote(tx)
		},
	})
}
