package adopt

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// step is one statement of the way, whole in itself.
type step struct {
	sql  string
	why  string // for Check
	fill *table // sql is run in batches over this table
}

// planPostgres returns what is left to do: phase by phase over all tables, so that a foreign key
// finds the index that it refers to.
func (p *planner) planPostgres(db *gorm.DB) ([]step, error) {
	var columns, indexes, keys, last []step
	for _, t := range p.tables {
		l, err := p.existing(db, t)
		if err != nil {
			return nil, err
		}
		steps, defaulted, err := p.columnSteps(db, t, l)
		if err != nil {
			return nil, err
		}
		columns = append(columns, steps...)
		more, err := p.indexSteps(db, t, l)
		if err != nil {
			return nil, err
		}
		indexes = append(indexes, more...)
		keys = append(keys, p.keySteps(t, l)...)
		if defaulted && !p.config.keepDefault {
			last = append(last, step{
				sql: p.alter(t) + "ALTER COLUMN " + p.column(t) + " DROP DEFAULT",
				why: "a DEFAULT of the tenant column makes rows that are written past the " +
					"plugin somebody's, in silence",
			})
		}
	}
	return slices.Concat(columns, indexes, keys, last), nil
}

func (p *planner) alter(t *table) string { return "ALTER TABLE " + p.quote(t.name) + " " }

func (p *planner) column(t *table) string {
	return p.db.Statement.Quote(clause.Column{Name: t.column})
}

// columnSteps makes the tenant column, fills it, and makes it NOT NULL. defaulted reports whether
// it has a default then.
func (p *planner) columnSteps(
	db *gorm.DB, t *table, l *live,
) (steps []step, defaulted bool, err error) {
	name, column := p.quote(t.name), p.column(t)
	add := func(why, format string, args ...any) {
		steps = append(steps, step{sql: fmt.Sprintf(format, args...), why: why})
	}
	c := l.column(t.column)
	rows := true
	condition := "TRUE"
	if c != nil {
		condition = p.nobody(t)
	}
	if err = db.Raw("SELECT EXISTS (SELECT FROM " + name + " WHERE " + condition + ")").
		Row().Scan(&rows); err != nil {
		return nil, false, fmt.Errorf("gormtenant: adopt: reading %s: %w", t.name, err)
	}
	if c == nil {
		add("the tenant column is missing", "%sADD COLUMN %s %s", p.alter(t), column, t.kind)
	}
	defaulted = c != nil && c.def != ""
	if rows || c == nil || !c.notNull {
		literal := ""
		if p.config.tenant != nil || rows {
			if literal, err = p.literal(t); err != nil {
				return nil, false, err
			}
		}
		if literal != "" && (c == nil || !c.notNull && c.def == "") {
			defaulted = true
			add("rows that are written meanwhile would name no tenant",
				"%sALTER COLUMN %s SET DEFAULT %s", p.alter(t), column, literal)
		}
		if rows || c == nil && literal != "" {
			steps = append(steps, step{
				sql: fmt.Sprintf("UPDATE %s SET %s = %s WHERE %s",
					name, column, literal, p.nobody(t)),
				why: "rows name no tenant", fill: t,
			})
		}
	}
	if c == nil || !c.notNull {
		why, check := "the tenant column is not NOT NULL", p.db.Statement.Quote(t.checkName())
		if l.check == "" {
			add(why, "%sADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID", p.alter(t), check,
				column)
		}
		if l.check != "valid" {
			add(why, "%sVALIDATE CONSTRAINT %s", p.alter(t), check)
		}
		add(why, "%sALTER COLUMN %s SET NOT NULL, DROP CONSTRAINT %s", p.alter(t), column, check)
	} else if l.check != "" {
		add("a check is left", "%sDROP CONSTRAINT %s", p.alter(t),
			p.db.Statement.Quote(t.checkName()))
	}
	return steps, defaulted, nil
}

// definition is the text of an index as Postgres prints it.
var definition = regexp.MustCompile(`^CREATE (UNIQUE )?INDEX .+? ON .+? USING (\w+) \(`)

