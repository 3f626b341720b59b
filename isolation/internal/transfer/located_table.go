package transfer

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// locatedTable is a table of the plan at a place.
type locatedTable struct {
	*table
	qualifiedName string   // as SQL
	columns       []column // without generated ones
	where         string   // which rows are the tenant's
	oid           string   // on Postgres
	policed       bool     // row-level security holds the role
	key           []keyColumn
}

// column is one of a located table. Both sides of a transfer agree on its kind.
type column struct {
	name     string
	kind     columnType
	declared string // the type, as the database calls it
}

// side is one side of a transfer.
type side interface {
	tables() []*locatedTable
	// each calls row for each row of the tenant. The values are those that SQLite would keep: nil,
	// int64, float64, string, []byte.
	each(ctx context.Context, s *locatedTable, columns []column, row func(values []any) error) error
	count(ctx context.Context, from, where string) (int64, error)
	// lastGiven returns the last key that the place gave to a column by itself, 0 if none.
	lastGiven(ctx context.Context, s *locatedTable, column string) (int64, error)
	// references returns the foreign keys to the tables.
	references(ctx context.Context) ([]reference, error)
	// relocate makes the tables those of another plan.
	relocate(ctx context.Context, p *Plan, loc Location) error
	close(ctx context.Context)
}

// writer takes rows.
type writer interface {
	write(values []any) error
	// finish returns how many rows arrived. With an error it takes them back.
	finish(err error) (int64, error)
}

