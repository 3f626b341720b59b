package tenanttest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm/clause"
)

// snapshot is the state of the database as far as it is theirs.
type snapshot struct {
	rows  map[string][]string // every row of theirs, by table
	links []string            // every reference of ours to a row of theirs
	taken []string            // every row of ours that holds text of theirs
}

func (k *kit) snapshot() (snapshot, error) {
	s := snapshot{rows: map[string][]string{}}
	for _, m := range k.models {
		if m.tenant == nil {
			continue
		}
		// At a place of theirs there is nothing of ours; in shared tables ours change.
		id, others := k.tenantID(m, k.theirs), k.tenantID(m, k.theirs)
		if k.own {
			others = k.tenantID(m, k.ours)
		}
		column := clause.Column{Name: m.tenant.DBName}
		lines, err := k.lines(k.theirs, "SELECT * FROM ? WHERE ? IN (?, ?)",
			clause.Table{Name: m.schema.Table}, column, id, others)
		if err != nil {
			return s, err
		}
		s.rows[m.schema.Table] = lines
		if err := k.addCopies(&s, m); err != nil {
			return s, err
		}
		for _, r := range m.refs {
			if err := k.addLinks(&s, m, r); err != nil {
				return s, err
			}
		}
	}
	for _, j := range k.joins {
		if err := k.addJoined(&s, j); err != nil {
			return s, err
		}
	}
	return s, nil
}

// lines reads rows as text, sorted.
func (k *kit) lines(t tenant, sql string, args ...any) ([]string, error) {
	columns, rows, err := k.queryAs(t.ctx, sql, args...)
	lines := make([]string, 0, len(rows))
	for _, row := range rows {
		fields := make([]string, len(columns))
		for i, column := range columns {
			fields[i] = column + "=" + text(row[i])
		}
		lines = append(lines, strings.Join(fields, " "))
	}
	slices.Sort(lines)
	return lines, err
}

// addCopies adds the rows of ours that hold text of theirs: what an update or a create read out of
// a row of theirs.
func (k *kit) addCopies(s *snapshot, m *model) error {
	columns, args := "*", []any{}
	if k.own { // a key of theirs is free for ours, and a reference to it names nothing
		columns = "1"
		for _, name := range m.schema.DBNames {
			if field := m.schema.FieldsByDBName[name]; !field.PrimaryKey && !m.isForeign(field) {
				columns, args = columns+", ?", append(args, clause.Column{Name: name})
			}
		}
	}
	lines, err := k.lines(k.ours, "SELECT "+columns+" FROM ? WHERE ? = ?",
		append(args, clause.Table{Name: m.schema.Table}, clause.Column{Name: m.tenant.DBName},
			k.tenantID(m, k.ours))...)
	for _, line := range lines {
		if strings.Contains(line, k.theirs.marker) {
			s.taken = append(s.taken, m.schema.Table+": "+line)
		}
	}
	return err
}

// addLinks adds the foreign keys of our rows that name rows of theirs. The keys are those that
// their rows had from the start: where the database itself keeps tenants apart, ours cannot look
// for them.
//
// Where each tenant has tables of its own such a key names nothing.
func (k *kit) addLinks(s *snapshot, m *model, r *ref) error {
	if k.own || r.parent.tenant == nil || r.carriesTenant(m) {
		return nil
	}
	own, _ := k.valueOf(m.tenant, m.rows[k.ours.index][0])
	where, args := k.names(r.pairs, r.parent.rows[k.theirs.index])
	if r.kind != nil {
		where += " AND ? = ?"
		args = append(args, clause.Column{Name: r.kind.DBName}, r.value)
	}
	var columns []any // what tells the row and the link; the rest of the row is ours to change
	for _, name := range append(slices.Clone(m.schema.PrimaryFieldDBNames), r.columns()...) {
		columns = append(columns, clause.Column{Name: name})
	}
	marks := strings.TrimSuffix(strings.Repeat("?, ", len(columns)), ", ")
	args = append(append(columns, clause.Table{Name: m.schema.Table},
		clause.Column{Name: m.tenant.DBName}, own), args...)
	lines, err := k.lines(k.ours, "SELECT "+marks+" FROM ? WHERE ? = ? AND "+where, args...)
	for _, line := range lines {
		s.links = append(s.links, m.schema.Table+": "+line)
	}
	return err
}

