// Package snippet is a prelude: what an application of the pages has.
package snippet

import (
	"context"
	"net/http"
	"testing"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/models"
	"github.com/gormtenant/gormtenant/tenants"
)

type Project struct {
	ID uint
	models.TenantModel
	Name string
}

type User struct {
	ID uint
	models.TenantModel
	Email string
}

type Country struct {
	Code string `gorm:"primaryKey"`
}

var (
	ctx      context.Context
	r        *http.Request
	err      error
	db       *gorm.DB
	t        *tenants.Tenant
	projects []Project
	n        int64
	dsn      string
)

func openMyDatabase(*testing.T) *gorm.DB { return db }
