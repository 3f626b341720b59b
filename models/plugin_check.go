package models

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
)

// PluginName is the key of the plugin in gorm.DB.Plugins.
const PluginName = "gormtenant"

// pluginCheck is the type of the field by which an embedded TenantModel notices that the plugin is
// missing. When GORM parses a model it asks the type of every field for clauses, even if the field
// maps no column, and adds these clauses to each statement of the model.
type pluginCheck struct{}

func (pluginCheck) QueryClauses(*schema.Field) []clause.Interface {
	return []clause.Interface{requirePlugin{op: "query"}}
}

// CreateClauses also tells GORM, while it parses the model, that the field may be written. It maps
// no column, so nothing ever is; but a field that may not be written has an entry in a map that
// GORM makes for each create and update.
func (pluginCheck) CreateClauses(field *schema.Field) []clause.Interface {
	field.Creatable, field.Updatable = true, true
	return []clause.Interface{requirePlugin{op: "create"}}
}

func (pluginCheck) UpdateClauses(*schema.Field) []clause.Interface {
	return []clause.Interface{requirePlugin{op: "update"}}
}

func (pluginCheck) DeleteClauses(*schema.Field) []clause.Interface {
	return []clause.Interface{requirePlugin{op: "delete"}}
}

// requirePlugin is a clause that writes nothing. GORM passes it each statement before building it.
type requirePlugin struct{ op string }

// ModifyStatement makes stmt fail if its *gorm.DB has no plugin.
func (r requirePlugin) ModifyStatement(stmt *gorm.Statement) {
	if _, ok := stmt.DB.Plugins[PluginName]; ok || stmt.Error != nil {
		return
	}
	_ = stmt.AddError(&gormtenant.Error{
		Op: r.op, Table: stmt.Table, Err: gormtenant.ErrNotRegistered,
	})
}

func (requirePlugin) Name() string               { return "" }
func (requirePlugin) Build(clause.Builder)       {}
func (requirePlugin) MergeClause(*clause.Clause) {}
