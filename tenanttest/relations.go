package tenanttest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
)

// relations are the attacks along the relations of m to other tenant models.
func (k *kit) relations(m *model) []attack {
	var attacks []attack
	for _, relation := range relationsOf(m.schema) {
		target := k.modelOf(relation.FieldSchema)
		if target.tenant == nil {
			continue
		}
		r := &relationAttacks{
			kit: k, m: m, target: target, relation: relation, name: snake(relation.Name),
		}
		attacks = append(attacks, r.reads()...)
		attacks = append(attacks, r.links()...)
		attacks = append(attacks, r.ownedByAnother()...)
		attacks = append(attacks, r.joinTable()...)
	}
	return attacks
}

// relationAttacks makes the attacks along one relation.
type relationAttacks struct {
	*kit
	m, target *model
	relation  *schema.Relationship
	name      string
}

// many reports whether the relation is to several rows.
func (r *relationAttacks) many() bool {
	return r.relation.Type == schema.HasMany || r.relation.Type == schema.Many2Many
}

// reads read along the relation. The last of our rows refers to one of theirs, where the database
// let it.
func (r *relationAttacks) reads() []attack {
	m, name := r.m, r.relation.Name
	attacks := []attack{
		r.find(m, "preload_"+r.name, fmt.Sprintf("db.Preload(%q)", name), m.count,
			func(db *gorm.DB) *gorm.DB { return db.Preload(name) }),
		r.find(m, "preload_"+r.name+"_or", fmt.Sprintf(`db.Preload(%q, "1 = 1 OR\n1 = 1")`, name),
			free,
			func(db *gorm.DB) *gorm.DB { return db.Preload(name, "1 = 1 OR\n1 = 1") }),
	}
	for _, nested := range relationsOf(r.target.schema) {
		path := name + "." + nested.Name
		attacks = append(attacks,
			r.find(m, "preload_"+r.name+"_"+snake(nested.Name), fmt.Sprintf("db.Preload(%q)", path),
				m.count,
				func(db *gorm.DB) *gorm.DB { return db.Preload(path) }))
	}
	if !r.many() {
		attacks = append(attacks,
			r.find(m, "join_"+r.name, fmt.Sprintf("db.Joins(%q)", name), m.count,
				func(db *gorm.DB) *gorm.DB { return db.Joins(name) }),
			r.find(m, "inner_join_"+r.name, fmt.Sprintf("db.InnerJoins(%q)", name), free,
				func(db *gorm.DB) *gorm.DB { return db.InnerJoins(name) }),
			r.find(m, "join_"+r.name+"_or",
				fmt.Sprintf(`db.Joins(%q, db.Where("1 = 1").Or("1 = 1"))`, name), free,
				func(db *gorm.DB) *gorm.DB {
					return db.Joins(name, r.plain().Where("1 = 1").Or("1 = 1"))
				}))
	}
	for i, owner := range m.rows[r.ours.index] {
		attacks = append(attacks, attack{
			name: fmt.Sprintf("association_find_%s_%d", r.name, i+1),
			call: fmt.Sprintf("db.Model(%s).Association(%q).Find(&rows)", r.literal(m, owner),
				name), rows: free,
			run: func(db *gorm.DB) outcome {
				return r.associated(db, r.copied(m, owner).Interface())
			},
		})
	}
	return attacks
}

// associated reads the rows that are associated with owner.
func (r *relationAttacks) associated(db *gorm.DB, owner any) outcome {
	dest := r.target.slice()
	association := db.Model(owner).Association(r.relation.Name)
	if association.Error != nil {
		return outcome{err: association.Error}
	}
	err := association.Find(dest)
	return outcome{seen: dest, rows: int64(reflect.ValueOf(dest).Elem().Len()), err: err}
}

