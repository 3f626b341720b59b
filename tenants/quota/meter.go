package quota

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/prefix"
	"github.com/gormtenant/gormtenant/tenants"
)

// Period is how long what a [Meter] counts is counted together.
type Period int

// The periods of meters.
const (
	Always  Period = iota // for ever, as for bytes that are kept
	Monthly               // a calendar month in UTC, as for API calls; then it begins with 0 again
)

// meter is what one option Meter said.
type meter struct {
	name   string
	period Period
}

// row returns the name of the row that counts at a time. Past months stay, for bills.
func (m meter) row(now time.Time) string {
	if m.period == Monthly {
		return m.name + "@" + now.UTC().Format("2006-01")
	}
	return m.name
}

// Meter limits what is not rows: the tenant's limit of that name is how much [Add] may add up to
// in a period.
//
//	quota.Meter(tenants.StorageBytes, quota.Always)
//	quota.Meter(tenants.APICalls, quota.Monthly)
func Meter(name string, period Period) Option {
	return optionFunc(func(p *Plugin) error {
		if name == "" || period < Always || period > Monthly {
			return fmt.Errorf("gormtenant: quota.Meter(%q, %d) needs the name of a limit and a "+
				"period, as in quota.Meter(\"api_calls\", quota.Monthly)", name, period)
		}
		p.meters = append(p.meters, meter{name, period})
		return nil
	})
}

// addSQL adds to a meter, unless that goes past the limit: then there is no row.
const (
	addSQL = "INSERT INTO tenant_quota_locks AS held " +
		"(tenant_id, name, version, used, counted_at) " +
		"SELECT CAST(? AS text), CAST(? AS text), 1, CAST(? AS bigint), 0 " +
		"WHERE CAST(? AS bigint) >= 0 " +
		"ON CONFLICT (tenant_id, name) DO UPDATE SET version = held.version + 1, used = " +
		"CASE WHEN coalesce(held.used, 0) + CAST(? AS bigint) < 0 THEN 0 " +
		"ELSE coalesce(held.used, 0) + CAST(? AS bigint) END " +
		"WHERE coalesce(held.used, 0) <= CAST(? AS bigint) RETURNING used"
	firstSQL = "INSERT INTO tenant_quota_locks AS held (tenant_id, name, version, counted_at) " +
		"VALUES (CAST(? AS text), '', 1, 0) " +
		"ON CONFLICT (tenant_id, name) DO UPDATE SET version = held.version + 1"
	usedSQL = "SELECT CAST(coalesce(sum(used), 0) AS bigint) FROM tenant_quota_locks " +
		"WHERE tenant_id = CAST(? AS text) AND name = CAST(? AS text)"
)

// Add adds n to what the tenant of ctx has used of a [Meter], or returns a [tenants.LimitError] and
// adds nothing if that would be more than its limit. A negative n gives back, never below 0, and is
// never refused.
//
//	err := quota.Add(ctx, db, tenants.APICalls, 1)
//	err := quota.Add(ctx, tx, tenants.StorageBytes, file.Size) // with the row, in one transaction
//
// It is counted in the database in one statement, right under concurrency. In a transaction it is
// two, takes the tenant's lock as a create does, and holds it until the end. Everything is counted,
// also for a tenant without that limit.
//
// db is one that has the plugin, with any context. The error is gormtenant.ErrNoTenant where ctx
// has no tenant.
func Add(ctx context.Context, db *gorm.DB, name string, n int64) error {
	g, err := guardOf(db)
	if err != nil {
		return err
	}
	m, ok := g.meters[name]
	if !ok {
		return fmt.Errorf("gormtenant: quota.Add: there is no meter %q: give quota.New a "+
			"quota.Meter(%q, ...)", name, name)
	}
	s, err := g.own(ctx, name)
	if err != nil {
		return err
	}
	used, err := m.add(ctx, db, s, g.bound(name, s), n)
	if err == nil && s.limit >= 0 && n > 0 && used > s.limit {
		g.soft[name](ctx, Use{name, used, s.limit})
	}
	return err
}

// bound is the limit that refuses.
func (g *guard) bound(name string, s *share) int64 {
	if s.limit < 0 || g.soft[name] != nil {
		return math.MaxInt64
	}
	return s.limit
}

func (m meter) add(
	ctx context.Context, db *gorm.DB, s *share, limit, n int64,
) (used int64, err error) {
	pool, row := db.Statement.ConnPool, m.row(time.Now())
	if tx, ok := pool.(gorm.TxCommitter); ok && tx != nil {
		if _, err := pool.ExecContext(ctx, bind(db, firstSQL), s.key); err != nil {
			return 0, wrapUse(err)
		}
	}
	most := int64(math.MaxInt64) // that there may be, so that n more is within the limit
	if n > 0 {
		most = limit - n
	}
	err = pool.QueryRowContext(ctx, bind(db, addSQL), s.key, row, max(n, 0), most, n, n, most).
		Scan(&used)
	if !errors.Is(err, sql.ErrNoRows) {
		return used, wrapUse(err)
	}
	if err := pool.QueryRowContext(ctx, bind(db, usedSQL), s.key, row).Scan(&used); err != nil {
		return 0, wrapUse(err)
	}
	return used, &tenants.LimitError{
		Name: m.name, Limit: limit, Count: used + min(n, math.MaxInt64-used),
	}
}

// own returns the tenant of ctx, and its limit of that name.
func (g *guard) own(ctx context.Context, name string) (*share, error) {
	id, err := gormtenant.Require(ctx)
	if err != nil {
		return nil, err
	}
	text, err := asText(id)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", gormtenant.ErrInvalidID, err)
	}
	s := &share{id: text, key: text}
	return s, g.limitOf(ctx, name, s)
}

// bind writes the placeholders of db's dialect.
func bind(db *gorm.DB, sql string) string {
	stmt := db.Session(&gorm.Session{NewDB: true, Initialized: true}).Statement
	write(stmt, sql)
	return stmt.SQL.String()
}

func wrapUse(err error) error {
	if err == nil {
		return nil
	}
	hint := ""
	if isMissing(err) {
		hint = ": call quota.Migrate(db) when the application is deployed"
	}
	return prefix.Errorf("the use of a tenant: %w%s", err, hint)
}
