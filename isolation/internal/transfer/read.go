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
}

// table is the table of a tenant model, or a join table whose rows belong to the tenants of the
// rows that they join.
type table struct {
	name    string
	column  string // of the tenant, "" for a join table
	owners  []joinSide
	parents []string // the tables that its rows refer to
}

// joinSide is a tenant model's table that a join table refers to.
type joinSide = tenanttable.Side[*table]

// Read finds the tables of a tenant: those of the given tenant models, of the models that they are
// related to, and of many2many relations, and the further names of these tables that were declared
// or migrated. Models without a tenant field are not moved. Given no models, Read takes those that
// the plugin of db knows. Nothing is read from the database.
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
	return &Plan{tenantID: text, tables: parentsFirst(tables)}, nil
}

// tablesOf returns what has to be known of tables to move their rows.
func tablesOf(known []*tenanttable.Table) ([]*table, error) {
	tables := make([]*table, len(known))
	number := map[*tenanttable.Table]*table{}
	for i, k := range known {
		if k.Schema != "" {
			return nil, fmt.Errorf("%w: the table %s is named with its schema, so its rows cannot "+
				"be moved to another: leave the schema to the search path",
				gormtenant.ErrInvalidModel, k.Qualified())
		}
		tables[i] = &table{name: k.Qualified(), parents: k.Parents}
		if k.Field != nil {
			tables[i].column = k.Field.DBName
		}
		number[k] = tables[i]
	}
	for i, k := range known {
		tables[i].owners = tenanttable.Sides(k, number)
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
