package tenanttest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
)

// Run proves that models are isolated on the database that open opens, and fails t where they are
// not. models are pointers to structs, as AutoMigrate takes them, and the options of this package:
// [Shared], [Factory], [Allow] and [Tenants].
//
// Each finding is a sub-test of its own. Those about statements are named after the attack,
// Project/save_over_foreign_key, and print the call, the SQL that it sent, and the rows that leaked
// or changed (-want +got):
//
//   - reads see the rows of the tenant and no others: conditions of every form, text with an OR of
//     its own, sub-queries in every place, tables by name, join tables too, maps, aggregates,
//     preloads, joins of every kind and associations, also along a foreign key that was made to
//     point at another tenant's row;
//   - creates, upserts, Save, updates and deletes leave the rows of others as they are, and fail
//     with the error of gormtenant that says why;
//   - associations cannot link, take over or unlink a row of another tenant;
//   - without a tenant every statement fails, and nothing is sent.
//
// Those about how a model is made each print the line to add:
//
//   - plugin: the plugin is not registered on the *gorm.DB;
//   - rows: a row of a tenant cannot be made, or is not stored as the tenant's, or tenants that
//     seem to have tables of their own share them after all;
//   - Project/unique_name: a unique index without the tenant column, by which one tenant learns
//     what another has;
//   - Task/foreign_key_project_id: a foreign key that does not carry the tenant, on a database
//     where no tenantplugin.CheckReferences looks after it;
//   - Project/tenant_index: no index begins with the tenant column;
//   - Project/tenant_not_null: the tenant column may be NULL;
//   - Country/no_tenant: the model has no tenant field and was not named as [Shared].
//
// Indexes and columns are read from the database on SQLite and PostgreSQL, elsewhere from what
// GORM's Migrator says of it. Models that the given ones refer to get rows too, and are looked at,
// but are not attacked.
//
// Tenants may share tables or have tables of their own, in a schema or a database, as over an
// isolation.Router, databases.Pools or schemas.Open: Run finds out which by itself. A pool that
// knows which tenants there are needs two of them, by [Tenants]. Where tables are their own:
//
//   - the key of a row of theirs is free for ours: where a statement names it, a row of ours that
//     gets it is right, and so is the database's refusal to refer to it. That nothing of theirs is
//     seen or changed is looked at all the same, and so is that no row of ours comes to where
//     theirs are;
//   - unique_name, foreign_key_project_id and tenant_index are skipped: nobody else has rows there;
//   - what tells the places apart is their schema and database, on SQLite and PostgreSQL.
//
// All of it happens in one transaction that is rolled back, or in one for each place, and tables
// that are missing are made there. The tenants are made up anew for each call: the database is left
// as it was, but for the counters of its sequences, and several calls may run at once. open is
// called once. A hook that uses another *gorm.DB than the one it is given is outside of these
// transactions.
//
// gorm.G takes a model's type where it is compiled, so Run makes its calls by the classic API; both
// go through the same callbacks and clauses.
func Run(t *testing.T, open func(t *testing.T) *gorm.DB, models ...any) {
	t.Helper()
	options, err := parseOptions(models)
	if err != nil {
		t.Fatal(err)
	}
	if open == nil {
		t.Fatal("tenanttest: Run needs a function that opens the database")
	}
	db := open(t)
	if db == nil {
		t.Fatal("tenanttest: the function that opens the database returned nil")
	}
	k := &kit{options: options}
	if !t.Run("plugin", k.findPlugin(db)) {
		return // every statement would fail, or none would be isolated
	}
	if err := k.open(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	defer k.end(t)
	if !t.Run("rows", k.prepare) {
		return
	}
	for _, m := range k.models {
		t.Run(m.schema.Name, func(t *testing.T) { k.test(t, m) })
	}
	if unused := options.unused(); len(unused) > 0 {
		t.Errorf("tenanttest: Allow names no sub-test that ran: %s", strings.Join(unused, ", "))
	}
}

// kit is one call of Run.
type kit struct {
	*options

	source gorm.ConnPool // what the *gorm.DB was opened on
	txs    *transactions
	pool   *outerPool
	db     *gorm.DB // has no tenant
	// own says that each tenant has tables of its own.
	own bool
	// ours is the tenant that attacks, theirs is the one whose rows are attacked.
	ours, theirs tenant

	models []*model // each after those that it refers to, where there is no circle
	joins  []*join
	stamp  string // is part of every text that Run makes up
	made   int    // counts new rows
	before snapshot
	// rawError is what raw SQL has to fail with, nil where it is let through.
	rawError error
}

// tenant is one of the two.
type tenant struct {
	index int
	id    any
	ctx   context.Context
	// marker is part of every text in the rows of the tenant that need not be equal in both.
	marker   string
	endpoint string // where statements of the tenant go that are in no transaction
}

// open makes the *gorm.DB whose statements are in the transactions of Run.
func (k *kit) open(ctx context.Context, db *gorm.DB) error {
	pool, err := db.DB()
	if err != nil {
		return fmt.Errorf("tenanttest: the *gorm.DB has no *sql.DB: %w", err)
	}
	k.source, k.txs = db.ConnPool, &transactions{pool: pool}
	k.pool = &outerPool{
		txPool{transactions: k.txs, recorder: &recorder{}, savepoints: db.Name() == onPostgres},
	}
	k.db = db.Session(&gorm.Session{NewDB: true, Context: ctx, Logger: logger.Discard})
	k.db.ConnPool = k.pool
	k.db.Statement.ConnPool = k.pool
	return nil
}

// end takes back all that was done.
func (k *kit) end(t *testing.T) {
	t.Helper()
	if err := k.txs.end(); err != nil {
		t.Errorf("tenanttest: rolling back: %v", err)
	}
}

// prepare is the sub-test that learns the models and makes the rows of both tenants.
func (k *kit) prepare(t *testing.T) {
	for _, step := range []func() error{
		k.learnModels, k.nameTenants, k.findPlaces, k.migrateMissing, k.compareTables,
		k.readCatalog, k.makeTenantRows, k.makeRows, k.plantLinks, k.probeRaw, k.probeRefusals,
		k.remember,
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
}

// remember keeps how many rows there are, and what those of theirs are, before the first attack.
func (k *kit) remember() (err error) {
	for _, m := range k.models {
		if m.tenant == nil {
			continue
		}
		_, rows, err := k.queryAs(k.ours.ctx, "SELECT 1 FROM ? WHERE ? = ?",
			clause.Table{Name: m.schema.Table}, clause.Column{Name: m.tenant.DBName},
			k.tenantID(m, k.ours))
		if err != nil {
			return err
		}
		m.count = int64(len(rows))
	}
	k.before, err = k.snapshot()
	return err
}

// probeRaw finds out whether raw SQL is let through: then the database itself has to keep the
// tenants apart.
func (k *kit) probeRaw() error {
	for _, m := range k.models {
		if m.tenant != nil {
			sql := "SELECT 1 FROM " + k.quote(m.schema.Table)
			return k.txs.undo(func() {
				if k.as(k.ours).Raw(sql).Scan(&[]int{}).Error != nil {
					k.rawError = gormtenant.ErrRawSQL
				}
			})
		}
	}
	return nil
}

// test looks at one model and attacks it.
func (k *kit) test(t *testing.T, m *model) {
	k.testDesign(t, m)
	if m.tenant == nil || !m.given {
		return
	}
	for _, list := range [][]attack{
		k.reads(m), k.forms(m), k.writes(m), k.updates(m), k.tenantChanges(m), k.deletes(m),
		k.rawSQL(m), k.relations(m), k.noTenant(m),
	} {
		for _, a := range list {
			k.attack(t, m, a)
		}
	}
}

// sub runs one sub-test of m, unless it was allowed to fail.
func (k *kit) sub(t *testing.T, m *model, name string, test func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		if reason, ok := k.allowed(m.schema.Name + "/" + name); ok {
			t.Skipf("allowed: %s", reason)
		}
		test(t)
	})
}
