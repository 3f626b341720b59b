package main

import (
	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/models"
)

// Project has a key that is unique everywhere, so that its tenant can move back to the shared
// tables.
type Project struct {
	ID uuid.UUID `gorm:"type:uuid;primaryKey"`
	models.TenantModel
	Name  string
	Tasks []Task
}

// Task is a part of a project.
type Task struct {
	ID uuid.UUID `gorm:"type:uuid;primaryKey"`
	models.TenantModel
	ProjectID uuid.UUID `gorm:"type:uuid;not null;index"`
	Title     string
}

// BeforeCreate gives the project its key.
func (p *Project) BeforeCreate(*gorm.DB) (err error) {
	p.ID, err = uuid.NewV7()
	return err
}

// BeforeCreate gives the task its key.
func (t *Task) BeforeCreate(*gorm.DB) (err error) {
	t.ID, err = uuid.NewV7()
	return err
}

// tenantModels are those of tenants.
func tenantModels() []any { return []any{&Project{}, &Task{}} }