// open opens the source of a transfer, or a place to look at.
func (p *Plan) open(ctx context.Context, from Location) (side, error) {
	_, dialect, err := from.pool()
	if err != nil {
		return nil, err
	}
	if dialect == onPostgres {
		return openPostgres(ctx, p, from, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
	}
	return openSQLite(ctx, p, from, false)
}

// predicates fills in which rows are the tenant's, once it is known where all tables are.
func (p *Plan) predicates(shared bool, spots []*locatedTable, literal func(string) string) {
	at := places(spots)
	for _, s := range spots {
		w := &whose{p, at, literal}
		switch {
		case !shared && s.hangs:
			s.where = "(" + strings.Join(each(s.owners, func(o owner) string {
				return w.refers(o, s.qualifiedName)
			}), " OR ") + ")"
		case !shared:
			s.where = "1 = 1"
		case s.column != "":
			s.where = strings.Join(w.columns(s.table, ""), " AND ")
		case s.hangs:
			s.where = "(" + strings.Join(w.owned(s.table, s.qualifiedName, 0), " OR ") + ")"
		default:
			s.where = strings.Join(w.owned(s.table, s.qualifiedName, 0), " AND ")
		}
	}
}

// places returns where tables are.
func places(spots []*locatedTable) map[string]string {
	at := map[string]string{}
	for _, s := range spots {
		at[s.name] = s.qualifiedName
	}
	return at
}

func each[T any](list []T, text func(T) string) []string {
	texts := make([]string, len(list))
	for i, one := range list {
		texts[i] = text(one)
	}
	return texts
}

// whose writes conditions on whose a row is.
type whose struct {
	*Plan
	at      map[string]string
	literal func(string) string
}

// columns returns a condition for each tenant column of a row: that it holds the tenant.
func (w *whose) columns(t *table, row string) []string {
	return each(append([]string{t.column}, t.further...), func(column string) string {
		return row + quoted(column) + " = " + w.literal(w.tenantID)
	})
}

// owned returns a condition for each owner of a row: that it is the tenant's.
func (w *whose) owned(t *table, row string, depth int) []string {
	alias := fmt.Sprintf("gormtenant_owner_%d", depth) // hardly what a table is called
	return each(t.owners, func(o owner) string {
		is := w.columns(o.Table, alias+".")
		if o.Table.column == "" {
			is = []string{"(" + strings.Join(w.owned(o.Table, alias, depth+1), " OR ") + ")"}
		}
		return w.exists(o, row, alias) + " AND " + strings.Join(is, " AND ") + ")"
	})
}

// seen returns a condition for each owner of a row: that it is there.
func (w *whose) seen(t *table, row string) []string {
	return each(t.owners, func(o owner) string {
		return w.exists(o, row, "gormtenant_owner") + ")"
	})
}

// exists begins a condition that there is such an owner.
func (w *whose) exists(o owner, row, alias string) string {
	terms := w.typed(o, row)
	for _, c := range o.Columns {
		terms = append(terms, alias+"."+quoted(c.Primary)+" = "+row+"."+quoted(c.Foreign))
	}
	return "EXISTS (SELECT 1 FROM " + w.at[o.Table.name] + " AS " + alias + " WHERE " +
		strings.Join(terms, " AND ")
}

// refers returns the condition that a row names an owner at all.
func (w *whose) refers(o owner, row string) string {
	terms := w.typed(o, row)
	for _, c := range o.Columns {
		terms = append(terms, row+"."+quoted(c.Foreign)+" IS NOT NULL")
	}
	return "(" + strings.Join(terms, " AND ") + ")"
}

func (w *whose) typed(o owner, row string) []string {
	return each(o.typed, func(t [2]string) string {
		return row + "." + quoted(t[0]) + " = " + w.literal(t[1])
	})
}

// strange is the condition of rows that are not the tenant's alone, "" where there can be none.
func (w *whose) strange(s *locatedTable, shared bool) string {
	columns := func() (one, all string) {
		terms := w.columns(s.table, "")
		return strings.Join(terms, " OR "), strings.Join(terms, " AND ")
	}
	owned := func() (terms []string, one, all string) {
		terms = w.owned(s.table, s.qualifiedName, 0)
		return terms, strings.Join(terms, " OR "), strings.Join(terms, " AND ")
	}
	switch {
	case !shared && s.column != "":
		_, all := columns()
		return "(" + all + ") IS NOT TRUE"
	case shared && s.column != "" && len(s.further) > 0:
		some, all := columns()
		return "(" + some + ") AND (" + all + ") IS NOT TRUE"
	case shared && s.hangs && len(s.owners) > 1:
		mine, some, _ := owned()
		seen := w.seen(s.table, s.qualifiedName)
		for i := range seen {
			seen[i] += " AND NOT " + mine[i]
		}
		return "(" + some + ") AND (" + strings.Join(seen, " OR ") + ")"
	case shared && s.column == "" && len(s.owners) > 1:
		_, some, all := owned()
		return "(" + some + ") AND NOT (" + all + ")"
	}
	return ""
}

// foreign reports rows that belong to several tenants, or to another one, and so can be neither
// moved nor left behind.
func (p *Plan) foreign(
	ctx context.Context, e side, shared bool, literal func(string) string,
) error {
	w := &whose{p, places(e.tables()), literal}
	for _, s := range e.tables() {
		stranger := w.strange(s, shared)
		if stranger == "" {
			continue
		}
		n, err := e.count(ctx, s.qualifiedName, stranger)
		if err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("gormtenant: %d rows of %s are not the tenant's alone: "+
				"fix them before the tenant is moved", n, s.name)
		}
	}
	return nil
}

// match compares the columns of both sides, and gives those of the source the kinds that both agree
// on.
func match(from, to []*locatedTable, sameServer bool) error {
	for i, source := range from {
		target := to[i]
		for k := range source.columns {
			c := &source.columns[k]
			j := slices.IndexFunc(target.columns, func(o column) bool { return o.name == c.name })
			if j < 0 {
				return fmt.Errorf("gormtenant: the column %s of %s is not there in the place to "+
					"move to: migrate it first", c.name, source.name)
			}
			other := target.columns[j]
			if sameServer && other.declared != c.declared {
				return fmt.Errorf("gormtenant: the column %s of %s is of the type %s, "+
					"and %s in the place to move to: migrate one of them first",
					c.name, source.name, c.declared, other.declared)
			}
			switch {
			case c.kind == asStored:
				c.kind = other.kind.withAffinity(c.declared)
			case other.kind == asStored:
				c.kind = c.kind.withAffinity(other.declared)
			}
		}
		for _, c := range target.columns {
			if !slices.ContainsFunc(source.columns,
				func(o column) bool { return o.name == c.name }) {
				return fmt.Errorf("gormtenant: the column %s of %s is there only in the place to "+
					"move to: migrate the tenant first", c.name, source.name)
			}
		}
	}
	return nil
}
