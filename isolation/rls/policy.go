package rls

import (
	"fmt"
	"strings"

	"gorm.io/gorm"
)

// policyName is that of the one policy that a table gets.
const policyName = "gormtenant"

// lockKey is that of the advisory lock that Enable and Disable take: two processes that start at once
// do not collide. It is arbitrary, and means nothing else.
const lockKey = 0x676f726d74656e

// Enable makes the server keep tenants apart in the tables of models: the tenant models among them,
// those that they are related to, and many2many join tables, whose rows belong to the tenants of the
// rows that they join. Given no models it takes those that the plugin knows: named to tenantplugin.Models, or
// migrated or used before. For each table it runs
//
//	ALTER TABLE "projects" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
//	DROP POLICY IF EXISTS "gormtenant" ON "projects";
//	CREATE POLICY "gormtenant" ON "projects"
//	  USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')::text)
//	  WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')::text);
//
// in one transaction, and leaves tables alone that are as they should be. db has to be the tables'
// owner, and the tables have to exist. It may be called at every start, by several processes at once.
func Enable(db *gorm.DB, args ...any) error {
	return change(db, args, func(p *policies, t *table) ([]string, error) {
		right, err := p.inPlace(t)
		if right || err != nil {
			return nil, err
		}
		return p.enable(t), nil
	})
}

// Disable takes the policies of [Enable] away again, and row-level security from their tables:
//
//	DROP POLICY IF EXISTS "gormtenant" ON "projects";
//	ALTER TABLE "projects" NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
func Disable(db *gorm.DB, args ...any) error {
	return change(db, args, func(p *policies, t *table) ([]string, error) { return p.disable(t), nil })
}

// Statements returns what [Enable] would run for all tables, whatever state they are in, for tools that
// run migrations: goose, atlas, golang-migrate. The tables need not exist.
func Statements(db *gorm.DB, args ...any) ([]string, error) {
	p, err := newPolicies(db, args)
	if err != nil {
		return nil, err
	}
	var statements []string
	for _, t := range p.tables {
		statements = append(statements, p.enable(t)...)
	}
	return statements, nil
}

// policies writes policies.
type policies struct {
	db      *gorm.DB
	setting string
	tables  []*table
}

// newPolicies takes the models, and among them the options.
func newPolicies(db *gorm.DB, args []any) (*policies, error) {
	var given []any
	var options []Option
	for _, arg := range args {
		if option, ok := arg.(Option); ok {
			options = append(options, option)
		} else {
			given = append(given, arg)
		}
	}
	c, err := configure(options)
	if err != nil {
		return nil, err
	}
	if db == nil || db.Dialector == nil || db.Name() != "postgres" {
		return nil, fmt.Errorf("gormtenant: row-level security needs a *gorm.DB on Postgres")
	}
	tables, err := tablesOf(db, given)
	return &policies{db: db, setting: c.setting, tables: tables}, err
}

// change runs what statements says for each table, in one transaction.
func change(db *gorm.DB, args []any, statements func(p *policies, t *table) ([]string, error)) error {
	p, err := newPolicies(db, args)
	if err != nil {
		return err
	}
	return db.Session(&gorm.Session{NewDB: true}).Transaction(func(tx *gorm.DB) error {
		if err := tx.Exec("SELECT pg_advisory_xact_lock(?)", lockKey).Error; err != nil {
			return err
		}
		p.db = tx
		for _, t := range p.tables {
			list, err := statements(p, t)
			if err != nil {
				return err
			}
			for _, statement := range list {
				if err := tx.Exec(statement).Error; err != nil {
					return fmt.Errorf("gormtenant: %s: %w", statement, err)
				}
			}
		}
		return nil
	})
}

func (p *policies) enable(t *table) []string {
	name, condition := quote(p.db, t.name), p.condition(t)
	return []string{
		"ALTER TABLE " + name + " ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
		"DROP POLICY IF EXISTS " + policyName + " ON " + name,
		"CREATE POLICY " + policyName + " ON " + name + " USING (" + condition + ") WITH CHECK (" + condition + ")",
	}
}

func (p *policies) disable(t *table) []string {
	name := quote(p.db, t.name)
	return []string{
		"DROP POLICY IF EXISTS " + policyName + " ON " + name,
		"ALTER TABLE " + name + " NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY",
	}
}

// condition is what holds for a row of the tenant. Bare like this it is an index condition with the
// planner's own estimate; in a sub-select or beside an OR it would not be. After a transaction the
// setting reads ”, not NULL: hence nullif.
func (p *policies) condition(t *table) string {
	var terms []string
	if t.column != "" {
		for _, c := range append([]*table{t}, t.more...) {
			terms = append(terms, quote(p.db, c.column)+" = "+p.tenant(c))
		}
	}
	for _, o := range t.owners {
		terms = append(terms, "EXISTS (SELECT 1 FROM "+quote(p.db, o.table.name)+" "+ownerAlias+" WHERE "+
			strings.Join(p.joined(t, o), " AND ")+" AND "+ownerAlias+"."+quote(p.db, o.table.column)+" = "+p.tenant(o.table)+")")
	}
	return strings.Join(terms, " AND ")
}

// ownerAlias stands for an owner's table. A join table may be called anything, but hardly this.
const ownerAlias = "gormtenant_owner"

func (p *policies) joined(t *table, o owner) []string {
	var terms []string
	for _, c := range o.pairs {
		terms = append(terms, ownerAlias+"."+quote(p.db, c.primary)+" = "+quote(p.db, t.name)+"."+quote(p.db, c.foreign))
	}
	return terms
}

// tenant is the tenant of the statement, in the type of the column.
func (p *policies) tenant(t *table) string {
	return "nullif(current_setting('" + p.setting + "', true), '')::" + t.kind
}
