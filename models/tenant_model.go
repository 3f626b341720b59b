// Package models tells which models belong to tenants, and by which field.
//
// A model is a tenant model if it embeds [TenantModel] or [TenantModelOf], if it has a field tagged
// `gorm:"tenant"`, or, so that nothing is forgotten, if it has a column named tenant_id
// (tenantplugin.Column sets that name). The tag `gorm:"tenant:-"` on such a column opts out.
//
//	type Project struct {
//		ID uint
//		models.TenantModel
//		Name string
//	}
//
//	type Invoice struct {
//		ID    uint
//		OrgID int64 `gorm:"tenant;not null;index"` // the tenant field, whatever its name and type
//	}
//
//	type ImportLog struct {
//		ID       uint
//		TenantID string `gorm:"tenant:-"` // a plain column: the model is shared by all tenants
//	}
//
// # The type of the column
//
// Two IDs that differ are two tenants: in the context, in the directory and in every cache. The
// tenant column has to tell them apart too. A type or collation that ignores case (citext,
// COLLATE NOCASE, a MySQL collation whose name has _ci) is refused with
// gormtenant.ErrInvalidModel if the model's gorm tag or Go type names it. The default collation of
// most MySQL and SQL Server databases ignores case and cannot be seen in a model: give the column a
// binary one there, `gorm:"type:varchar(64) COLLATE utf8mb4_bin"`.
//
// Columns that ignore spaces at the end of a value (char(n) on Postgres, COLLATE RTRIM on SQLite)
// are compared in the same way here, and the ID of a tenant must not end in a space.
package models

// TenantModel is embedded in models whose rows belong to tenants with string IDs. It adds the
// column tenant_id, NOT NULL and indexed.
//
// The application does not set TenantID: creates fill it from the context, and updates cannot
// change it. On a *gorm.DB without the plugin, statements on the model fail with
// gormtenant.ErrNotRegistered.
//
// GORM's tags cannot name a field of another struct, so the index is over tenant_id alone. Run
// adopt.Apply after AutoMigrate: it makes the one over tenant_id and the primary key, by which a
// tenant's newest row is found among those of all, and foreign keys over both.
//
// To make natural keys unique within a tenant, declare the column once more beside it. The
// model's own field takes the place of the embedded one:
//
//	type Project struct {
//		ID uint
//		models.TenantModel
//		TenantID string `gorm:"not null;uniqueIndex:idx_projects_slug,priority:1"`
//		Slug     string `gorm:"uniqueIndex:idx_projects_slug,priority:2"`
//	}
type TenantModel struct {
	// RequiresPlugin makes statements fail if the plugin was not registered. It maps no column,
	// takes no memory, and is not in JSON.
	RequiresPlugin pluginCheck `gorm:"-" json:"-"`
	// TenantID is the ID of the tenant that owns the row.
	TenantID string `gorm:"tenant;not null;index"`
}

// TenantModelOf is [TenantModel] for IDs of a type other than string: an integer, a uuid.UUID, or
// a string type of the application.
//
//	type Project struct {
//		ID uint
//		models.TenantModelOf[uuid.UUID]
//	}
//
// The column has the type that GORM gives a field of type ID. For types that GORM stores as text
// although the server has a better type, such as uuid.UUID on Postgres, declare the
// field yourself: TenantID uuid.UUID `gorm:"tenant;type:uuid;not null;index"`.
type TenantModelOf[ID comparable] struct {
	// RequiresPlugin makes statements fail if the plugin was not registered. It maps no column,
	// takes no memory, and is not in JSON.
	RequiresPlugin pluginCheck `gorm:"-" json:"-"`
	// TenantID is the ID of the tenant that owns the row.
	TenantID ID `gorm:"tenant;not null;index"`
}
