package models_test

import (
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"unsafe"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/models"
)

type address struct {
	Street string
	Tenant string `gorm:"tenant"`
}

type (
	embedded     struct{ models.TenantModel }
	embeddedUUID struct {
		models.TenantModelOf[uuid.UUID]
	}
	otherName struct {
		OrgID int64 `gorm:"tenant"`
	}
	otherColumn struct {
		Owner string `gorm:"tenant;column:belongs_to"`
	}
	pointerField struct {
		OrgID *string `gorm:"tenant"`
	}
	withPrefix struct {
		Home address `gorm:"embedded;embeddedPrefix:home_"`
	}
	byColumn     struct{ TenantID string }
	byColumnName struct {
		Org string `gorm:"column:tenant_id"`
	}
	inCapitals struct {
		Org string `gorm:"column:TENANT_ID"`
	}
	optedOut struct {
		TenantID string `gorm:"tenant:-"`
	}
	noTenant   struct{ ID, Name string }
	ownBesides struct {
		models.TenantModel
		TenantID string `gorm:"size:20"`
	}
	tagBeatsColumn struct {
		TenantID string
		OrgID    string `gorm:"tenant"`
	}
	optedOutEmbedded struct {
		models.TenantModel `gorm:"tenant:-"`
	}
	twoFields struct {
		OrgID string `gorm:"tenant"`
		Other string `gorm:"tenant"`
	}
	noColumn struct {
		OrgID string `gorm:"tenant;-"`
	}
	serialized struct {
		TenantID string `gorm:"serializer:json"`
	}
	relation struct {
		ID    uint
		OrgID uint
		Org   otherOrg `gorm:"tenant"`
	}
	otherOrg struct{ ID uint }
)

func parse(t *testing.T, model any) *schema.Schema {
	t.Helper()
	parsed, err := schema.Parse(model, &sync.Map{}, schema.NamingStrategy{})
	require.NoError(t, err)
	return parsed
}

func TestField(t *testing.T) {
	for _, test := range []struct {
		name   string
		model  any
		column string
	}{
		{"embedded", &embedded{}, "tenant_id"},
		{"embedded_with_another_type", &embeddedUUID{}, "tenant_id"},
		{"another_name", &otherName{}, "org_id"},
		{"another_column", &otherColumn{}, "belongs_to"},
		{"pointer", &pointerField{}, "org_id"},
		{"embedded_with_a_prefix", &withPrefix{}, "home_tenant"},
		{"column_without_a_tag", &byColumn{}, "tenant_id"},
		{"column_of_a_field_of_other_name", &byColumnName{}, "tenant_id"},
		{"column_in_capitals", &inCapitals{}, "TENANT_ID"},
		{"own_field_beside_the_embedded", &ownBesides{}, "tenant_id"},
		{"tag_on_another_than_the_column", &tagBeatsColumn{}, "org_id"},
		{"opted_out", &optedOut{}, ""},
		{"opted_out_of_the_embedded", &optedOutEmbedded{}, ""},
		{"no_tenant", &noTenant{}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			field, err := models.Field(parse(t, test.model), models.DefaultColumn)
			require.NoError(t, err)
			if test.column == "" {
				require.Nil(t, field)
				return
			}
			require.NotNil(t, field)
			require.Equal(t, test.column, field.DBName)
		})
	}
}

func TestField_with_another_default_column(t *testing.T) {
	field, err := models.Field(parse(t, &byColumn{}), "org_id")
	require.NoError(t, err)
	require.Nil(t, field)
}

func TestField_of_an_invalid_model(t *testing.T) {
	for _, test := range []struct {
		name  string
		model any
		says  string
	}{
		{"two_fields", &twoFields{}, "two tenant fields, OrgID and Other"},
		{"no_column", &noColumn{}, "OrgID is tagged as the tenant field, but it is no column"},
		{"serialized", &serialized{}, "the tenant field serialized.TenantID has a serializer"},
		{"relation", &relation{}, "Org is tagged as the tenant field, but it is no column"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := models.Field(parse(t, test.model), models.DefaultColumn)
			require.ErrorIs(t, err, gormtenant.ErrInvalidModel)
			require.ErrorContains(t, err, test.says)
		})
	}
}

func TestTenantModel_adds_one_column_and_no_bytes(t *testing.T) {
	parsed := parse(t, &embedded{})
	require.Equal(t, []string{"tenant_id"}, parsed.DBNames)
	require.Len(t, parsed.ParseIndexes(), 1)
	for _, index := range parsed.ParseIndexes() { // a map in GORM before 1.26
		require.Equal(t, "tenant_id", index.Fields[0].DBName)
	}
	require.True(t, parsed.FieldsByDBName["tenant_id"].NotNull)
	require.Empty(t, parsed.Relationships.Relations)

	text, err := json.Marshal(embedded{models.TenantModel{TenantID: "acme"}})
	require.NoError(t, err)
	require.JSONEq(t, `{"TenantID":"acme"}`, string(text))
	require.Equal(t, unsafe.Sizeof(""), unsafe.Sizeof(models.TenantModel{}))
}

func TestField_by_another_spelling_of_the_column(t *testing.T) {
	parsed, err := schema.Parse(&byColumn{}, &sync.Map{}, schema.NamingStrategy{NoLowerCase: true})
	require.NoError(t, err)
	field, err := models.Field(parsed, models.DefaultColumn)
	require.NoError(t, err)
	require.Equal(t, "TenantID", field.DBName)
}

// TestTenantModel_without_the_plugin fails each kind of statement, unless that failed before.
func TestTenantModel_without_the_plugin(t *testing.T) {
	parsed := parse(t, &embedded{})
	for _, test := range []struct {
		kind    string
		clauses []clause.Interface
	}{
		{"query", parsed.QueryClauses},
		{"create", parsed.CreateClauses},
		{"update", parsed.UpdateClauses},
		{"delete", parsed.DeleteClauses},
	} {
		kind, clauses := test.kind, test.clauses
		require.Len(t, clauses, 1, kind)
		modifier, ok := clauses[0].(gorm.StatementModifier)
		require.True(t, ok, kind)
		modify := func(db *gorm.DB) error {
			modifier.ModifyStatement(&gorm.Statement{DB: db, Table: "docs"})
			return db.Error
		}
		var failure *gormtenant.Error
		require.ErrorAs(t, modify(&gorm.DB{Config: &gorm.Config{}}), &failure)
		require.Equal(t,
			gormtenant.Error{Op: kind, Table: "docs", Err: gormtenant.ErrNotRegistered}, *failure)
		with := &gorm.Config{Plugins: map[string]gorm.Plugin{models.PluginName: nil}}
		require.NoError(t, modify(&gorm.DB{Config: with}), kind)
		earlier := errors.New("an earlier error")
		require.Equal(t, earlier, modify(&gorm.DB{Config: &gorm.Config{}, Error: earlier}), kind)
	}
}
