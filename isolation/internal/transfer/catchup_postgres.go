package transfer

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gormtenant/gormtenant/internal/pgsession"
)

// catchUp takes over the changes that were noted: it makes the rows with these keys at the target
// what they are at the source, compares them, and returns how many keys there were. What it has
// taken over leaves the log when it is there, so that whatever happens, nothing is passed over.
func (f *Following) catchUp(ctx context.Context) (n int64, err error) {
	source, err := openPostgres(ctx, f.plan, f.from, "BEGIN ISOLATION LEVEL REPEATABLE READ")
	if err != nil {
		return 0, err
	}
	defer source.close(ctx)
	changes, err := f.noted(ctx, source)
	if err != nil || f.full {
		return 0, err
	}
	target, err := openPostgres(ctx, f.plan, f.to, "BEGIN")
	if err != nil {
		return 0, err
	}
	defer target.close(ctx)
	if err := target.pass(ctx, f.plan, arrival); err != nil {
		return 0, err
	}
	if err := match(source.list, target.list, true); err != nil {
		return 0, err
	}
	var apply []*change
	for i, s := range source.list {
		if keys := changes[s.name]; len(keys) > 0 {
			n += int64(len(keys))
			apply = append(apply, &change{n: len(apply), from: s, into: target.list[i], keys: keys})
		}
	}
	if err := f.takeOver(ctx, source, target, apply); err != nil || f.full {
		return 0, err
	}
	if err := target.exec(ctx, "COMMIT"); err != nil {
		return 0, fmt.Errorf("gormtenant: committing changes: %w", err)
	}
	return n, source.exec(ctx, "COMMIT")
}

// noted takes the keys from the log, by table.
func (f *Following) noted(ctx context.Context, source *postgresSide) (map[string][]string, error) {
	fence := &fence{digest: f.plan.digest(), schema: f.from.Schema}
	var err error
	if fence.schema == "" {
		if fence.schema, err = source.value(ctx, "SELECT current_schema()"); err != nil {
			return nil, err
		}
	}
	rows, err := source.query(ctx, "WITH noted AS (DELETE FROM "+fence.logTable()+
		" RETURNING place, key) SELECT DISTINCT place, key FROM noted")
	if err != nil {
		return nil, fmt.Errorf("gormtenant: reading what has changed: %w", err)
	}
	changes := map[string][]string{}
	for _, row := range rows {
		if string(row[0]) == everything {
			f.full = true
			return nil, nil
		}
		changes[string(row[0])] = append(changes[string(row[0])], string(row[1]))
	}
	return changes, nil
}

// advance sets sequences past the keys that came, and those that were given since.
func (f *Following) advance(
	ctx context.Context, source, target *postgresSide, changes []*change,
) error {
	return advance(ctx, target, f.to, func(i int, column string) (int64, error) {
		given, err := source.lastGiven(ctx, source.list[i], column)
		if err != nil {
			return 0, err
		}
		for _, c := range changes {
			if c.into != target.list[i] {
				continue
			}
			came, err := target.value(ctx, "SELECT coalesce(max("+quoted(column)+"), 0) FROM "+
				c.rows)
			if err != nil {
				return 0, err
			}
			greatest, err := strconv.ParseInt(came, 10, 64)
			if err != nil {
				return 0, err
			}
			given = max(given, greatest)
		}
		return given, nil
	})
}

// change is what has changed in one table.
type change struct {
	n          int
	from, into *locatedTable
	keys       []string // as JSON arrays
	rows       string   // the temporary table of the rows as they are now
	columns    []string // of the key, as SQL
}

// among is the condition that a row has one of the keys.
func (c *change) among(key []keyColumn) string {
	values := make([]string, len(key))
	for i, k := range key {
		values[i] = "(key ->> " + strconv.Itoa(i) + ")::" + k.declared
	}
	return "(" + strings.Join(c.columns, ", ") + ") IN (SELECT " + strings.Join(values, ", ") +
		" FROM jsonb_array_elements(" + pgsession.Literal("["+strings.Join(c.keys, ", ")+"]") +
		"::jsonb) AS keys (key))"
}

