// Package models says which model belongs to a tenant, and by which field.
//
// A model is a tenant model when it embeds [TenantModel] or [TenantModelOf], when it has a field
// tagged `gorm:"tenant"`, or, so that nothing is forgotten, when it has a column named tenant_id
// (tenantplugin.Column gives that name). The tag `gorm:"tenant:-"` on such a column opts out.
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
//		TenantID string `gorm:"tenant:-"` // a plain column: rows of this model are nobody's
//	}
package models

// TenantModel is embedded in the models whose rows belong to a tenant with a string ID. It adds
// the column tenant_id, NOT NULL and indexed.
//
// The application does not set TenantID: a create fills it from the context, and no update can
// change it. On a *gorm.DB without the plugin, statements on such a model fail with
// gormtenant.ErrNotRegistered.
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
	// RequiresPlugin makes statements fail where the plugin was forgotten. It maps no column,
	// takes no memory, and is not in JSON.
	RequiresPlugin pluginCheck `gorm:"-" json:"-"`
	// TenantID is the tenant that the row belongs to.
	TenantID string `gorm:"tenant;not null;index"`
}

// TenantModelOf is [TenantModel] for IDs of another type than string: an integer, a uuid.UUID, a
// string type of the application's.
//
//	type Project struct {
//		ID uint
//		models.TenantModelOf[uuid.UUID]
//	}
//
// The type of the column is the one that GORM gives to a field of type ID. For types that GORM
// stores as text where the server has a better type, such as uuid.UUID on Postgres, declare the
// field yourself: TenantID uuid.UUID `gorm:"tenant;type:uuid;not null;index"`.
type TenantModelOf[ID comparable] struct {
	// RequiresPlugin makes statements fail where the plugin was forgotten. It maps no column,
	// takes no memory, and is not in JSON.
	RequiresPlugin pluginCheck `gorm:"-" json:"-"`
	// TenantID is the tenant that the row belongs to.
	TenantID ID `gorm:"tenant;not null;index"`
}
