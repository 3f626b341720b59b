package bench_test

import "github.com/gormtenant/gormtenant/models"

// Project, User and Task are models as an application with the plugin has them.
type Project struct {
	ID uint
	models.TenantModel
	Name    string
	Budget  int
	OwnerID uint
	Owner   *User
	Tasks   []Task
}

// User owns projects.
type User struct {
	ID uint
	models.TenantModel
	Name string
}

// Task is a part of a project.
type Task struct {
	ID uint
	models.TenantModel
	ProjectID uint `gorm:"index"`
	Title     string
}

// plainProject, plainUser and plainTask are the same models on the same tables as an application
// without the plugin has them.
type plainProject struct {
	ID       uint
	TenantID string
	Name     string
	Budget   int
	OwnerID  uint
	Owner    *plainUser  `gorm:"foreignKey:OwnerID"`
	Tasks    []plainTask `gorm:"foreignKey:ProjectID"`
}

type plainUser struct {
	ID       uint
	TenantID string
	Name     string
}

type plainTask struct {
	ID        uint
	TenantID  string
	ProjectID uint
	Title     string
}

func (plainProject) TableName() string { return "projects" }
func (plainUser) TableName() string    { return "users" }
func (plainTask) TableName() string    { return "tasks" }

// newProject returns a project to be created; the plugin fills its tenant.
func newProject(n int) Project {
	return Project{Name: "new", Budget: n, OwnerID: firstOwner}
}

// newPlainProject returns a project to be created that is nobody's.
func newPlainProject(n int) plainProject {
	return plainProject{Name: "new", Budget: n, OwnerID: firstOwner}
}

// newPlainProjectByHand returns a project to be created with the tenant filled in.
func newPlainProjectByHand(n int) plainProject {
	return plainProject{TenantID: tenant, Name: "new", Budget: n, OwnerID: firstOwner}
}

// withID returns projects as they are read, for an operation that looks up what belongs to them.
func withID(n int) []Project {
	rows := make([]Project, n)
	for i := range rows {
		rows[i].ID = firstProject + uint(i)
		rows[i].TenantID = tenant
	}
	return rows
}

func plainWithID(n int) []plainProject {
	rows := make([]plainProject, n)
	for i := range rows {
		rows[i].ID = firstProject + uint(i)
		rows[i].TenantID = tenant
	}
	return rows
}
