// Package sharded holds the models of package saas as partitions and Citus need them: the tenant is
// in every primary key, every unique index and every foreign key, so that all rows of a tenant are
// in one partition, or on one machine, and what they refer to is there too.
//
// What differs from package saas is in the tags. The code that uses the models stays as it is.
package sharded

import (
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/models"
)

// User is somebody who works for a tenant.
type User struct {
	models.TenantModel
	TenantID  string `gorm:"tenant;primaryKey"`
	ID        uint   `gorm:"primaryKey"`
	Name      string
	ManagerID *uint
	Manager   *User    `gorm:"foreignKey:TenantID,ManagerID;references:TenantID,ID"`
	Profile   *Profile `gorm:"foreignKey:TenantID,UserID;references:TenantID,ID"`
}

// Profile is what a user tells of himself.
type Profile struct {
	models.TenantModel
	TenantID string `gorm:"tenant;primaryKey"`
	ID       uint   `gorm:"primaryKey"`
	UserID   uint
	Bio      string
}

// Project has an owner, tasks, tags and comments.
type Project struct {
	models.TenantModel
	TenantID string `gorm:"tenant;primaryKey;uniqueIndex:idx_projects_slug,priority:1"`
	ID       uint   `gorm:"primaryKey"`
	Slug     string `gorm:"not null;uniqueIndex:idx_projects_slug,priority:2"`
	Name     string
	OwnerID  uint
	Owner    *User  `gorm:"foreignKey:TenantID,OwnerID;references:TenantID,ID"`
	Tasks    []Task `gorm:"foreignKey:TenantID,ProjectID;references:TenantID,ID"`
	// The join table has one tenant column, which both of its foreign keys hold.
	Tags []Tag `gorm:"many2many:project_tags;foreignKey:TenantID,ID;joinForeignKey:TenantID,ProjectID;references:TenantID,ID;joinReferences:TenantID,TagID"` //nolint:lll // A tag cannot be broken.
	// A polymorphic relation has no foreign key in the database: the plugin keeps it.
	Comments []Comment `gorm:"polymorphic:Subject"`
}

// Task is a piece of work in a project.
type Task struct {
	models.TenantModel
	TenantID  string `gorm:"tenant;primaryKey"`
	ID        uint   `gorm:"primaryKey"`
	Title     string
	Done      bool
	ProjectID uint
	Comments  []Comment `gorm:"polymorphic:Subject"`
}

// Tag marks projects.
type Tag struct {
	models.TenantModel
	TenantID string    `gorm:"tenant;primaryKey;uniqueIndex:idx_tags_label,priority:1"`
	ID       uint      `gorm:"primaryKey"`
	Label    string    `gorm:"not null;uniqueIndex:idx_tags_label,priority:2"`
	Projects []Project `gorm:"many2many:project_tags;foreignKey:TenantID,ID;joinForeignKey:TenantID,TagID;references:TenantID,ID;joinReferences:TenantID,ProjectID"` //nolint:lll // A tag cannot be broken.
}

// Comment is about a project or a task. It is deleted softly.
type Comment struct {
	models.TenantModel
	TenantID    string `gorm:"tenant;primaryKey"`
	ID          uint   `gorm:"primaryKey"`
	Text        string
	SubjectID   uint
	SubjectType string
	DeletedAt   gorm.DeletedAt
}

// Models returns a pointer to one of each model, each after those that it refers to.
func Models() []any {
	return []any{&User{}, &Profile{}, &Tag{}, &Project{}, &Task{}, &Comment{}}
}
