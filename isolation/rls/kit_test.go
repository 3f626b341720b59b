package rls_test

import (
	"testing"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/example/saas"
	"github.com/gormtenant/gormtenant/tenanttest"
)

// The test kit's attacks, where both guards are up and raw SQL is let through.
func TestModels_are_isolated(t *testing.T) {
	t.Parallel()
	s, _ := deployment(t)
	tenanttest.Run(t, func(t *testing.T) *gorm.DB { return opened(t, dsn(s.app, "")) },
		append(saas.Models(),
			tenanttest.Allow("User/foreign_key_manager_id", "not what is tested"),
			tenanttest.Allow("Project/foreign_key_owner_id", "not what is tested"),
			tenanttest.Allow("Profile/foreign_key_user_id", "not what is tested"),
			tenanttest.Allow("Task/foreign_key_project_id", "not what is tested"),
			tenanttest.Allow("Comment/foreign_key_subject_id", "not what is tested"))...)
}
