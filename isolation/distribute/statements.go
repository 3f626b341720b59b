package distribute

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
)

// Statements returns the statements that spread the tables of the tenant models among those given,
// of the models that they are related to, and of many2many join tables; given none, of all that the
// plugin knows. It reads the database, in which the tables must exist, and changes nothing. It is
// for migration tools, and for tables that are too large for [Apply].
//
// For [HashPartitions] they belong into one transaction, and lock the tables until its end:
//
//	LOCK TABLE "users", "projects" IN ACCESS EXCLUSIVE MODE
//	ALTER TABLE "projects" DROP CONSTRAINT "fk_projects_owner"
//	CREATE TABLE "users_spread" (LIKE "users" INCLUDING ALL EXCLUDING INDEXES)
//	  PARTITION BY HASH ("tenant_id")
//	CREATE TABLE "users_p0" PARTITION OF "users_spread" FOR VALUES WITH (MODULUS 2, REMAINDER 0)
//	...
//	INSERT INTO "users_spread" ("tenant_id", "id", "name") SELECT ... FROM "users"
//	DROP TABLE "users"
//	ALTER TABLE "users_spread" RENAME TO "users"
//	... keys, indexes, triggers, policies and rights, as they were
//	ALTER TABLE "projects" ADD CONSTRAINT "fk_projects_owner" FOREIGN KEY (tenant_id, ...) ...
//
// For [Citus] each is a transaction of its own, and the order matters:
//
//	ALTER TABLE "projects" DROP CONSTRAINT "fk_projects_owner"
//	SELECT create_reference_table('"plans"')
//	SELECT create_distributed_table('"users"', 'tenant_id', colocate_with => 'none')
//	SELECT create_distributed_table('"projects"', 'tenant_id', colocate_with => '"users"')
//	ALTER TABLE "projects" ADD CONSTRAINT "fk_projects_owner" FOREIGN KEY (tenant_id, ...) ...
//	-- when all is well: SELECT truncate_local_data_after_distributing_table('"projects"')
//
// A table whose key is the id alone gets the key of its model first, a join table its tenant
// column, and foreign keys the tenant: rows that refer to another tenant's fail there, by the name
// of the key. Policies of rls.Enable stay on partitions; on Citus they come afterwards.
//
// Tables that are spread already are passed over: where all are, there is nothing. The error joins
// all rules that models and tables break, as [Check] tells them.
func Statements(db *gorm.DB, to Target, models ...any) ([]string, error) {
	p, err := newPlan(db, to, models)
	if err != nil {
		return nil, err
	}
	if err := p.read(db.Statement.Context); err != nil {
		return nil, err
	}
	if err := p.allowed(false); err != nil {
		return nil, err
	}
	s, err := p.script()
	if err != nil {
		return nil, err
	}
	return s.all(), nil
}

// script is the statements, by what runs together.
type script struct {
	before []string // on one machine
	spread []string
	after  []string
	// drops are in spread: the foreign keys that after puts back.
	drops []*foreignKey
}

func (s script) all() []string { return slices.Concat(s.before, s.spread, s.after) }

// allowed returns all rules that are broken. Statements for a cluster may be written elsewhere.
func (p *plan) allowed(running bool) error {
	found := p.rules()
	if len(found) > 0 {
		return errors.Join(found...) // tables cannot be judged by models that are wrong
	}
	found, err := p.refusals()
	if err != nil {
		return fmt.Errorf("gormtenant: reading the tables: %w", err)
	}
	if !running && p.to.citus && !p.server.Citus {
		found = slices.DeleteFunc(found, func(err error) bool {
			return err.Error() == p.clusterRules()[0].Error()
		})
	}
	return errors.Join(found...)
}

// script writes the statements for what is left to do.
func (p *plan) script() (s script, err error) {
	todo := p.left()
	waiting, err := p.waiting()
	if err != nil {
		return s, err
	}
	if len(todo) == 0 && len(p.sharedLeft()) == 0 {
		for _, w := range waiting {
			s.after = append(s.after, w.statement())
		}
		return s, nil
	}
	keys := p.touching(slices.Concat(todo, p.sharedLeft()))
	drops, adds := make([]string, len(keys)), make([]string, len(keys))
	for i, k := range keys {
		drops[i], adds[i] = p.drop(k), p.add(k)
	}
	s.drops = keys
	for _, w := range waiting {
		if text := w.statement(); !slices.Contains(adds, text) {
			s.after = append(s.after, text)
		}
	}
	s.after = append(s.after, adds...)
	if p.to.citus {
		if p.isOld(todo) { // what crosses tenants shows while all is on one machine
			s.before = slices.Concat(drops, p.upgrade(todo), adds)
		}
		s.spread = slices.Concat(drops, p.distributed(todo))
		s.after = append(s.after, p.leftovers(todo)...)
		return s, nil
	}
	return s, p.partitions(&s, todo, drops)
}

// partitions writes what is special to partitions.
func (p *plan) partitions(s *script, todo []*table, drops []string) error {
	names := make([]string, len(todo))
	for i, t := range todo {
		names[i] = t.quoted
	}
	s.spread = append([]string{"LOCK TABLE " + strings.Join(names, ", ") +
		" IN ACCESS EXCLUSIVE MODE"}, drops...)
	for _, t := range todo {
		if t.stored.Forced { // else its owner copies the rows that the policy shows
			s.spread = append(s.spread, "ALTER TABLE "+t.quoted+" NO FORCE ROW LEVEL SECURITY")
		}
	}
	s.spread = append(s.spread, p.upgrade(todo)...)
	for _, t := range todo {
		list, err := p.partition(t)
		if err != nil {
			return fmt.Errorf("gormtenant: reading the table %s: %w", t.name, err)
		}
		s.spread = append(s.spread, list...)
		if t.stored.Forced { // after the foreign keys, whose check is by the owner
			s.after = append(s.after, "ALTER TABLE "+t.quoted+" FORCE ROW LEVEL SECURITY")
		}
	}
	return nil
}
