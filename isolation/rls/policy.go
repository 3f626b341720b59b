package rls

import (
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"
)

// policyName is the name of the one policy of a table.
const policyName = "gormtenant"

// lockKey is the key of the advisory lock that Enable and Disable take, so that two processes that
// start at once do not collide. The number is arbitrary.
const lockKey = 0x676f726d74656e

// Enable makes the server keep tenants apart in the tables of models: of the tenant models among
// them, of the models related to those, and of many2many join tables, whose rows belong to the
// tenants of the rows that they join. Without models it takes those that the plugin knows, because
// they were named to tenantplugin.Models, or migrated or used before. For each table it runs
//
//	ALTER TABLE "projects" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
//	DROP POLICY IF EXISTS "gormtenant" ON "projects";
//	CREATE POLICY "gormtenant" ON "projects"
//	  USING ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')::text)
//	  WITH CHECK ("tenant_id" = nullif(current_setting('app.tenant_id', true), '')::text);
//
// in one transaction, and skips tables that already have all of this. With [Citus] it is NO FORCE.
// db must be opened as the owner of the tables, which must exist. Enable may be called at every
// start, by several processes at once.
func Enable(db *gorm.DB, args ...any) error {
	return change(db, args, func(p *policies, t *table) ([]string, error) {
		right, err := p.inPlace(t)
		if right || err != nil {
			return nil, err
		}
		return p.enable(t), nil
	})
}

// Disable drops the policies of [Enable], and disables row-level security on their tables:
//
//	DROP POLICY IF EXISTS "gormtenant" ON "projects";
//	ALTER TABLE "projects" NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
func Disable(db *gorm.DB, args ...any) error {
	return change(db, args, func(p *policies, t *table) ([]string, error) {
		return p.disable(t),
			nil
	})
}

// Statements returns the statements that [Enable] would run if no table had a policy yet, for
// migration tools such as goose, atlas and golang-migrate. The tables need not exist.
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
	citus   bool
	tables  []*table
	// temporary is that of the options.
	temporary bool
}

// newPolicies returns the policies of models, among which options may stand.
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
	c, err := configure("rls.Enable", options)
	if err != nil {
		return nil, err
	}
	if c.admin != nil {
		return nil, errors.New("gormtenant: rls.Admin is for rls.Open and rls.NewConnector: " +
			"policies do not name it")
	}
	if db == nil || db.Dialector == nil || db.Name() != "postgres" {
		return nil, fmt.Errorf("gormtenant: row-level security needs a *gorm.DB on Postgres")
	}
	tables, err := tablesOf(db, given)
	return &policies{
		db: db, setting: c.setting, citus: c.citus, tables: tables, temporary: c.temporary,
	}, err
}

// change runs the statements that a function returns for each table, in one transaction.
func change(
	db *gorm.DB, args []any, statements func(p *policies, t *table) ([]string, error),
) error {
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
	force := "FORCE"
	if p.citus {
		force = "NO FORCE"
	}
	return []string{
		"ALTER TABLE " + name + " ENABLE ROW LEVEL SECURITY, " + force + " ROW LEVEL SECURITY",
		"DROP POLICY IF EXISTS " + policyName + " ON " + name,
		"CREATE POLICY " + policyName + " ON " + name + " USING (" + condition + ") WITH CHECK (" +
			condition + ")",
	}
}

func (p *policies) disable(t *table) []string {
	name := quote(p.db, t.name)
	return []string{
		"DROP POLICY IF EXISTS " + policyName + " ON " + name,
		"ALTER TABLE " + name + " NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY",
	}
}

// condition is true for the rows of the tenant. In this bare form it is an index condition with the
// planner's own estimate; in a sub-select or beside an OR it would not be. After a transaction the
// setting reads as the empty string, not NULL: hence nullif.
func (p *policies) condition(t *table) string {
	var terms []string
	if t.column != "" {
		for _, c := range append([]*table{t}, t.more...) {
			terms = append(terms, quote(p.db, c.column)+" = "+p.tenant(c))
		}
	}
	for _, o := range t.owners {
		terms = append(terms, "EXISTS (SELECT 1 FROM "+quote(p.db, o.Table.name)+" "+ownerAlias+
			" WHERE "+strings.Join(p.joined(t, o), " AND ")+" AND "+ownerAlias+"."+
			quote(p.db, o.Table.column)+" = "+p.tenant(o.Table)+")")
	}
	return strings.Join(terms, " AND ")
}

// ownerAlias is the alias of an owner's table. No join table should have this name.
const ownerAlias = "gormtenant_owner"

func (p *policies) joined(t *table, o joinSide) []string {
	var terms []string
	for _, c := range o.Columns {
		terms = append(terms, ownerAlias+"."+quote(p.db, c.Primary)+" = "+quote(p.db, t.name)+"."+
			quote(p.db, c.Foreign))
	}
	return terms
}

// tenant is the tenant of the statement, cast to the type of the column.
func (p *policies) tenant(t *table) string {
	return "nullif(current_setting('" + p.setting + "', true), '')::" + t.kind
}
