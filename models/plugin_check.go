package models

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
)

// PluginName is the name under which the plugin is found in gorm.DB.Plugins.
const PluginName = "gormtenant"

// pluginCheck is the type of the field through which an embedded TenantModel notices that the
// plugin is missing. GORM asks the type of every field for clauses when it parses a model, also of
// one that maps no column, and adds them to each statement of the model.
type pluginCheck struct{}

func (pluginCheck) QueryClauses(*schema.Field) []clause.Interface {
	return []clause.Interface{requirePlugin{op: "query"}}
}

func (pluginCheck) CreateClauses(*schema.Field) []clause.Interface {
	return []clause.Interface{requirePlugin{op: "create"}}
}

func (pluginCheck) UpdateClauses(*schema.Field) []clause.Interface {
	return []clause.Interface{requirePlugin{op: "update"}}
}

func (pluginCheck) DeleteClauses(*schema.Field) []clause.Interface {
	return []clause.Interface{requirePlugin{op: "delete"}}
}

// requirePlugin is a clause that writes nothing. GORM hands it each statement before it is built.
type requirePlugin struct{ op string }

// ModifyStatement fails stmt where its *gorm.DB has no plugin.
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