// links would link a row of ours to one of theirs, or take it over.
func (r *relationAttacks) links() []attack {
	m, name, model := r.m, r.relation.Name, r.m.schema.Name
	theirs := r.target.rows[r.theirs.index][0]
	literal := r.literal(r.target, theirs)
	other, remembered := r.target.otherTenant(), gormtenant.ErrOtherTenant
	if r.rewritesKey() {
		other, remembered = nil, nil // what is written is a row of ours
	}
	change := func(method string) attack {
		return attack{
			name: strings.ToLower(method) + "_" + r.name,
			call: fmt.Sprintf("db.Model(&ours).Association(%q).%s(%s)", name, method, literal),
			rows: free, err: other, key: true,
			run: func(db *gorm.DB) outcome {
				association := db.Model(r.copied(m, m.rows[r.ours.index][0]).Interface()).
					Association(name)
				if association.Error != nil {
					return outcome{err: association.Error}
				}
				row := r.withKey(r.target, theirs).Interface()
				if method == "Append" {
					return outcome{err: association.Append(row)}
				}
				return outcome{err: association.Replace(row)}
			},
		}
	}
	attacks := []attack{
		change("Append"), change("Replace"),
		{
			name: "create_with_" + r.name,
			call: fmt.Sprintf("db.Create(&%s{%s: %s})", model, name, literal), rows: free,
			err: other, key: true,
			run: func(db *gorm.DB) outcome {
				return wrote(db.Create(r.holding(r.fresh(m, r.ours),
					r.withKey(r.target, theirs).Interface())))
			},
		},
		{
			name: "create_with_row_of_another_as_" + r.name, brings: true,
			call: fmt.Sprintf("db.Create(&%s{%s: theirs})", model, name), rows: free,
			err: remembered, key: r.rewritesTenant(),
			run: func(db *gorm.DB) outcome {
				return wrote(db.Create(r.holding(r.fresh(m, r.ours),
					r.copied(r.target, theirs).Interface())))
			},
		},
		{
			name: "save_with_" + r.name,
			call: fmt.Sprintf("ours.%s = %s; db.Session(&gorm.Session{FullSaveAssociations: "+
				"true}).Save(&ours)", name, literal), rows: free, err: other, key: true,
			own: true,
			run: func(db *gorm.DB) outcome {
				row := r.holding(r.copied(m, m.rows[r.ours.index][0]),
					r.withKey(r.target, theirs).Interface())
				return wrote(db.Session(&gorm.Session{FullSaveAssociations: true}).Save(row))
			},
		},
	}
	return attacks
}

// rewritesKey reports whether GORM writes a part of the key of a row that it saves for an owner, so
// that it is not the key of another tenant's row any more.
func (r *relationAttacks) rewritesKey() bool {
	return r.relation.JoinTable == nil &&
		slices.ContainsFunc(r.relation.References, func(reference *schema.Reference) bool {
			return reference.OwnPrimaryKey && reference.ForeignKey.PrimaryKey
		})
}

// rewritesTenant reports whether GORM writes the tenant of a row that it saves for an owner.
func (r *relationAttacks) rewritesTenant() bool {
	return slices.ContainsFunc(r.relation.References, func(reference *schema.Reference) bool {
		return reference.OwnPrimaryKey && reference.ForeignKey == r.target.tenant
	})
}

// holding puts a row into the relation of an owner.
func (r *relationAttacks) holding(owner reflect.Value, row any) any {
	field := r.relation.Field.ReflectValueOf(r.db.Statement.Context, owner.Elem())
	value := reflect.ValueOf(row)
	put := func(into reflect.Value) {
		if into.Kind() == reflect.Pointer {
			into.Set(value)
		} else {
			into.Set(value.Elem())
		}
	}
	for field.Kind() == reflect.Pointer && field.Type().Elem().Kind() != reflect.Struct {
		field.Set(reflect.New(field.Type().Elem()))
		field = field.Elem()
	}
	switch field.Kind() {
	case reflect.Slice:
		list := reflect.MakeSlice(field.Type(), 1, 1)
		put(list.Index(0))
		field.Set(list)
	default:
		put(field)
	}
	return owner.Interface()
}

