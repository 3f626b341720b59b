package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gormtenant/gormtenant/internal/pgsession"
)

// followPostgres begins to note changes. It returns nil where the keys of changed rows do not tell
// what has changed: where a table has no primary key, and in shared tables where no foreign key
// holds the rows that say whose a row is. Such a row may come to be the tenant's without being
// written.
func followPostgres(ctx context.Context, p *Plan, loc Location) (*frozenPostgres, error) {
	f, found, err := fenced(ctx, p, loc)
	if err != nil {
		return nil, err
	}
	if found == kept {
		f.close(ctx)
		return nil, ErrMoved
	}
	able, err := f.follow(ctx, p, loc)
	if err == nil && able {
		return f, nil
	}
	if f.conn.IsClosed() {
		f.close(ctx)
		return nil, err
	}
	thawed := f.thaw(ctx)
	if errors.Is(thawed, ErrLeft) {
		thawed = nil
	}
	return nil, errors.Join(err, thawed)
}

func (f *frozenPostgres) follow(ctx context.Context, p *Plan, loc Location) (bool, error) {
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	spots, err := f.locate(work, p, loc)
	if err != nil {
		return false, err
	}
	for _, s := range spots {
		if s.key, err = f.primaryKey(work, s.oid); err != nil || len(s.key) == 0 {
			return false, err
		}
	}
	if held, err := f.ownersHeld(work, spots, loc.Shared); err != nil || !held {
		return false, err
	}
	f.follows = true
	err = f.transact(work, f.function(following, ""),
		"CREATE UNLOGGED TABLE IF NOT EXISTS "+f.logTable()+" (place text NOT NULL, key jsonb)",
		"DELETE FROM "+f.logTable(), f.logFunction(spots))
	if err != nil {
		return false, fmt.Errorf("gormtenant: making what notes changes of the tenant: %w", err)
	}
	return true, f.installAll(ctx, work, spots)
}

// ownersHeld reports whether the owners of rows are there as long as these are.
func (f *frozenPostgres) ownersHeld(
	ctx context.Context, spots []*locatedTable, shared bool,
) (bool, error) {
	if !shared {
		return true, nil
	}
	parents, err := f.between(ctx, spots)
	if err != nil {
		return false, err
	}
	for i, s := range spots {
		for _, o := range s.owners {
			parent := slices.IndexFunc(spots, func(p *locatedTable) bool {
				return p.table == o.Table
			})
			if !slices.Contains(parents[i], parent) {
				return false, nil
			}
		}
	}
	return true, nil
}

// refreeze freezes a place that is followed. The triggers are there: the function changes, and each
// table is waited for.
func (f *frozenPostgres) refreeze(ctx context.Context, p *Plan, loc Location) error {
	err := f.freeze(ctx, p, loc)
	if err == nil {
		return nil
	}
	if f.conn.IsClosed() {
		f.close(ctx)
		return errors.Join(ErrLost, err)
	}
	return errors.Join(err, f.thaw(ctx))
}

// keyColumn is a column of a primary key.
type keyColumn struct{ name, declared string }

// primaryKey reads the key of a table.
func (s *session) primaryKey(ctx context.Context, oid string) ([]keyColumn, error) {
	rows, err := s.query(ctx, "SELECT a.attname, format_type(a.atttypid, a.atttypmod) "+
		"FROM pg_index AS i, unnest(i.indkey) WITH ORDINALITY AS k (attnum, n) "+
		"JOIN pg_attribute AS a ON a.attrelid = "+oid+" AND a.attnum = k.attnum "+
		"WHERE i.indrelid = "+oid+" AND i.indisprimary AND k.n <= i.indnkeyatts ORDER BY k.n")
	if err != nil {
		return nil, err
	}
	key := make([]keyColumn, len(rows))
	for i, row := range rows {
		key[i] = keyColumn{string(row[0]), string(row[1])}
	}
	return key, nil
}

func (f *fence) logName() string {
	return quoted(f.schema) + "." + quoted(prefix+f.digest+"_log")
}

func (f *fence) logTable() string {
	return quoted(f.schema) + "." + quoted(prefix+f.digest+"_keys")
}

// everything stands in the log for a change that the keys of rows do not tell: a row that other
// rows get their tenant from was given another tenant, or another key.
const everything = ""

