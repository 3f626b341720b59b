package transfer

import (
	"errors"
	"fmt"
	"slices"
	"sort"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/tenantname"
	"github.com/gormtenant/gormtenant/internal/tenanttable"
)

// Plan is what is moved of one tenant: which tables, and which of their rows. It is safe for
// concurrent use.
type Plan struct {
	tenantID string
	tables   []*table
	// candidates are the tables of known models that are nobody's as far as the models say.
	candidates []*table
}

// table is the table of a tenant model, a join table whose rows belong to the tenants of the rows
// that they join, or a table that hangs on others.
type table struct {
	name    string
	column  string   // of the tenant, "" where the owners say whose a row is
	further []string // more columns of the tenant, in a join table of keys with the tenant in them
	owners  []owner
	hangs   bool     // a row belongs to the tenant of any owner, and may have none
	parents []string // the tables that its rows refer to
}

// joinSide is a table with a tenant that a join table refers to.
type joinSide = tenanttable.Side[*table]

// owner is a table by whose rows it is known whose a row is.
type owner struct {
	joinSide
	typed [][2]string // columns of a polymorphic key, and their values
}

// key tells an owner from others.
func (o owner) key() string { return fmt.Sprint(o.Columns, o.typed, o.Table.name) }

// Read finds the tables of a tenant: those of the given tenant models, of the models that they are
// related to, and of many2many relations, and the further names of these tables that were declared
// or migrated. Models without a tenant field are moved only where they refer to others that are,
// and are not declared shared: see also [Plan.Complete]. Given no models, Read takes those that the
// plugin of db knows. Nothing is read from the database.
func Read(db *gorm.DB, tenant any, given ...any) (*Plan, error) {
	text, err := tenantname.TextOf(tenant)
	if err != nil {
		return nil, err
	}
	if text == "" {
		return nil, gormtenant.ErrNoTenant
	}
	known, err := tenanttable.Of(db).Closure(given...)
	if err != nil {
		return nil, err
	}
	if len(known) == 0 && len(given) == 0 {
		return nil, errors.New("gormtenant: moving a tenant parents its models: " +
			"pass them, or name them to the plugin with tenantplugin.Models")
	}
	if len(known) == 0 {
		return nil, fmt.Errorf("%w: none of the models has a tenant field",
			gormtenant.ErrInvalidModel)
	}
	tables, err := tablesOf(known)
	if err != nil {
		return nil, err
	}
	p := &Plan{tenantID: text, tables: parentsFirst(tables)}
	return p, p.hanging(db, given)
}

// tablesOf returns what has to be known of tables to move their rows.
func tablesOf(known []*tenanttable.Table) ([]*table, error) {
	tables := make([]*table, len(known))
	number := map[*tenanttable.Table]*table{}
	for i, k := range known {
		if k.Schema != "" {
			return nil, namedWithSchema(k.Qualified())
		}
		tables[i] = &table{name: k.Qualified(), parents: k.Parents}
		if k.Field != nil {
			tables[i].column = k.Field.DBName
			for _, field := range k.Fields[1:] {
				tables[i].further = append(tables[i].further, field.DBName)
			}
		}
		number[k] = tables[i]
	}
	for i, k := range known {
		for _, joined := range tenanttable.Sides(k, number) {
			tables[i].owners = append(tables[i].owners, owner{joinSide: joined})
		}
	}
	return tables, nil
}

// Tables returns the names of the tables, each after those that it refers to.
func (p *Plan) Tables() []string {
	names := make([]string, len(p.tables))
	for i, t := range p.tables {
		names[i] = t.name
	}
	return names
}

func parentsFirst(tables []*table) []*table {
	sort.Slice(tables, func(i, j int) bool { return tables[i].name < tables[j].name })
	number := map[string]int{}
	for i, t := range tables {
		number[t.name] = i
	}
	var sorted []*table
	parents := func(i int) []int { return known(tables[i].parents, number) }
	for _, group := range groups(len(tables), parents) {
		slices.Sort(group)
		for _, i := range group {
			sorted = append(sorted, tables[i])
		}
	}
	return sorted
}

// known returns the numbers of names, without those that have none.
func known(names []string, number map[string]int) []int {
	var numbers []int
	for _, name := range names {
		if i, ok := number[name]; ok {
			numbers = append(numbers, i)
		}
	}
	slices.Sort(numbers)
	return numbers
}