// addJoined adds the rows of a join table: those that join two rows of theirs, and those that join
// a row of theirs to another.
func (k *kit) addJoined(s *snapshot, j *join) error {
	table := clause.Table{Name: j.table}
	for i, side := range j.sides {
		other := j.sides[1-i]
		if side.model.tenant == nil {
			continue
		}
		theirs, args := k.names(side.pairs, side.model.rows[k.theirs.index])
		if other.model.tenant == nil {
			lines, err := k.lines(k.theirs, "SELECT * FROM ? WHERE "+theirs,
				append([]any{table}, args...)...)
			if s.rows[j.table] = lines; err != nil {
				return err
			}
			continue
		}
		same, more := k.names(other.pairs, other.model.rows[k.theirs.index])
		args = append(append([]any{table}, args...), more...)
		if i == 0 {
			lines, err := k.lines(k.theirs, "SELECT * FROM ? WHERE "+theirs+" AND "+same, args...)
			if s.rows[j.table] = lines; err != nil {
				return err
			}
		}
		if k.own {
			continue
		}
		reader := k.theirs // who owns the row, where the database lets owners see it
		if i == 1 {
			reader = k.ours
		}
		lines, err := k.lines(reader, "SELECT * FROM ? WHERE "+theirs+" AND NOT "+same, args...)
		if err != nil {
			return err
		}
		for _, line := range lines {
			s.links = append(s.links, j.table+": "+line)
		}
	}
	return nil
}

// names is the condition that foreign columns name one of rows.
func (k *kit) names(pairs []pair, rows []reflect.Value) (sql string, args []any) {
	var terms []string
	for _, row := range rows {
		var same []string
		for _, p := range pairs {
			value, _ := k.valueOf(p.primary, row)
			same = append(same, "? = ?")
			args = append(args, clause.Column{Name: p.foreign.DBName}, value)
		}
		terms = append(terms, strings.Join(same, " AND "))
	}
	return "(" + strings.Join(terms, " OR ") + ")", args
}

// changes compares two snapshots. It returns nothing if their rows are what they were, no row of
// ours was linked to one of them, and none got their text.
func (s snapshot) changes(after snapshot) string {
	var text strings.Builder
	tables := make([]string, 0, len(s.rows))
	for table := range s.rows {
		tables = append(tables, table)
	}
	slices.Sort(tables)
	for _, table := range tables {
		if lines := diff(s.rows[table], after.rows[table]); lines != "" {
			fmt.Fprintf(&text, "rows of the other tenant in %s (-want +got):\n%s", table, lines)
		}
	}
	if lines := diff(nil, without(after.links, s.links)); lines != "" {
		fmt.Fprintf(&text, "links to rows of the other tenant (-want +got):\n%s", lines)
	}
	if lines := diff(nil, without(after.taken, s.taken)); lines != "" {
		fmt.Fprintf(&text, "rows with text of the other tenant (-want +got):\n%s", lines)
	}
	return text.String()
}

func diff(want, got []string) string {
	var text strings.Builder
	for _, line := range without(want, got) {
		fmt.Fprintf(&text, "  - %s\n", line)
	}
	for _, line := range without(got, want) {
		fmt.Fprintf(&text, "  + %s\n", line)
	}
	return text.String()
}

// without returns the lines that are not among others, each as often as it is missing there.
func without(lines, others []string) []string {
	count := map[string]int{}
	for _, line := range others {
		count[line]++
	}
	var rest []string
	for _, line := range lines {
		if count[line]--; count[line] < 0 {
			rest = append(rest, line)
		}
	}
	return rest
}
