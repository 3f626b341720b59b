package adopt

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/tenanttable"
)

// table is what a tenant model needs of its table.
type table struct {
	*tenanttable.Table
	name    string // with its schema, unquoted
	column  string // of the tenant
	kind    string // the type of that column for the model
	text    bool   // an empty value of that type is nobody's
	key     []string
	indexes []index      // of the model, those that hold the tenant
	keys    []foreignKey // over the tenant
}

// index is an index of a table, as the model or the database has it.
type index struct {
	name       string
	columns    []string // "" for an expression
	unique     bool
	primary    bool
	constraint bool // it belongs to a constraint of the same name
	where      string
	invalid    bool
	inTable    bool // SQLite: made by the text of the table
}

// foreignKey is a foreign key of a table, as the model or the database has it.
type foreignKey struct {
	name               string
	columns            []string
	target             string
	targets            []string
	onDelete, onUpdate string
	invalid            bool
}

// planner compares models with a database.
type planner struct {
	db     *gorm.DB
	config config
	tables []*table
	joins  []*tenanttable.Table // join tables without a tenant column
}

func newPlanner(name string, db *gorm.DB, models []any, options []Option) (*planner, error) {
	c, err := configure(name, options)
	if err != nil {
		return nil, err
	}
	if db == nil || db.Dialector == nil || db.Name() != "postgres" && db.Name() != "sqlite" {
		return nil, errors.New("gormtenant: adopt needs a *gorm.DB on Postgres or SQLite")
	}
	// What it asks and changes is nobody's in particular.
	db = db.Session(&gorm.Session{NewDB: true}).WithContext(
		gormtenant.Unscoped(db.Statement.Context, "adopt"))
	known, err := tenanttable.Of(db).Closure(models...)
	if err != nil {
		return nil, err
	}
	if len(known) == 0 {
		return nil, fmt.Errorf("%w: adopt was given no model with a tenant field: embed "+
			"models.TenantModel first", gormtenant.ErrInvalidModel)
	}
	p := &planner{db: db, config: c}
	for _, t := range known {
		if t.Field == nil {
			p.joins = append(p.joins, t)
			continue
		}
		p.tables = append(p.tables, p.want(t))
	}
	for _, t := range p.tables {
		p.wantKeys(t)
	}
	return p, nil
}

// want returns what a model needs of its table, but for foreign keys.
func (p *planner) want(known *tenanttable.Table) *table {
	t := &table{
		Table: known, name: known.Qualified(), column: known.Field.DBName,
		kind: p.db.Dialector.DataTypeOf(known.Field),
		text: known.Field.DataType == schema.String,
		key:  known.Model.PrimaryFieldDBNames,
	}
	if kind := strings.ToLower(t.kind); strings.HasPrefix(kind, "uuid") {
		t.text = false
	}
	for _, declared := range known.Model.ParseIndexes() {
		i := index{
			name: declared.Name, unique: strings.EqualFold(declared.Class, "UNIQUE"),
			where: declared.Where,
		}
		for _, option := range declared.Fields {
			if option.Expression != "" || option.Field == nil {
				i.columns = append(i.columns, "")
				continue
			}
			i.columns = append(i.columns, option.DBName)
		}
		// What GORM would make of an index with more to it is left to AutoMigrate.
		plain := declared.Type == "" && declared.Option == "" && i.where == "" &&
			!slices.Contains(i.columns, "")
		if plain && slices.Contains(i.columns, t.column) {
			t.indexes = append(t.indexes, i)
		}
	}
	return t
}

// wantKeys adds the foreign keys that the models declare between tenants' tables, over the tenant.
func (p *planner) wantKeys(t *table) {
	if p.db.DisableForeignKeyConstraintWhenMigrating {
		return
	}
	for _, other := range p.tables {
		for _, relation := range other.Model.Relationships.Relations {
			if relation.Field.IgnoreMigration || relation.Type == schema.Many2Many {
				continue
			}
			c := relation.ParseConstraint()
			if c == nil || c.Schema != t.Model {
				continue
			}
			key := foreignKey{
				name: c.Name, columns: names(c.ForeignKeys), targets: names(c.References),
				onDelete: action(c.OnDelete), onUpdate: action(c.OnUpdate),
			}
			if target := p.table(c.ReferenceSchema.Table); target != nil {
				key.target = target.name
				p.addKey(t, target, key)
			}
		}
	}
}