// logFunction returns the function that notes the keys of changed rows. Without the lock of the
// mover it notes nothing: nobody would read it. The application's role may not write to the log, so
// it runs as the owner, with a search path that nobody else can put anything into.
func (f *fence) logFunction(spots []*locatedTable) string {
	var text strings.Builder
	text.WriteString("CREATE OR REPLACE FUNCTION " + f.logName() + "() RETURNS trigger " +
		"LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS " +
		"$gormtenant$\nDECLARE\n\tbefore jsonb;\n\tnow jsonb;\nBEGIN\n\tIF " +
		fmt.Sprintf("pg_try_advisory_xact_lock_shared(%d)", f.lock) +
		" THEN\n\t\tRETURN NULL;\n\tEND IF;\n")
	word := "IF"
	for _, s := range spots {
		place := pgsession.Literal(s.name)
		of := func(row string, columns []string) string {
			return "jsonb_build_array(" + strings.Join(each(columns, func(c string) string {
				return row + "." + quoted(c)
			}), ", ") + ")"
		}
		key := each(s.key, func(k keyColumn) string { return k.name })
		fmt.Fprintf(&text, "\t%s TG_ARGV[0] = %s THEN\n", word, place)
		fmt.Fprintf(&text, "\t\tIF TG_OP <> 'INSERT' THEN\n\t\t\tbefore := %s;\n\t\tEND IF;\n",
			of("OLD", key))
		fmt.Fprintf(&text, "\t\tIF TG_OP <> 'DELETE' THEN\n\t\t\tnow := %s;\n\t\tEND IF;\n",
			of("NEW", key))
		if says := referred(s.table, spots); len(says) > 0 {
			fmt.Fprintf(&text, "\t\tIF TG_OP = 'UPDATE' AND %s <> %s THEN\n\t\t\tINSERT INTO %s "+
				"VALUES ('%s', NULL);\n\t\tEND IF;\n", of("OLD", says), of("NEW", says),
				f.logTable(), everything)
		}
		word = "ELSIF"
	}
	fmt.Fprintf(&text, "\tEND IF;\n\tINSERT INTO %s SELECT DISTINCT TG_ARGV[0], k "+
		"FROM (VALUES (before), (now)) AS both_keys (k) WHERE k IS NOT NULL;\n"+
		"\tRETURN NULL;\nEND\n$gormtenant$", f.logTable())
	return text.String()
}

// logOff returns a function in its place that notes nothing.
func (f *fence) logOff() string {
	return "CREATE OR REPLACE FUNCTION " + f.logName() + "() RETURNS trigger LANGUAGE plpgsql " +
		"AS $gormtenant$ BEGIN RETURN NULL; END $gormtenant$"
}

// referred returns the columns by which rows of other tables get their tenant from this one.
func referred(t *table, spots []*locatedTable) (columns []string) {
	for _, s := range spots {
		for _, o := range s.owners {
			if o.Table != t {
				continue
			}
			for _, c := range o.Columns {
				columns = append(columns, c.Primary)
			}
		}
	}
	if len(columns) > 0 && t.column != "" {
		columns = append(columns, t.column)
	}
	slices.Sort(columns)
	return slices.Compact(columns)
}

// logTriggers returns those that note changes of a member. They come after the row was changed,
// when no other trigger can change its key. In shared tables without a tenant column they note the
// rows of everybody: whose they are is looked at later.
func (f *fence) logTriggers(p *Plan, s *locatedTable, m member, shared bool) []trigger {
	if m.partition {
		return nil // it has its parent's
	}
	w := &whose{Plan: p, literal: pgsession.Literal}
	mine := func(row string) string {
		return "(" + strings.Join(w.columns(s.table, row+"."), " OR ") + ")"
	}
	on := " ON " + m.qualifiedName + " FOR EACH ROW"
	call := " EXECUTE FUNCTION " + f.logName() + "(" + pgsession.Literal(s.name) + ")"
	rests := []string{"AFTER INSERT OR UPDATE OR DELETE" + on + call}
	if shared && s.column != "" {
		rests = []string{
			"AFTER INSERT" + on + " WHEN " + mine("NEW") + call,
			"AFTER UPDATE" + on + " WHEN (" + mine("OLD") + " OR " + mine("NEW") + ")" + call,
			"AFTER DELETE" + on + " WHEN " + mine("OLD") + call,
		}
	}
	return f.named(rests)
}
