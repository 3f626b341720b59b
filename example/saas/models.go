// Package saas holds the models of the example: a small product for teams, with one of each kind
// of relation that GORM knows.
package saas

import (
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/models"
)

// User is somebody who works for a tenant. Embedding TenantModel is all that isolation asks for.
type User struct {
	ID uint
	models.TenantModel
	Name      string
	ManagerID *uint
	Manager   *User
	Profile   *Profile
}

// Profile is what a user tells of himself.
type Profile struct {
	ID uint
	models.TenantModel
	UserID uint
	Bio    string
}

// Project has an owner, tasks, tags and comments.
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
	Tags     []Tag     `gorm:"many2many:project_tags"` // the join table needs no tenant column
	Comments []Comment `gorm:"polymorphic:Subject"`
}

// Task is a piece of work in a project.
type Task struct {
	ID uint
	models.TenantModel
	Title     string
	Done      bool
	ProjectID uint
	Comments  []Comment `gorm:"polymorphic:Subject"`
}

// Tag marks projects. Its label is unique within a tenant, as the slug of a project is.
type Tag struct {
	ID uint
	models.TenantModel
	TenantID string    `gorm:"tenant;not null;uniqueIndex:idx_tags_label,priority:1"`
	Label    string    `gorm:"not null;uniqueIndex:idx_tags_label,priority:2"`
	Projects []Project `gorm:"many2many:project_tags"`
}

// Comment is about a project or a task. It is deleted softly.
type Comment struct {
	ID uint
	models.TenantModel
	Text        string
	SubjectID   uint
	SubjectType string
	DeletedAt   gorm.DeletedAt
}

// Models returns a pointer to one of each model, each after those that it refers to.
func Models() []any {
	return []any{&User{}, &Profile{}, &Tag{}, &Project{}, &Task{}, &Comment{}}
}

// String returns the name of the project and what of its relations was loaded.
func (p Project) String() string {
	text := p.Name
	if p.Owner != nil {
		text += " of " + p.Owner.Name
	}
	if len(p.Tasks) > 0 {
		text += " [" + strings.Join(Sorted(p.Tasks), ", ") + "]"
	}
	for _, tag := range Sorted(p.Tags) {
		text += " #" + tag
	}
	return text
}

func (u User) String() string { return u.Name }
func (t Task) String() string { return t.Title }
func (t Tag) String() string  { return t.Label }

// Sorted returns rows as text in the order of the alphabet: where a query asks for no order,
// databases give them in any.
func Sorted[M any](rows []M) []string {
	texts := make([]string, len(rows))
	for i, row := range rows {
		texts[i] = fmt.Sprint(row)
	}
	slices.Sort(texts)
	return texts
}
