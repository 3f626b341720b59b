package distribute

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/tenantname"
)

// Isolate gives a tenant a shard of its own in each table of its group, which Citus can then take
// to another machine, while the application goes on as it is:
//
//	SELECT isolate_tenant_to_new_shard('"users"', 'acme', 'CASCADE',
//	  shard_transfer_mode => 'block_writes')
//	SELECT citus_move_shard_placement(
//	  get_shard_id_for_distribution_column('"users"', 'acme'), ...)     -- to a node of its own
//
// Writes to the shards that the tenant is taken from wait meanwhile. A tenant that has a shard of
// its own already is passed over. db is opened on the coordinator as the owner of the tables; the
// plugin knows one of them, by tenantplugin.Models.
//
// It is on Citus what Mover.Move is elsewhere. Where there is no Citus it is an error: a partition
// is no place of its own.
func Isolate(ctx context.Context, db *gorm.DB, tenant any) error {
	p, err := newPlan(db, Citus(), nil)
	if err != nil {
		return err
	}
	value, err := tenantname.TextOf(tenant)
	if err != nil {
		return err
	}
	if value == "" {
		return fmt.Errorf("distribute.Isolate: %w", gormtenant.ErrNoTenant)
	}
	if err := p.read(ctx); err != nil {
		return err
	}
	if found := p.clusterRules(); len(found) > 0 {
		return errors.Join(found...)
	}
	first := p.group()
	if first == nil {
		return finding("no tenants' table is distributed: distribute.Apply")
	}
	alone, err := p.isAlone(ctx, first, value)
	if err != nil || alone {
		return err
	}
	return run(ctx, p.db.Statement.ConnPool, p.isolating(first, value))
}

// isolating returns the statement that gives a tenant a shard of its own.
func (p *plan) isolating(t *table, tenant string) string {
	return "SELECT isolate_tenant_to_new_shard(" + literal(t.quoted) + ", " + literal(tenant) +
		"::" + t.stored.column(t.tenant).Kind + ", 'CASCADE', shard_transfer_mode => " +
		"'block_writes')"
}

// isAlone reports whether a tenant's shard holds one hash only, which is the tenant's.
func (p *plan) isAlone(ctx context.Context, t *table, tenant string) (alone bool, err error) {
	err = p.db.Statement.ConnPool.QueryRowContext(ctx, "SELECT shardminvalue = shardmaxvalue "+
		"FROM pg_dist_shard WHERE shardid = get_shard_id_for_distribution_column($1::regclass, "+
		"$2::text::"+t.stored.column(t.tenant).Kind+")", t.quoted, tenant).Scan(&alone)
	if err != nil {
		return false, fmt.Errorf("gormtenant: reading the tenant's shard: %w", err)
	}
	return alone, nil
}