// addKey adds a foreign key over the tenant, once.
func (p *planner) addKey(t, target *table, key foreignKey) {
	if slices.Contains(key.columns, t.column) {
		return
	}
	key.columns = append([]string{t.column}, key.columns...)
	key.targets = append([]string{target.column}, key.targets...)
	if key.onUpdate != "" && key.onUpdate != "CASCADE" {
		key.onUpdate = ""
	}
	if !slices.ContainsFunc(t.keys, func(k foreignKey) bool { return k.same(key) }) {
		t.keys = append(t.keys, key)
	}
}

// same reports whether both tie the same columns.
func (k foreignKey) same(other foreignKey) bool {
	return k.target == other.target && slices.Equal(k.columns, other.columns) &&
		slices.Equal(k.targets, other.targets)
}

func (p *planner) table(name string) *table {
	for _, t := range p.tables {
		if strings.EqualFold(t.name, name) {
			return t
		}
	}
	return nil
}

func names(fields []*schema.Field) []string {
	list := make([]string, len(fields))
	for i, field := range fields {
		list[i] = field.DBName
	}
	return list
}

// action returns an ON DELETE or ON UPDATE, "" for NO ACTION.
func action(text string) string {
	text = strings.ToUpper(strings.TrimSpace(text))
	if text == "NO ACTION" {
		return ""
	}
	return text
}

// quote writes the name of a table or a column.
func (p *planner) quote(name string) string {
	return p.db.Statement.Quote(clause.Table{Name: name})
}

// list writes names in parentheses.
func (p *planner) list(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = p.db.Statement.Quote(clause.Column{Name: name})
	}
	return "(" + strings.Join(quoted, ", ") + ")"
}

// literal writes the tenant of the option Tenant as a table's column holds it.
func (p *planner) literal(t *table) (string, error) {
	if p.config.tenant == nil {
		return "", fmt.Errorf("gormtenant: adopt: rows of %s name no tenant: say whose they are "+
			"with adopt.Tenant(id)", t.name)
	}
	row := reflect.New(t.Model.ModelType).Elem()
	ctx := p.db.Statement.Context
	if err := t.Field.Set(ctx, row, p.config.tenant); err != nil {
		return "", fmt.Errorf("%w: %s.%s: %w", gormtenant.ErrInvalidID, t.name, t.column, err)
	}
	held, zero := t.Field.ValueOf(ctx, row)
	if zero {
		return "", fmt.Errorf("%w: %s.%s", gormtenant.ErrInvalidID, t.name, t.column)
	}
	value, err := driver.DefaultParameterConverter.ConvertValue(held)
	if err != nil {
		return "", fmt.Errorf("%w: %s.%s: %w", gormtenant.ErrInvalidID, t.name, t.column, err)
	}
	switch v := value.(type) {
	case int64:
		return strconv.FormatInt(v, 10), nil
	case string:
		return text(v), nil
	}
	return "", fmt.Errorf("%w: %s.%s: a %T cannot be written as SQL text",
		gormtenant.ErrInvalidID, t.name, t.column, value)
}

// text writes a text as SQL.
func text(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// nobody is true for rows that name no tenant.
func (p *planner) nobody(t *table) string {
	column := p.db.Statement.Quote(clause.Column{Name: t.column})
	if t.text {
		return "(" + column + " IS NULL OR " + column + " = '')"
	}
	return column + " IS NULL"
}

// made returns a name for what this package makes beside something of that name.
func made(name string) string {
	name = "gormtenant_" + name
	if len(name) <= longestName {
		return name
	}
	sum := fmt.Sprintf("_%08x", crc32.ChecksumIEEE([]byte(name)))
	return strings.ToValidUTF8(name[:longestName-len(sum)], "") + sum
}

// longestName is the number of bytes of a name that Postgres looks at (NAMEDATALEN - 1).
const longestName = 63
