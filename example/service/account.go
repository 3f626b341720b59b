package service

import (
	"github.com/gormtenant/gormtenant/example/saas"
	"github.com/gormtenant/gormtenant/models"
	"github.com/gormtenant/gormtenant/tenants/quota"
)

// account is how a user logs in. It is a table of its own, so that no answer about users can hold
// the hash of a password by mistake.
type account struct {
	ID uint
	models.TenantModel
	// Two tenants may both have an "ann"; one may not have two.
	TenantID string `gorm:"tenant;not null;uniqueIndex:idx_accounts_login,priority:1"`
	Login    string `gorm:"not null;uniqueIndex:idx_accounts_login,priority:2"`
	UserID   uint   `gorm:"not null"`
	User     *saas.User
	Password string `gorm:"not null"` // its hash
}

// tenantModels are all models whose rows belong to tenants.
func tenantModels() []any { return append(saas.Models(), &account{}) }

// protected are all models whose rows are a tenant's: those whose tables have policies where they
// are shared, and of which a tenant has tables of its own elsewhere.
func protected() []any { return append(tenantModels(), &quota.Lock{}) }
