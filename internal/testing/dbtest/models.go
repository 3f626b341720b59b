package dbtest

import (
	"time"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/models"
)

// User has one profile, many projects, a manager and companions.
type User struct {
	ID uint
	models.TenantModel
	Name      string
	Age       int
	ManagerID *uint
	Manager   *User
	Team      []User `gorm:"foreignKey:ManagerID"`
	Profile   *Profile
	Projects  []Project `gorm:"foreignKey:OwnerID"`
	Friends   []User    `gorm:"many2many:user_friends"`
}

// Profile belongs to one user.
type Profile struct {
	ID uint
	models.TenantModel
	UserID uint
	Bio    string
}

// Project is what most attacks are about.
type Project struct {
	ID uint
	models.TenantModel
	Name        string
	Budget      int
	Slug        string `gorm:"uniqueIndex"` // unique over all tenants, as a careless model has it
	OwnerID     *uint
	Owner       *User
	CountryCode *string
	Country     *Country `gorm:"foreignKey:CountryCode"`
	Tasks       []Task
	Tags        []Tag  `gorm:"many2many:project_tags"`
	Notes       []Note `gorm:"polymorphic:Subject"`
}

// Task belongs to a project.
type Task struct {
	ID uint
	models.TenantModel
	Title     string
	ProjectID *uint
	Project   *Project
	UpdatedAt time.Time
}

// Tag is shared by the projects of a tenant.
type Tag struct {
	ID uint
	models.TenantModel
	Label    string
	Projects []Project `gorm:"many2many:project_tags"`
}

// Note is deleted softly and belongs to anything.
type Note struct {
	ID uint
	models.TenantModel
	Text        string
	SubjectID   uint
	SubjectType string
	DeletedAt   gorm.DeletedAt
}

// Country is nobody's.
type Country struct {
	Code string `gorm:"primaryKey"`
	Name string
}

// Models are all of them, in an order in which they can be created.
func Models() []any {
	return []any{&Country{}, &User{}, &Profile{}, &Project{}, &Task{}, &Tag{}, &Note{}}
}

// Tables are their tables, and the join tables.
var Tables = []string{
	"countries", "users", "profiles", "projects", "tasks", "tags", "notes",
	"project_tags", "user_friends",
}
