package saas

import (
	"fmt"
	"strings"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
)

// Rows returns every row of a tenant as text, and the rows that join its rows. Compared before and
// after, it shows what an attack has changed. plain is to be without the plugin, so that the plugin
// cannot hide what it let through.
func Rows(plain *gorm.DB, tenant string) (string, error) {
	var text strings.Builder
	// Behind policies each tenant is asked for as itself.
	plain = plain.WithContext(gormtenant.WithTenant(plain.Statement.Context, tenant))
	for _, query := range []string{
		"SELECT * FROM users WHERE tenant_id = ? ORDER BY id",
		"SELECT * FROM projects WHERE tenant_id = ? ORDER BY id",
		"SELECT * FROM tasks WHERE tenant_id = ? ORDER BY id",
		"SELECT * FROM tags WHERE tenant_id = ? ORDER BY id",
		"SELECT * FROM project_tags WHERE project_id IN (SELECT id FROM projects WHERE tenant_id " +
			"= ?) ORDER BY project_id, tag_id",
		"SELECT * FROM project_tags WHERE tag_id IN (SELECT id FROM tags WHERE tenant_id = ?)" +
			" ORDER BY project_id, tag_id",
	} {
		var rows []map[string]any
		if err := plain.Raw(query, tenant).Scan(&rows).Error; err != nil {
			return "", err
		}
		fmt.Fprintln(&text, rows)
	}
	return text.String(), nil
}
