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
	cascades(ctx context.Context) ([]reference, error)
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
	at := map[string]string{}
	for _, s := range spots {
		at[s.name] = s.qualifiedName
	}
	for _, s := range spots {
		switch {
		case !shared:
			s.where = "1 = 1"
		case s.column != "":
			s.where = quoted(s.column) + " = " + literal(p.tenantID)
		default:
			s.where = strings.Join(p.owned(s, s.qualifiedName, at, literal), " AND ")
		}
	}
}

// owned returns a condition for each owner of a join table's row: that it is the tenant's.
func (p *Plan) owned(
	s *locatedTable, row string, at map[string]string, literal func(string) string,
) []string {
	var terms []string
	for _, o := range s.owners {
		terms = append(terms, ownerExists(o, row, at)+" AND "+ownerAlias+"."+quoted(o.Table.column)+
			" = "+literal(p.tenantID)+")")
	}
	return terms
}

// ownerAlias stands for an owner's table. A join table may be called anything, but hardly this.
const ownerAlias = "gormtenant_owner"

// ownerExists begins a condition that there is such an owner.
func ownerExists(o joinSide, row string, at map[string]string) string {
	terms := make([]string, len(o.Columns))
	for i, c := range o.Columns {
		terms[i] = ownerAlias + "." + quoted(c.Primary) + " = " + row + "." + quoted(c.Foreign)
	}
	return "EXISTS (SELECT 1 FROM " + o.Table.in(at) + " AS " + ownerAlias + " WHERE " +
		strings.Join(terms, " AND ")
}

func (t *table) in(at map[string]string) string { return at[t.name] }

// foreign reports rows that belong to several tenants, or to another one, and so can be neither
// moved nor left behind.
func (p *Plan) foreign(
	ctx context.Context, e side, shared bool, literal func(string) string,
) error {
	at := map[string]string{}
	for _, s := range e.tables() {
		at[s.name] = s.qualifiedName
	}
	for _, s := range e.tables() {
		var stranger string
		switch {
		case !shared && s.column != "":
			stranger = "NOT (" + quoted(s.column) + " = " + literal(p.tenantID) + ") OR " +
				quoted(s.column) + " IS NULL"
		case shared && len(s.owners) > 1:
			owned := p.owned(s, s.qualifiedName, at, literal)
			stranger = "(" + strings.Join(owned, " OR ") + ") AND NOT (" +
				strings.Join(owned, " AND ") + ")"
		default:
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
