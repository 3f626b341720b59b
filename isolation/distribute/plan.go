package distribute

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/tenanttable"
)

// plan knows the tables, as the models describe them and as the database has them.
type plan struct {
	db     *gorm.DB
	to     Target
	tables []*table // of tenants, each after those that it refers to
	shared []*table // of Reference
	keys   []*foreignKey
	server server
}

// table is a table that is spread, or copied whole.
type table struct {
	name   string // with its schema, as GORM takes it
	quoted string
	// tenant is its tenant column, "" of one that belongs to nobody.
	tenant string
	known  *tenanttable.Table // nil of one that belongs to nobody
	model  *schema.Schema
	stored *stored // nil where there is no such table
}

// newPlan makes a plan of models.
func newPlan(db *gorm.DB, to Target, given []any) (*plan, error) {
	if err := to.validate(); err != nil {
		return nil, err
	}
	if db == nil || db.Dialector == nil || db.Name() != "postgres" {
		return nil, errors.New("gormtenant: distribute needs a *gorm.DB on Postgres")
	}
	models, references := split(given)
	known, err := tenanttable.Of(db).Closure(models...)
	switch {
	case err != nil:
		return nil, err
	case len(known) == 0 && len(models) == 0:
		return nil, errors.New("gormtenant: distribute knows no models: pass them, or name them " +
			"to the plugin with tenantplugin.Models")
	case len(known) == 0:
		return nil, fmt.Errorf("%w: none of the models has a tenant field",
			gormtenant.ErrInvalidModel)
	}
	p := &plan{db: db.Session(&gorm.Session{NewDB: true}), to: to}
	for _, k := range known {
		t := &table{name: k.Qualified(), known: k, model: k.Model}
		t.quoted = p.quote(t.name)
		if k.Field != nil {
			t.tenant = k.Field.DBName
		}
		p.tables = append(p.tables, t)
	}
	p.tables = parentsFirst(p.tables)
	return p, p.refer(references)
}

// refer adds the models of Reference.
func (p *plan) refer(models []any) error {
	for _, model := range models {
		stmt := &gorm.Statement{DB: p.db}
		if err := stmt.Parse(model); err != nil {
			return fmt.Errorf("%w: distribute.Reference of a %T: %w",
				gormtenant.ErrInvalidModel, model, err)
		}
		name := stmt.Schema.Table
		if p.named(name) != nil {
			return fmt.Errorf("%w: distribute.Reference: the table %s belongs to tenants",
				gormtenant.ErrInvalidModel, name)
		}
		if p.isShared(name) {
			continue
		}
		p.shared = append(p.shared, &table{name: name, quoted: p.quote(name), model: stmt.Schema})
	}
	return nil
}

// parentsFirst sorts tables so that each comes after those that it refers to, as far as there is no
// cycle, and else in the order of their names.
func parentsFirst(tables []*table) (sorted []*table) {
	seen := map[*table]bool{}
	var visit func(t *table)
	visit = func(t *table) {
		if seen[t] {
			return
		}
		seen[t] = true
		for _, other := range tables {
			if slices.Contains(t.known.Parents, other.name) {
				visit(other)
			}
		}
		sorted = append(sorted, t)
	}
	for _, t := range tables {
		visit(t)
	}
	return sorted
}

// named returns the tenants' table of that name, nil if it is none.
func (p *plan) named(name string) *table {
	for _, t := range p.tables {
		if t.name == name {
			return t
		}
	}
	return nil
}

func (p *plan) isShared(name string) bool {
	return slices.ContainsFunc(p.shared, func(t *table) bool { return t.name == name })
}

func (p *plan) all() []*table { return slices.Concat(p.tables, p.shared) }

// quote writes the name of a table or a column.
func (p *plan) quote(name string) string {
	return p.db.Statement.Quote(clause.Table{Name: name})
}

// list writes columns between commas.
func (p *plan) list(columns []string) string {
	quoted := make([]string, len(columns))
	for i, column := range columns {
		quoted[i] = p.db.Statement.Quote(clause.Column{Name: column})
	}
	return strings.Join(quoted, ", ")
}

// literal writes s as an SQL string.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// columns returns the names of the columns of fields.
func columns(fields []*schema.Field) (names []string) {
	for _, field := range fields {
		names = append(names, field.DBName)
	}
	return names
}

// read reads what the database has of all tables.
func (p *plan) read(ctx context.Context) error {
	p.db = p.db.WithContext(ctx)
	if err := p.readServer(); err != nil {
		return fmt.Errorf("gormtenant: reading the server: %w", err)
	}
	for _, t := range p.all() {
		if err := p.readTable(t); err != nil {
			return fmt.Errorf("gormtenant: reading the table %s: %w", t.name, err)
		}
	}
	if err := p.readKeys(); err != nil {
		return fmt.Errorf("gormtenant: reading the foreign keys: %w", err)
	}
	return nil
}

// left returns the tenants' tables that are not as the target wants them.
func (p *plan) left() (todo []*table) {
	for _, t := range p.tables {
		if !p.isDone(t) {
			todo = append(todo, t)
		}
	}
	return todo
}

// isDone reports whether a table is spread, in whatever way.
func (p *plan) isDone(t *table) bool {
	switch {
	case t.stored == nil:
		return false
	case p.to.citus:
		return t.stored.Method == methodHash || t.stored.isReference()
	}
	return t.stored.Kind == kindPartitioned
}
