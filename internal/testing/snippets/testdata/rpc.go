// Package snippet is the prelude of an application behind remote calls: it needs no database driver.
package snippet

import (
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/models"
	"github.com/gormtenant/gormtenant/tenants"
)

type Project struct {
	ID uint
	models.TenantModel
}

type service struct{}

var (
	db        *gorm.DB
	directory tenants.Directory
)
