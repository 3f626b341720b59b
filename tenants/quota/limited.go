package quota

import (
	"fmt"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
)

// limited is a model of whose rows a tenant may have so many.
type limited struct {
	name   string // of the limit
	schema *schema.Schema
	field  *schema.Field // of the tenant
	texts
	// waits says that a statement can wait for a lock and still see what was there before, as in
	// PostgreSQL. SQLite has one writer at a time, who sees everything.
	waits bool
	apart *apart // nil without Citus
}

func newLimited(db *gorm.DB, plugin tenantPlugin, given limit) (*limited, error) {
	stmt := &gorm.Statement{DB: db}
	if err := stmt.Parse(given.model); err != nil {
		return nil, fmt.Errorf("%w: quota.Limit was given a %T, which is no model: "+
			"give it a pointer to a struct, as in quota.Limit(&Project{}, \"projects\"): %w",
			gormtenant.ErrInvalidModel, given.model, err)
	}
	field, err := plugin.TenantField(stmt.Schema)
	if err != nil {
		return nil, err
	}
	if field == nil {
		return nil, fmt.Errorf("%w: quota.Limit was given %s, which has no tenant field, so its "+
			"rows are nobody's: embed models.TenantModel in it", gormtenant.ErrInvalidModel,
			stmt.Schema.Name)
	}
	l := &limited{
		name: given.name, schema: stmt.Schema, field: field, waits: db.Name() == "postgres",
	}
	l.texts = l.build(db)
	return l, nil
}

// tableKey returns what the spellings of a table's name have in common. As for the tenant plugin,
// the tables of one name in several schemas are one.
func tableKey(name string) string {
	name = name[strings.LastIndexByte(name, '.')+1:]
	return strings.ToLower(strings.Trim(name, " \t\r\n\"`[]"))
}