// indexSteps makes the index over (tenant, key), and swaps those that do not hold the tenant.
func (p *planner) indexSteps(db *gorm.DB, t *table, l *live) ([]step, error) {
	var steps []step
	add := func(why, sql string) { steps = append(steps, step{sql: sql, why: why}) }
	quote := func(name string) string { return p.db.Statement.Quote(clause.Column{Name: name}) }
	place := func(name string) string { // Indexes are where their table is.
		if t.Schema != "" {
			return quote(t.Schema) + "." + quote(name)
		}
		return quote(name)
	}
	for _, i := range l.indexes {
		if i.invalid && strings.HasPrefix(i.name, "gormtenant_") {
			add("an index was not finished", "DROP INDEX CONCURRENTLY "+place(i.name))
		}
	}
	if !l.holdsKey(t) {
		add("there is no unique index over the tenant and the primary key",
			"CREATE UNIQUE INDEX CONCURRENTLY "+quote(t.keyIndex())+" ON "+p.quote(t.name)+" "+
				p.list(t.tenantKey()))
	}
	for _, s := range p.swaps(t, l) {
		unique := ""
		if s.want.unique {
			unique = "UNIQUE "
		}
		create := func(name string) string {
			return "CREATE " + unique + "INDEX CONCURRENTLY " + quote(name) + " ON " +
				p.quote(t.name) + " "
		}
		if s.old == nil {
			add("there is no index "+s.want.name, create(s.want.name)+p.list(s.want.columns))
			continue
		}
		why := "the index " + s.old.name + " does not begin with the tenant"
		if !s.like {
			why = "the index " + s.old.name + " is another one than the model's"
		}
		temporary := made(s.old.name)
		if there := l.index(temporary); there == nil || there.invalid {
			body := p.list(s.want.columns)
			if s.like { // It may have expressions, a predicate, and classes of operators.
				var text string
				err := db.Raw("SELECT pg_get_indexdef(to_regclass(?))", place(s.old.name)).
					Row().Scan(&text)
				head := definition.FindString(text)
				if err != nil || head == "" {
					return nil, fmt.Errorf("gormtenant: adopt: reading the index %s: %q: %w",
						s.old.name, text, err)
				}
				body = "(" + p.column(t) + ", " + strings.TrimPrefix(text, head)
			}
			add(why, create(temporary)+body)
		}
		if s.old.constraint {
			add(why, p.alter(t)+"DROP CONSTRAINT "+quote(s.old.name)+", ADD CONSTRAINT "+
				quote(s.old.name)+" UNIQUE USING INDEX "+quote(temporary))
			continue
		}
		// Two statements of one text are one transaction.
		add(why, "DROP INDEX "+place(s.old.name)+"; ALTER INDEX "+place(temporary)+" RENAME TO "+
			quote(s.old.name))
	}
	return steps, nil
}

// keySteps puts foreign keys over the tenant in the place of those that are not.
func (p *planner) keySteps(t *table, l *live) []step {
	var steps []step
	quote := func(name string) string { return p.db.Statement.Quote(clause.Column{Name: name}) }
	for _, want := range p.wanted(t, l) {
		why := "the foreign key " + want.name + " does not hold the tenant"
		add := func(sql string) { steps = append(steps, step{sql: sql, why: why}) }
		there, plain := l.key(want), l.plain(want)
		name := want.name
		if there == nil {
			if plain != nil {
				name = made(want.name)
			}
			add(p.alter(t) + "ADD CONSTRAINT " + quote(name) + " FOREIGN KEY " +
				p.list(want.columns) + " REFERENCES " + p.quote(want.target) + " " +
				p.list(want.targets) + p.actions(want) + " NOT VALID")
		} else {
			name = there.name
		}
		if there == nil || there.invalid {
			add(p.alter(t) + "VALIDATE CONSTRAINT " + quote(name))
		}
		if plain != nil {
			add(p.alter(t) + "DROP CONSTRAINT " + quote(plain.name) + "; " + p.alter(t) +
				"RENAME CONSTRAINT " + quote(name) + " TO " + quote(plain.name))
		}
	}
	return steps
}

// actions writes ON DELETE and ON UPDATE. SET NULL must leave the tenant as it is.
func (p *planner) actions(k foreignKey) string {
	text := ""
	switch k.onDelete {
	case "":
	case "SET NULL", "SET DEFAULT":
		text = " ON DELETE " + k.onDelete + " " + p.list(k.columns[1:])
	default:
		text = " ON DELETE " + k.onDelete
	}
	if k.onUpdate == "CASCADE" {
		text += " ON UPDATE CASCADE"
	}
	return text
}
