package tenanttable

import (
	"slices"

	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant/internal/sqltext"
)

// ranked is a foreign key and how certain it is: those of confirmed models count more than those of
// structs that were only scanned into, and a relation that a model declares itself more than one
// that it has by embedding another model.
type ranked struct {
	*Reference
	rank int
}

// references finds the foreign keys whose targets are tables with a tenant column.
func (b *builder) references() {
	for _, r := range b.records {
		for _, relation := range relations(r.model) {
			other := b.byModel[relation.FieldSchema]
			if other == nil {
				continue // It could not be parsed.
			}
			certainty := 2 * rank(r)
			if len(relation.Field.BindNames) <= 1 {
				certainty++
			}
			switch {
			case relation.JoinTable != nil:
				b.sides(r, other, relation, certainty)
			case relation.Type == schema.BelongsTo:
				b.refer(r, other, relation.References, certainty)
			default:
				b.refer(other, r, relation.References, certainty)
			}
		}
	}
}

// sides notes the two foreign keys of a join table.
func (b *builder) sides(r, other *record, relation *schema.Relationship, certainty int) {
	join := b.byModel[relation.JoinTable]
	if join == nil {
		return
	}
	var own, others []*schema.Reference
	for _, ref := range relation.References {
		if ref.OwnPrimaryKey {
			own = append(own, ref)
		} else {
			others = append(others, ref)
		}
	}
	b.refer(join, r, own, certainty)
	b.refer(join, other, others, certainty)
}

// refer notes that rows of from's table name rows of to's, unless one of them is nobody's, or the
// key holds from's tenant: such a key cannot name a row of another tenant.
func (b *builder) refer(from, to *record, refs []*schema.Reference, certainty int) {
	key := b.keyOf(from)
	if !slices.Contains(b.parents[key], to.model.Table) {
		b.parents[key] = append(b.parents[key], to.model.Table)
	}
	table, target := b.tableOf(from), b.tableOf(to)
	if target == nil || table == nil && !b.joined[from.model] {
		return
	}
	found := &Reference{Target: target}
	for _, ref := range refs {
		switch {
		case ref.PrimaryKey == nil:
			found.TypeField, found.TypeValue = ref.ForeignKey, ref.PrimaryValue
		case target.IsColumn(ref.PrimaryKey.DBName) &&
			table != nil && table.IsColumn(ref.ForeignKey.DBName):
			return
		default:
			found.ForeignKeys = append(found.ForeignKeys, ref.ForeignKey)
			found.PrimaryKeys = append(found.PrimaryKeys, ref.PrimaryKey)
		}
	}
	if len(found.ForeignKeys) > 0 {
		b.refs[key] = append(b.refs[key], ranked{found, certainty})
	}
}

// tableOf returns the table with a tenant column that a model's rows are in, nil for none.
func (b *builder) tableOf(r *record) *Table {
	if !r.confirmed {
		for _, a := range b.aliases {
			if a.record == r {
				return b.names[b.folding.fold(a.schema, a.name)].table
			}
		}
	}
	if table := b.names[b.keyOf(r)].table; table != nil && table.Field != nil {
		return table
	}
	return b.own[r]
}

// best returns the foreign keys of a table: of each key what is most certain about its target, and
// of a join table only what is most certain at all.
func (b *builder) best(key name) []*Reference {
	list := b.refs[key]
	slices.SortStableFunc(list, func(x, y ranked) int { return y.rank - x.rank })
	var best []*Reference
	joins := b.names[key].table != nil && b.names[key].table.Joins
	for _, r := range list {
		if joins && r.rank < list[0].rank {
			break
		}
		if !slices.ContainsFunc(best, r.sameKey) {
			best = append(best, r.Reference)
		}
	}
	return best
}

// forText makes what a reader of SQL text is told of each table.
func (b *builder) forText() {
	for _, t := range b.all {
		known := b.names[b.folding.fold(t.Schema, t.Name)].table
		if known == nil {
			known = t
		}
		if known.SQL == nil {
			known.SQL = &sqltext.Table{
				Schema: known.Schema, Name: known.Name, Columns: columns(known.Fields),
			}
		}
		t.SQL = known.SQL // of all models of the table
	}
	for _, e := range b.names {
		t := e.table
		if t == nil || t.Field != nil || len(t.SQL.Sides) > 0 {
			continue
		}
		for _, ref := range t.References {
			side := sqltext.Side{
				Columns: columns(ref.ForeignKeys), Keys: columns(ref.PrimaryKeys),
				Target: ref.Target.SQL, TypeValue: ref.TypeValue,
			}
			if ref.TypeField != nil {
				side.TypeColumn = ref.TypeField.DBName
			}
			t.SQL.Sides = append(t.SQL.Sides, side)
		}
	}
}

func columns(fields []*schema.Field) []string {
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = field.DBName
	}
	return names
}
