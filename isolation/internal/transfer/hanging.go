package transfer

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/tenanttable"
)

// A table without a tenant column can hang on tables that move: the lines of an order are whose the
// order is. Its rows go along where a relation of the models says so, or a foreign key of the
// database to the table of a known model. What else refers to rows that move is an error.

// hanging adds the tables that hang on those of the plan by relations of the models. The rest of
// the models that are nobody's become candidates.
func (p *Plan) hanging(db *gorm.DB, given []any) error {
	known := tenanttable.Of(db)
	if len(given) == 0 {
		given = known.Models()
	}
	models, err := related(db, given)
	if err != nil {
		return err
	}
	tables, view := p.byName(), known.View()
	var edges []edge
	candidates := map[string]*table{}
	for _, model := range models {
		edges = append(edges, edgesOf(model)...)
		schemaName, name := tenanttable.Split(model.Table)
		if tables[model.Table] != nil || name == "" ||
			view.Kind(model, schemaName, name) != tenanttable.Unknown {
			continue
		}
		candidates[model.Table] = &table{name: model.Table, hangs: true}
	}
	p.attach(tables, candidates, edges)
	for _, t := range p.tables {
		if t.hangs && strings.Contains(t.name, ".") {
			return namedWithSchema(t.name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(candidates)) {
		p.candidates = append(p.candidates, candidates[name])
	}
	return nil
}

func namedWithSchema(name string) error {
	return fmt.Errorf("%w: the table %s is named with its schema, so its rows cannot be moved to "+
		"another: leave the schema to the search path", gormtenant.ErrInvalidModel, name)
}

// attach moves candidates that hang on tables of the plan to the plan. In each round it takes those
// that hang on what was there before, so that no two hang on each other.
func (p *Plan) attach(tables, candidates map[string]*table, edges []edge) {
	for {
		found := map[string]*table{}
		for _, e := range edges {
			child, parent := candidates[e.child], tables[e.parent]
			if child == nil || parent == nil {
				continue
			}
			child.owners = append(child.owners, owner{
				joinSide: joinSide{Table: parent, Columns: e.columns}, typed: e.typed,
			})
			found[e.child] = child
		}
		if len(found) == 0 {
			break
		}
		for name, t := range found {
			tables[name] = t
			delete(candidates, name)
		}
	}
	for _, e := range edges { // also those that are no owners come first
		if child := tables[e.child]; child != nil && child.hangs &&
			!slices.Contains(child.parents, e.parent) {
			child.parents = append(child.parents, e.parent)
		}
	}
	for _, t := range tables {
		slices.SortFunc(t.owners, func(a, b owner) int { return strings.Compare(a.key(), b.key()) })
		t.owners = slices.CompactFunc(t.owners, func(a, b owner) bool { return a.key() == b.key() })
	}
	p.tables = parentsFirst(slices.Collect(maps.Values(tables)))
}

func (p *Plan) byName() map[string]*table {
	tables := map[string]*table{}
	for _, t := range p.tables {
		tables[t.name] = t
	}
	return tables
}

// edge is a foreign key of a table, as a relation of models has it.
type edge struct {
	child, parent string
	columns       []tenanttable.ColumnPair
	typed         [][2]string
}

// related returns models and all that they are related to.
func related(db *gorm.DB, given []any) (list []*schema.Schema, err error) {
	seen := map[*schema.Schema]bool{}
	var visit func(model *schema.Schema)
	visit = func(model *schema.Schema) {
		if model == nil || seen[model] {
			return
		}
		seen[model] = true
		list = append(list, model)
		for _, name := range slices.Sorted(maps.Keys(model.Relationships.Relations)) {
			relation := model.Relationships.Relations[name]
			visit(relation.FieldSchema)
			visit(relation.JoinTable)
		}
	}
	for _, model := range given {
		statement := &gorm.Statement{DB: db}
		if err := statement.Parse(model); err != nil {
			return nil, fmt.Errorf("%w: %w", gormtenant.ErrInvalidModel, err)
		}
		visit(statement.Schema)
	}
	return list, nil
}

// edgesOf returns the foreign keys that the relations of a model are made of.
func edgesOf(model *schema.Schema) (edges []edge) {
	for _, name := range slices.Sorted(maps.Keys(model.Relationships.Relations)) {
		relation := model.Relationships.Relations[name]
		e := edge{child: relation.FieldSchema.Table, parent: model.Table}
		switch relation.Type {
		case schema.BelongsTo:
			e.child, e.parent = e.parent, e.child
		case schema.HasOne, schema.HasMany:
		default:
			continue // of a join table, whose model says the same
		}
		for _, ref := range relation.References {
			if ref.PrimaryKey == nil {
				e.typed = append(e.typed, [2]string{ref.ForeignKey.DBName, ref.PrimaryValue})
				continue
			}
			e.columns = append(e.columns, tenanttable.ColumnPair{
				Foreign: ref.ForeignKey.DBName, Primary: ref.PrimaryKey.DBName,
			})
		}
		if e.child != e.parent && len(e.columns) > 0 {
			edges = append(edges, e)
		}
	}
	return edges
}

// Complete returns the plan with the tables of known models without a tenant field that hang on
// rows that move by foreign keys of the database.
func (p *Plan) Complete(ctx context.Context, loc Location) (*Plan, error) {
	if len(p.candidates) == 0 {
		return p, nil
	}
	e, err := p.open(ctx, loc)
	if err != nil {
		return nil, err
	}
	defer e.close(ctx)
	full := &Plan{tenantID: p.tenantID}
	candidates := map[string]*table{}
	for _, t := range p.candidates {
		candidates[t.name] = &table{name: t.name, hangs: true}
	}
	// The keys of a candidate are looked for when it is in the plan itself: so in rounds.
	for plan := p; ; plan = full {
		if err := e.relocate(ctx, plan, loc); err != nil {
			return nil, err
		}
		references, err := e.references(ctx)
		if err != nil {
			return nil, err
		}
		var edges []edge
		for _, r := range references {
			if candidates[r.name] != nil {
				edges = append(edges, edge{
					child: r.name, parent: r.parent.name, columns: r.columns,
				})
			}
		}
		*full = Plan{tenantID: p.tenantID, tables: plan.tables}
		if len(edges) == 0 {
			break
		}
		full.attach(full.byName(), candidates, edges)
	}
	for _, name := range slices.Sorted(maps.Keys(candidates)) {
		full.candidates = append(full.candidates, candidates[name])
	}
	return full, nil
}

// stranded reports rows that refer to rows that move, and do not move themselves: they would point
// nowhere, or keep the old rows from being removed.
func (p *Plan) stranded(ctx context.Context, e side) error {
	references, err := e.references(ctx)
	if err != nil {
		return err
	}
	for _, r := range references {
		n, err := r.strangers(ctx, e)
		if err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("gormtenant: %d rows of %s refer to rows of %s that move, and would "+
				"stay behind: give the mover a model of that table that belongs to them, "+
				"or delete the rows", n, r.child, r.parent.name)
		}
	}
	return nil
}
