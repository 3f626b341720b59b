package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/prefix"
	"github.com/gormtenant/gormtenant/tenants"
)

// tenantRow is a tenant as it is stored. What has parts is JSON text, which both databases have;
// the domains are in the rows of names too.
type tenantRow struct {
	ID        string `gorm:"primaryKey"`
	Slug      string
	Name      string
	Domains   []string `gorm:"serializer:json"`
	Status    tenants.Status
	Plan      string
	ExpiresAt *time.Time
	Limits    tenants.Limits `gorm:"serializer:json"`
	// Attributes is '{}' in the rows of earlier versions.
	Attributes map[string]string `gorm:"serializer:json"`
	Placement  placements        `gorm:"serializer:json"`
	CreatedAt  time.Time         `gorm:"autoCreateTime:false"`
	UpdatedAt  time.Time         `gorm:"autoUpdateTime:false"`
}

// TableName returns the name of the table.
func (tenantRow) TableName() string { return "gormtenant_tenants" }

// nameRow is something that a tenant is found by: its ID, its slug or a domain; or, behind a slash,
// a place that is its own alone: see places.go. That names are the primary key is what keeps them
// apart when two processes take one.
type nameRow struct {
	Name     string `gorm:"primaryKey"`
	TenantID string `gorm:"tenant:-"` // the directory is nobody's
	// ReleasedAt is when the tenant gave the name up, which nobody is found by since. nil if it has
	// it.
	ReleasedAt *time.Time
}

// TableName returns the name of the table.
func (nameRow) TableName() string { return "gormtenant_names" }

// lockKey is that of the advisory lock that Migrate takes. It is arbitrary, and means nothing else.
const lockKey = 0x676f726d73746f

// ddl are the statements of Migrate, with the collation of keys and the type of times left open.
var ddl = [...]string{
	`CREATE TABLE IF NOT EXISTS gormtenant_tenants (
		id text{key} NOT NULL PRIMARY KEY,
		slug text NOT NULL,
		name text NOT NULL,
		domains text NOT NULL,
		status text NOT NULL,
		plan text NOT NULL,
		expires_at {time},
		limits text NOT NULL,
		placement text NOT NULL DEFAULT '{}',
		attributes text NOT NULL DEFAULT '{}',
		created_at {time} NOT NULL,
		updated_at {time} NOT NULL
	)`,
	`CREATE TABLE IF NOT EXISTS gormtenant_names (
		name text{key} NOT NULL PRIMARY KEY,
		tenant_id text{key} NOT NULL REFERENCES gormtenant_tenants (id) ON DELETE CASCADE,
		released_at {time}
	)`,
	`CREATE INDEX IF NOT EXISTS gormtenant_names_tenant_id ON gormtenant_names (tenant_id)`,
	`CREATE TABLE IF NOT EXISTS gormtenant_domains (
		tenant_id text{key} NOT NULL REFERENCES gormtenant_tenants (id) ON DELETE CASCADE,
		domain text{key} NOT NULL,
		token text NOT NULL,
		asked_at {time} NOT NULL,
		PRIMARY KEY (tenant_id, domain)
	)`,
}

// Migrate makes the tables and columns where they are missing. It may be called at every start, by
// several processes at once. For applications that migrate by other means, on Postgres:
//
//	CREATE TABLE IF NOT EXISTS gormtenant_tenants (
//		id text COLLATE "C" NOT NULL PRIMARY KEY,
//		slug text NOT NULL,
//		name text NOT NULL,
//		domains text NOT NULL,
//		status text NOT NULL,
//		plan text NOT NULL,
//		expires_at timestamptz,
//		limits text NOT NULL,
//		placement text NOT NULL DEFAULT '{}',
//		attributes text NOT NULL DEFAULT '{}',
//		created_at timestamptz NOT NULL,
//		updated_at timestamptz NOT NULL
//	);
//	CREATE TABLE IF NOT EXISTS gormtenant_names (
//		name text COLLATE "C" NOT NULL PRIMARY KEY,
//		tenant_id text COLLATE "C" NOT NULL REFERENCES gormtenant_tenants (id) ON DELETE CASCADE,
//		released_at timestamptz
//	);
//	CREATE INDEX IF NOT EXISTS gormtenant_names_tenant_id ON gormtenant_names (tenant_id);
//	CREATE TABLE IF NOT EXISTS gormtenant_domains (
//		tenant_id text COLLATE "C" NOT NULL REFERENCES gormtenant_tenants (id) ON DELETE CASCADE,
//		domain text COLLATE "C" NOT NULL,
//		token text NOT NULL,
//		asked_at timestamptz NOT NULL,
//		PRIMARY KEY (tenant_id, domain)
//	);
//
// The role of the application needs SELECT, INSERT and UPDATE on the first, and DELETE too on the
// others. On SQLite there are no collations, and times are of the type datetime.
func (s *Store) Migrate(ctx context.Context) error {
	db := s.session(ctx)
	// Each statement takes the lock by itself, and would not get it after a read.
	if s.db.Name() == sqlite {
		return createTables(db, strings.NewReplacer("{key}", "", "{time}", "datetime"))
	}
	return db.Transaction(func(tx *gorm.DB) error {
		// CREATE TABLE IF NOT EXISTS fails where another session makes the table at the same time.
		if err := tx.Exec("SELECT pg_advisory_xact_lock(?)", lockKey).Error; err != nil {
			return prefix.Errorf("waiting for others that make the tables of tenants: %w", err)
		}
		// In the order of bytes, as SQLite has it, List goes through the tenants in one order
		// everywhere.
		return createTables(tx,
			strings.NewReplacer("{key}", ` COLLATE "C"`, "{time}", "timestamptz"))
	})
}

func createTables(db *gorm.DB, dialect *strings.Replacer) error {
	for _, statement := range ddl {
		if err := db.Exec(dialect.Replace(statement)).Error; err != nil {
			return prefix.Errorf("making the tables of tenants: %w", err)
		}
	}
	for _, c := range added {
		if err := c.add(db, dialect); err != nil {
			return prefix.Errorf("adding %s to the tables of tenants: %w", c.name, err)
		}
	}
	return nil
}

// newRow returns the row of a tenant that was validated.
func newRow(t *tenants.Tenant) *tenantRow {
	row := tenantRow{
		ID: t.ID, Slug: t.Slug, Name: t.Name, Domains: t.Domains, Status: t.Status, Plan: t.Plan,
		ExpiresAt: t.ExpiresAt, Limits: t.Limits, Attributes: t.Attributes,
		Placement: placementsOf(t), CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt,
	}
	if row.Domains == nil {
		row.Domains = []string{}
	}
	if row.Limits == nil {
		row.Limits = tenants.Limits{}
	}
	if row.Attributes == nil {
		row.Attributes = map[string]string{}
	}
	return &row
}

// tenant returns the tenant of a row.
func (r *tenantRow) tenant() *tenants.Tenant {
	t := tenants.Tenant{
		ID: r.ID, Slug: r.Slug, Name: r.Name, Status: r.Status, Plan: r.Plan,
		ExpiresAt: keptIfAny(r.ExpiresAt), CreatedAt: kept(r.CreatedAt),
		UpdatedAt: kept(r.UpdatedAt),
	}
	if len(r.Domains) > 0 {
		t.Domains = slices.Clip(r.Domains)
	}
	if len(r.Limits) > 0 {
		t.Limits = r.Limits
	}
	if len(r.Attributes) > 0 {
		t.Attributes = r.Attributes
	}
	r.Placement.put(&t)
	return &t
}
