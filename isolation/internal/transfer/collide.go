package transfer

import (
	"context"
	"fmt"
	"strings"
)

// Collision is what stands in the way of a copy in the target.
type Collision struct {
	// Table is where.
	Table string
	// Leftover says that rows of the tenant itself are there, from an earlier stay or attempt. In a
	// place of the tenant's own it is any row.
	Leftover bool
	// Columns are those of the primary key or unique index in which the tenant's rows are like
	// those of others. There are none for a leftover.
	Columns []string
	// Count is how many rows of the tenant collide, or are left.
	Count int64
	// Keys are some of the colliding values, at most five. They are the tenant's own.
	Keys []string
}

// String says what it is.
func (c Collision) String() string {
	if c.Leftover {
		return fmt.Sprintf("%s: %d rows of the tenant are there already", c.Table, c.Count)
	}
	return fmt.Sprintf("%s: (%s) of %d rows is taken: %s", c.Table, strings.Join(c.Columns, ", "),
		c.Count, strings.Join(c.Keys, "; "))
}

// someKeys is how many keys a Collision has at most.
const someKeys = 5

// Collisions looks for what would make [Plan.Copy] fail in the target: rows of the tenant that are
// there, and in shared tables keys and unique values that others have. It keeps nothing. On SQLite
// it does not look at unique indexes of expressions and of parts of a table; on Postgres not past
// policies that hold the role, nor at exclusion constraints. What it misses makes Copy fail, which
// then leaves nothing either. Rows of the source that cannot move, or would stay behind though they
// refer to rows that move, are an error.
func (p *Plan) Collisions(ctx context.Context, from, to Location) ([]Collision, error) {
	if err := apart(from, to); err != nil {
		return nil, err
	}
	source, err := p.open(ctx, from)
	if err != nil {
		return nil, err
	}
	defer source.close(ctx)
	_, dialect, err := to.pool()
	if err != nil {
		return nil, err
	}
	if err := p.foreign(ctx, source, from.Shared, literalOf(source)); err != nil {
		return nil, err
	}
	if err := p.stranded(ctx, source); err != nil {
		return nil, err
	}
	target := side(nil)
	var look func(source *locatedTable, target *locatedTable) ([]Collision, error)
	if dialect == onPostgres {
		e, err := openPostgres(ctx, p, to, "BEGIN")
		if err != nil {
			return nil, err
		}
		target, look = e, func(s, t *locatedTable) ([]Collision,
			error,
		) {
			return e.collisions(ctx, source, s, t)
		}
	} else {
		e, err := openSQLite(ctx, p, to, true)
		if err != nil {
			return nil, err
		}
		target, look = e, func(s, t *locatedTable) ([]Collision,
			error,
		) {
			return e.collisions(ctx, source, s, t)
		}
	}
	defer target.close(ctx)
	_, same := source.(*postgresSide)
	if err := match(source.tables(), target.tables(), same && dialect == onPostgres); err != nil {
		return nil, err
	}
	var found []Collision
	for i, t := range target.tables() {
		n, err := target.count(ctx, t.qualifiedName, t.where)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			found = append(found, Collision{Table: t.name, Leftover: true, Count: n})
		}
		if !to.Shared || t.column == "" && !t.hangs {
			continue // the key of a join table's row is that of the rows that it joins
		}
		more, err := look(source.tables()[i], t)
		if err != nil {
			return nil, fmt.Errorf("gormtenant: looking for collisions in %s: %w", t.name, err)
		}
		found = append(found, more...)
	}
	return found, nil
}

// unique is a unique index, or a primary key.
type unique struct {
	columns []string // or expressions, as SQL
	where   string   // of a partial index
}

// query finds the keys of staged rows that others have.
func (u unique) query(staged, at, others, keyText string) string {
	keys, on := make([]string, len(u.columns)), make([]string, len(u.columns))
	for i, c := range u.columns {
		keys[i] = fmt.Sprintf("%s AS k%d", c, i)
		on[i] = fmt.Sprintf("t.k%d = s.k%d", i, i)
	}
	from := "SELECT " + strings.Join(keys, ", ") + " FROM "
	where := ""
	if u.where != "" {
		where = " AND (" + u.where + ")"
	}
	return "SELECT " + keyText + " AS found FROM (" + from + staged + " WHERE 1 = 1" + where +
		") AS s JOIN (" +
		from + at + " WHERE " + others + where + ") AS t ON " + strings.Join(on, " AND ")
}

func (u unique) names() []string {
	names := make([]string, len(u.columns))
	for i, c := range u.columns {
		names[i] = strings.Trim(c, `"`)
	}
	return names
}

// others is the condition of rows that are not the tenant's, in shared tables.
func (s *locatedTable) others() string { return "(" + s.where + ") IS NOT TRUE" }

// subset returns the table with some of its columns.
func (s *locatedTable) subset(names map[string]bool) *locatedTable {
	part := *s
	part.columns = nil
	for _, c := range s.columns {
		if names[c.name] {
			part.columns = append(part.columns, c)
		}
	}
	return &part
}
