package main

import (
	"strings"

	"github.com/gormtenant/gormtenant/models"
)

// User is somebody who works for a tenant. Embedding TenantModel is all that isolation asks for.
type User struct {
	ID uint
	models.TenantModel
	Name string
}

// Project has one of each kind of relation: an owner, tasks, and tags.
type Project struct {
	ID uint
	models.TenantModel
	// TenantID is declared again so that it can lead the unique index below: two tenants may both
	// have a "website". Unique on the slug alone, the second of them could not create it, and
	// would learn from the error that somebody else has one.
	TenantID string `gorm:"tenant;not null;uniqueIndex:idx_projects_slug,priority:1"`
	Slug     string `gorm:"not null;uniqueIndex:idx_projects_slug,priority:2"`
	Name     string
	OwnerID  uint
	Owner    *User
	Tasks    []Task
	Tags     []Tag `gorm:"many2many:project_tags"` // the join table needs no tenant column
}

// Task is a piece of work in a project.
type Task struct {
	ID uint
	models.TenantModel
	Title     string
	Done      bool
	ProjectID uint
}

// Tag marks projects. Its label is unique within a tenant, as the slug of a project is.
type Tag struct {
	ID uint
	models.TenantModel
	TenantID string `gorm:"tenant;not null;uniqueIndex:idx_tags_label,priority:1"`
	Label    string `gorm:"not null;uniqueIndex:idx_tags_label,priority:2"`
}

// allModels are the models, each after those that it refers to.
var allModels = []any{&User{}, &Tag{}, &Project{}, &Task{}}

// String returns the name of the project and what of its relations was loaded.
func (p Project) String() string {
	text := p.Name
	if p.Owner != nil {
		text += " of " + p.Owner.Name
	}
	if len(p.Tasks) > 0 {
		text += " [" + strings.Join(sorted(p.Tasks), ", ") + "]"
	}
	for _, tag := range sorted(p.Tags) {
		text += " #" + tag
	}
	return text
}

func (u User) String() string { return u.Name }
func (t Task) String() string { return t.Title }
func (t Tag) String() string  { return t.Label }
