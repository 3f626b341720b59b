// Package snippet is the prelude of an application behind a router: it needs no database driver.
package snippet

import (
	"net/http"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/middleware"
	"github.com/gormtenant/gormtenant/models"
	"github.com/gormtenant/gormtenant/tenants"
)

type Project struct {
	ID uint
	models.TenantModel
}

var (
	db            *gorm.DB
	directory     tenants.Directory
	m             *middleware.Middleware
	mux           *http.ServeMux
	addr          string
	projects      []Project
	tenantOfToken func(*http.Request) (string, error)
)
