package tenantplugin_test

import (
	"testing"

	"github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// New never fails: db.Use returns the error of the first option that cannot be used.
func TestUse_returns_the_error_of_an_option(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		options []tenantplugin.Option
		err     string
	}{
		{"nil_option", []tenantplugin.Option{nil}, "gormtenant: tenantplugin.New: option 1 is nil"},
		{
			"nil_option_behind_another",
			[]tenantplugin.Option{tenantplugin.AllowRawSQL(), nil},
			"gormtenant: tenantplugin.New: option 2 is nil",
		},
		{
			"column_without_name",
			[]tenantplugin.Option{tenantplugin.Column(""), nil},
			`gormtenant: tenantplugin.Column needs a name, as in tenantplugin.Column("org_id")`,
		},
		{
			"nil_function",
			[]tenantplugin.Option{tenantplugin.OnUnscoped(nil)},
			"gormtenant: tenantplugin.OnUnscoped needs a function",
		},
		{
			"nil_function_of_defaults",
			[]tenantplugin.Option{tenantplugin.OnDefault(nil)},
			"gormtenant: tenantplugin.OnDefault needs a function",
		},
		{
			"nil_observer",
			[]tenantplugin.Option{tenantplugin.Observe(nil)},
			"gormtenant: tenantplugin.Observe needs a function, such as " +
				"observe.Log(slog.Default())",
		},
		{
			"only_something_that_is_no_model",
			[]tenantplugin.Option{tenantplugin.Only("projects")},
			"gormtenant: invalid tenant model: tenantplugin.Only takes pointers to structs, as " +
				"in tenantplugin.Only(&Project{}), and was given a string",
		},
		{
			"only_and_strict",
			[]tenantplugin.Option{tenantplugin.Only(&Project{}), tenantplugin.Strict()},
			"gormtenant: tenantplugin.Strict and Only exclude each other: " +
				"take Only out when every model is enforced",
		},
		{
			"empty_default_tenant",
			[]tenantplugin.Option{tenantplugin.DefaultTenant("")},
			"gormtenant: tenantplugin.DefaultTenant needs the ID of a tenant, as in " +
				`tenantplugin.DefaultTenant("acme")`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db, err := gorm.Open(sqlite.Open("file::memory:"), &gorm.Config{})
			require.NoError(t, err)
			require.EqualError(t, db.Use(tenantplugin.New(test.options...)), test.err)
			require.NoError(t, db.Use(tenantplugin.New()), "db.Use can be called again")
		})
	}
}