// ownedByAnother use the relation of one of their rows, by its key.
func (r *relationAttacks) ownedByAnother() []attack {
	m, name := r.m, r.relation.Name
	owner, target := m.rows[r.theirs.index][0], r.target.rows[r.theirs.index][0]
	literal := r.literal(m, owner)
	use := func(attackName, call string, unscoped bool, run func(
		association *gorm.Association) error,
	) attack {
		dot := "."
		if unscoped {
			dot = ".Unscoped()."
		}
		return attack{
			name: attackName,
			call: fmt.Sprintf("db.Model(%s).Association(%q)%s%s", literal, name, dot, call),
			rows: free,
			run: func(db *gorm.DB) outcome {
				association := db.Model(r.keyed(m, owner)).Association(name)
				if unscoped && association.Error == nil {
					association = association.Unscoped()
				}
				if association.Error != nil {
					return outcome{err: association.Error}
				}
				return outcome{err: run(association)}
			},
		}
	}
	fresh := func() any { return r.fresh(r.target, r.ours).Interface() }
	key := func() any { return r.keyed(r.target, target) }
	attacks := []attack{
		{
			name: "association_find_" + r.name + "_of_another",
			call: fmt.Sprintf("db.Model(%s).Association(%q).Find(&rows)", literal, name),
			rows: free,
			run:  func(db *gorm.DB) outcome { return r.associated(db, r.keyed(m, owner)) },
		},
		{
			name: "association_count_" + r.name + "_of_another",
			call: fmt.Sprintf("db.Model(%s).Association(%q).Count()", literal, name), rows: 0,
			run: func(db *gorm.DB) outcome { // one of our rows may refer to theirs
				o := r.associated(db, r.keyed(m, owner))
				association := db.Model(r.keyed(m, owner)).Association(name)
				if n := association.Count(); o.err == nil && association.Error == nil {
					return outcome{rows: n - o.rows}
				}
				return outcome{} // SQLite knows no (a, b) IN (NULL), GORM's form of no key
			},
		},
		use("append_to_"+r.name+"_of_another", "Append(&row)", false,
			func(a *gorm.Association) error { return a.Append(fresh()) }),
		use("replace_"+r.name+"_of_another", "Replace(&row)", false,
			func(a *gorm.Association) error { return a.Replace(fresh()) }),
	}
	for _, unscoped := range []bool{false, true} {
		suffix := "_of_another"
		if unscoped {
			suffix = "_of_another_unscoped"
		}
		attacks = append(attacks,
			use("delete_"+r.name+suffix, fmt.Sprintf("Delete(%s)", r.literal(r.target, target)),
				unscoped,
				func(a *gorm.Association) error { return a.Delete(key()) }),
			use("clear_"+r.name+suffix, "Clear()", unscoped,
				func(a *gorm.Association) error { return a.Clear() }))
	}
	return append(attacks,
		attack{
			name: "delete_with_" + r.name + "_of_another",
			call: fmt.Sprintf("db.Select(%q).Delete(%s)", name, literal), rows: free,
			run: func(db *gorm.DB) outcome {
				return wrote(db.Select(name).Delete(r.keyed(m, owner)))
			},
		},
		attack{
			name: "save_" + r.name + "_of_another",
			call: fmt.Sprintf("db.Session(&gorm.Session{FullSaveAssociations: "+
				"true}).Updates(%s with %s)", literal, name), rows: free,
			run: func(db *gorm.DB) outcome {
				row := r.holding(reflect.ValueOf(r.keyed(m, owner)), fresh())
				return wrote(db.Session(&gorm.Session{FullSaveAssociations: true}).Updates(row))
			},
		})
}

// joinTable are statements on the table of a many2many relation by its name.
func (r *relationAttacks) joinTable() []attack {
	if r.relation.JoinTable == nil || r.m.tenant == nil {
		return nil
	}
	table := r.relation.JoinTable.Table
	return []attack{
		{
			name: "join_table_of_" + r.name, call: fmt.Sprintf("db.Table(%q).Find(&maps)", table),
			rows: r.joined(table),
			run: func(db *gorm.DB) outcome {
				var maps []map[string]any
				return found(&maps, db.Table(table).Find(&maps))
			},
		},
		{
			name: "delete_join_table_of_" + r.name,
			call: fmt.Sprintf("db.Table(%q).Where(\"1 = 1\").Delete(nil)", table),
			rows: r.joined(table),
			run: func(db *gorm.DB) outcome {
				return wrote(db.Table(table).Where("1 = 1").Delete(nil))
			},
		},
	}
}

// joined is how many rows of a join table join two rows of ours, free if that is not known.
func (r *relationAttacks) joined(table string) int64 {
	for _, j := range r.joins {
		if j.table != table || r.modelOf(r.relation.JoinTable) != nil {
			continue
		}
		first, args := r.names(j.sides[0].pairs, j.sides[0].model.rows[r.ours.index])
		second, more := r.names(j.sides[1].pairs, j.sides[1].model.rows[r.ours.index])
		_, rows, err := r.queryAs(r.ours.ctx, "SELECT 1 FROM ? WHERE "+first+" AND "+second,
			append(append([]any{clause.Table{Name: table}}, args...), more...)...)
		if err == nil {
			return int64(len(rows))
		}
	}
	return free
}