// takeOver sets sequences, and brings the rows of all changed tables to temporary tables, and from
// there to the target in one statement, after which the server looks at foreign keys.
func (f *Following) takeOver(
	ctx context.Context, source, target *postgresSide, changes []*change,
) error {
	here, there := make([]string, len(changes)), make([]string, len(changes))
	for i, c := range changes {
		key, err := source.primaryKey(ctx, c.from.oid)
		if err != nil {
			return err
		}
		c.columns = each(key, func(k keyColumn) string { return quoted(k.name) })
		here[i] = "(" + c.from.where + ") AND " + c.among(key)
		there[i] = "(" + c.into.where + ") AND " + c.among(key)
		if c.rows, err = target.stage(ctx, c.into, c.from.columns); err != nil {
			return err
		}
		_, err = pipe(ctx, source, target, "SELECT "+list(c.from.columns)+" FROM "+
			c.from.qualifiedName+" WHERE "+here[i], copyIn(c.rows, c.from.columns),
			func(int64) {})
		if err != nil {
			return fmt.Errorf("gormtenant: taking over changes of %s: %w", c.from.name, err)
		}
	}
	if err := f.advance(ctx, source, target, changes); err != nil || len(changes) == 0 {
		return err
	}
	q, err := target.triggersOf(ctx, onInsert|onUpdate|onDelete)
	if err != nil {
		return err
	}
	if err := target.silence(ctx, q); err != nil {
		return err
	}
	if err := target.exec(ctx, together(changes, there)); err != nil {
		if slices.Contains([]string{"23505", "23503", "23001", "428C9", "23P01"}, code(err)) {
			f.full = true // rows that are only right together with rows that did not change
			return nil
		}
		return fmt.Errorf("gormtenant: taking over changes: %w", err)
	}
	if err := target.unsilence(ctx, q); err != nil {
		return err
	}
	for i, c := range changes {
		from, into := *c.from, *c.into
		from.where, into.where = here[i], there[i]
		a, b, err := serverSums(ctx, source, target, &from, &into, from.columns)
		if err == nil && a != b {
			err = fmt.Errorf("%w: %d changed rows in the source, %d in the copy", ErrDiffer, a.rows,
				b.rows)
		}
		if err != nil {
			return fmt.Errorf("gormtenant: comparing %s: %w", c.from.name, err)
		}
	}
	return nil
}

// together writes the statement. Rows that persist are updated, not deleted and inserted: foreign
// keys may act on a row that is deleted. What is deleted goes first, and new rows come last,
// because unique values may go from one to the other; the counts are what makes the server wait.
func together(changes []*change, there []string) string {
	var parts, deleted, updated []string
	for i, c := range changes {
		key := strings.Join(c.columns, ", ")
		parts = append(parts, fmt.Sprintf("had_%d AS MATERIALIZED (SELECT %s FROM %s WHERE %s)", i,
			key, c.into.qualifiedName, there[i]),
			fmt.Sprintf("deleted_%d AS (DELETE FROM %s WHERE (%s) IN (SELECT %s FROM had_%d "+
				"EXCEPT SELECT %s FROM %s) RETURNING 1)", i, c.into.qualifiedName, key, key, i, key,
				c.rows))
		deleted = append(deleted, fmt.Sprintf("(SELECT count(*) FROM deleted_%d)", i))
	}
	for i, c := range changes {
		key := strings.Join(c.columns, ", ")
		var set []string
		for _, column := range c.from.columns {
			if name := quoted(column.name); !slices.Contains(c.columns, name) {
				set = append(set, name+" = fresh."+name)
			}
		}
		if len(set) > 0 {
			same := each(c.columns, func(k string) string {
				return c.into.qualifiedName + "." + k + " = fresh." + k
			})
			parts = append(parts, fmt.Sprintf("updated_%d AS (UPDATE %s SET %s FROM %s AS fresh "+
				"WHERE %s AND (%s) IN (SELECT %s FROM had_%d) AND %s >= 0 RETURNING 1)", i,
				c.into.qualifiedName, strings.Join(set, ", "), c.rows, strings.Join(same, " AND "),
				strings.Join(each(c.columns, func(k string) string { return "fresh." + k }), ", "),
				key, i, strings.Join(deleted, " + ")))
			updated = append(updated, fmt.Sprintf("(SELECT count(*) FROM updated_%d)", i))
		}
	}
	for i, c := range changes {
		key := strings.Join(c.columns, ", ")
		parts = append(parts, fmt.Sprintf("inserted_%d AS (INSERT INTO %s (%s) OVERRIDING SYSTEM "+
			"VALUE SELECT %s FROM %s WHERE (%s) NOT IN (SELECT %s FROM had_%d) AND %s >= 0)", i,
			c.into.qualifiedName, list(c.from.columns), list(c.from.columns), c.rows, key, key, i,
			strings.Join(append(slices.Clone(deleted), updated...), " + ")))
	}
	return "WITH " + strings.Join(parts, ", ") + " SELECT"
}
