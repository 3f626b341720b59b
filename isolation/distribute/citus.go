package distribute

import (
	"slices"
)

// distributed returns the statements that distribute tables. The foreign keys are away meanwhile:
// create_reference_table with them in place would make every table that refers to it a local table
// of Citus, which cannot be distributed any more.
func (p *plan) distributed(todo []*table) (statements []string) {
	for _, t := range p.sharedLeft() {
		statements = append(statements, "SELECT create_reference_table("+literal(t.quoted)+")")
	}
	first := p.group()
	for _, t := range todo {
		with := "none"
		if first != nil {
			with = first.quoted
		}
		statements = append(statements, "SELECT create_distributed_table("+literal(t.quoted)+", "+
			literal(t.tenant)+", colocate_with => "+literal(with)+")")
		if first == nil {
			first = t
		}
	}
	return statements
}

// group returns a table of the group that the others are to join, nil if there is none yet.
func (p *plan) group() *table {
	for _, t := range p.tables {
		if t.stored != nil && t.stored.Method == methodHash {
			return t
		}
	}
	return nil
}

// sharedLeft returns the tables that are to become reference tables.
func (p *plan) sharedLeft() (left []*table) {
	if !p.to.citus {
		return nil
	}
	for _, t := range p.shared {
		if t.stored == nil || !t.stored.isReference() {
			left = append(left, t)
		}
	}
	return left
}

// clusterRules looks at the server.
func (p *plan) clusterRules() (found []error) {
	switch {
	case !p.server.Citus:
		found = append(found, finding("there is no Citus in this database: on the coordinator, "+
			"and on every worker, CREATE EXTENSION citus; then "+
			"SELECT citus_add_node('worker', 5432)"))
	case !p.server.Coordinator:
		found = append(found, finding("this is a worker: connect to the coordinator"))
	}
	return found
}

// groupFindings looks at a distributed table.
func (p *plan) groupFindings(t *table) (found []error) {
	first := p.group()
	undo := "SELECT undistribute_table(" + literal(t.quoted) +
		", cascade_via_foreign_keys => true), then distribute.Apply"
	switch {
	case t.stored.isReference():
		found = append(found, finding("%s is a reference table, every row of it is on every "+
			"machine: %s", t.name, undo))
	case t.stored.Column != t.tenant:
		found = append(found, finding("%s is distributed by %s and not by %s: %s", t.name,
			t.stored.Column, t.tenant, undo))
	case t.stored.Colocation != first.stored.Colocation:
		found = append(found, finding("%s is not in one group with %s: "+
			"SELECT update_distributed_table_colocation(%s, colocate_with => %s)", t.name,
			first.name, literal(t.quoted), literal(first.quoted)))
	}
	return found
}

// leftovers returns a comment on what Citus leaves behind: the rows that were there before are on
// the coordinator still, where no statement sees them.
func (p *plan) leftovers(todo []*table) (comments []string) {
	todo = slices.Clone(todo)
	slices.Reverse(todo) // children first
	for _, t := range todo {
		comments = append(comments, "-- when all is well: "+
			"SELECT truncate_local_data_after_distributing_table("+literal(t.quoted)+")")
	}
	return comments
}
