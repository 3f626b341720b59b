package tenanttest

import (
	"context"
	"errors"
	"fmt"

	"github.com/gormtenant/gormtenant"
)

const (
	onPostgres = "postgres"
	onSQLite   = "sqlite"
)

// findPlaces begins the transactions that it takes to reach the rows of both tenants, and finds out
// whether each has tables of its own.
func (k *kit) findPlaces() error {
	nobody := tenant{ctx: k.db.Statement.Context}
	if k.ours.id == nil { // the tenants will be rows of a table that both see
		k.txs.one = true
		_, err := k.begin(nobody)
		return err
	}
	at, err := k.begin(nobody)
	if errors.Is(err, gormtenant.ErrNoTenant) {
		at, err = k.begin(k.ours)
	}
	if err != nil {
		return err
	}
	k.txs.one, err = k.takesBoth(at)
	if err != nil {
		return err
	}
	if !k.txs.one {
		if err := k.separate(); err != nil {
			return err
		}
	}
	return k.compareSites()
}

// begin begins the transaction of a tenant, if there is none.
func (k *kit) begin(t tenant) (*transaction, error) {
	at, err := k.txs.at(t.ctx)
	if err != nil {
		return nil, fmt.Errorf("tenanttest: beginning a transaction of tenant %q: %w; where the "+
			"pool knows which tenants there are, pass two of them with tenanttest.Tenants",
			text(t.id), err)
	}
	return at, nil
}

// takesBoth reports whether statements of both tenants can be in one transaction.
func (k *kit) takesBoth(at *transaction) (bool, error) {
	for _, t := range []tenant{k.ours, k.theirs} {
		_, err := at.tx.ExecContext(t.ctx, "SELECT 1")
		if errors.Is(err, gormtenant.ErrOtherTenant) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("tenanttest: a statement of tenant %q: %w; where the pool "+
				"knows which tenants there are, pass two of them with tenanttest.Tenants",
				text(t.id), err)
		}
	}
	return true, nil
}

// separate begins a transaction for each tenant.
func (k *kit) separate() error {
	if err := k.txs.end(); err != nil {
		return err
	}
	for _, t := range []*tenant{&k.ours, &k.theirs} { // before, as a pool may have one connection
		var err error
		if t.endpoint, err = k.endpointOutside(t.ctx); err != nil {
			return fmt.Errorf("tenanttest: a statement of tenant %q: %w", text(t.id), err)
		}
	}
	ours, err := k.begin(k.ours)
	if err != nil {
		return err
	}
	if both, err := k.takesBoth(ours); both || err != nil {
		ours.whose = append(ours.whose, whose(k.theirs.ctx))
		return err
	}
	theirs, err := k.begin(k.theirs)
	if err != nil || k.db.Name() != onPostgres {
		return err
	}
	// Tables that they share after all must not make one wait for the other forever.
	for _, at := range []*transaction{ours, theirs} {
		if err := at.exec("SET LOCAL lock_timeout = '10s'"); err != nil {
			return err
		}
	}
	return nil
}

// sharing is the error if the tenants have transactions of their own, but share tables.
func (k *kit) sharing(what string) error {
	return fmt.Errorf("tenanttest: the tenants %q and %q seem to have tables of their own, but "+
		"they have the same %s: look at where their statements are sent, or pass two tenants "+
		"that are at different places with tenanttest.Tenants",
		text(k.ours.id), text(k.theirs.id), what)
}

// compareSites finds out whether both tenants have the same schema of the same database.
func (k *kit) compareSites() error {
	together := k.together()
	if k.endpointQuery() == "" {
		k.own = !together
		return nil
	}
	ours, err := k.endpointIn(k.ours)
	if err != nil {
		return err
	}
	theirs, err := k.endpointIn(k.theirs)
	if err != nil {
		return err
	}
	k.own = ours != theirs || ours == "" && !together
	if !k.own && !together {
		return k.sharing("schema or database")
	}
	return nil
}

// endpointQuery tells one place from another.
func (k *kit) endpointQuery() string {
	switch k.db.Name() {
	case onPostgres:
		return "SELECT " + serverAndDatabase + " || coalesce(current_schema(), '')"
	case onSQLite: // "" is a database in memory
		return "SELECT file FROM pragma_database_list WHERE name = 'main'"
	}
	return ""
}

const serverAndDatabase = "extract(epoch FROM pg_postmaster_start_time()) || ' ' || " +
	"(SELECT oid FROM pg_database WHERE datname = current_database()) || ' '"

// together reports whether both tenants are in one transaction.
func (k *kit) together() bool {
	if len(k.txs.open) == 0 {
		return false
	}
	ours, err := k.txs.at(k.ours.ctx)
	if err != nil {
		return false
	}
	theirs, err := k.txs.at(k.theirs.ctx)
	return err == nil && ours == theirs
}

// endpointIn returns the endpoint within a tenant's transaction. It fails if statements outside of
// the transaction go to another endpoint.
func (k *kit) endpointIn(t tenant) (endpoint string, err error) {
	at, err := k.txs.at(t.ctx)
	if err != nil {
		return "", err
	}
	err = at.tx.QueryRowContext(t.ctx, k.endpointQuery()).Scan(&endpoint)
	if err == nil && !k.txs.one && endpoint != t.endpoint {
		err = fmt.Errorf("tenanttest: the statements of tenant %q go to one place in a "+
			"transaction (%s) and to another outside of it (%s)",
			text(t.id), endpoint, t.endpoint)
	}
	return endpoint, err
}

// endpointOutside asks outside of any.
func (k *kit) endpointOutside(ctx context.Context) (endpoint string, err error) {
	if k.endpointQuery() == "" {
		return "", nil
	}
	rows, err := k.source.QueryContext(ctx, k.endpointQuery())
	if err != nil {
		return "", err
	}
	defer func() { _ = rows.Close() }()
	if rows.Next() {
		err = rows.Scan(&endpoint)
	}
	return endpoint, errors.Join(err, rows.Err())
}

// compareTables looks whether tables in which rows are a tenant's are those of both, where each has
// its own.
func (k *kit) compareTables() error {
	if !k.own || k.db.Name() != onPostgres {
		return nil
	}
	var tables []string
	for _, m := range k.models {
		if m.tenant != nil {
			tables = append(tables, m.schema.Table)
		}
	}
	for _, j := range k.joins {
		if j.sides[0].model.tenant != nil || j.sides[1].model.tenant != nil {
			tables = append(tables, j.table)
		}
	}
	for _, table := range tables {
		var oids []string
		for _, t := range k.owners() {
			_, rows, err := k.queryAs(t.ctx,
				"SELECT "+serverAndDatabase+" || CAST(CAST(? AS regclass) AS oid)", k.quote(table))
			if err != nil {
				return err
			}
			oids = append(oids, text(rows[0][0]))
		}
		if oids[0] == oids[1] {
			return k.sharing("table " + table)
		}
	}
	return nil
}

// owners are the tenants who have tables: both, or ours for both.
func (k *kit) owners() []tenant {
	if k.own {
		return []tenant{k.ours, k.theirs}
	}
	return []tenant{k.ours}
}
