package store // want package:"tenant tables projects remarks tasks"

import "github.com/gormtenant/gormtenant/models"

type Project struct {
	ID uint
	models.TenantModel
	Name  string `gorm:"unique"` // want `unique: Name is unique among all tenants`
	Token string `gorm:"unique"`
}

type Task struct {
	ID        uint
	TenantID  string `gorm:"uniqueIndex:idx_tasks,priority:1"`
	Number    int    `gorm:"uniqueIndex:idx_tasks,priority:2"`
	Code      string `gorm:"index:,unique"` // want `unique: Code is unique`
	ProjectID uint   // want `reference: ProjectID is a key of Project`
	CommentID uint
	Comment   *Comment
}

type Comment struct {
	ID   uint
	Org  uint `gorm:"tenant"`
	Text string
}

func (Comment) TableName() string { return "remarks" }

type Label struct { // want `forgotten: Label has no tenant, but its field Projects`
	ID       uint
	Projects []Project `gorm:"many2many:project_labels"`
}

//tenantlint:ignore the plans are everybody's
type Plan struct {
	ID       uint `gorm:"primaryKey"`
	Projects []Project
}

// Tenant is the tenant itself.
type Tenant struct {
	ID       string `gorm:"primaryKey"`
	Projects []Project
}

type Country struct {
	TenantID string `gorm:"tenant:-"`
	Projects []Project
}

// Page is an answer, and no model.
type Page struct{ Projects []Project }
