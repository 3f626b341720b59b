package models

import (
	"fmt"
	"strings"

	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
)

// DefaultColumn is the column that makes a model a tenant model without a tag.
const DefaultColumn = "tenant_id"

// tag is the setting of a field's gorm tag, in the form that GORM keeps it.
const (
	tag    = "TENANT"
	optOut = "-"
)

// Field returns the tenant field of a model: the one tagged `gorm:"tenant"`, else the one with the
// given column in any case, or with [DefaultColumn] if column is "". It returns nil if the model is
// not a tenant model. The error is a gormtenant.ErrInvalidModel: the model has two tagged fields,
// or its tagged field is not a column, or its tenant field has a serializer.
func Field(model *schema.Schema, column string) (*schema.Field, error) {
	if column == "" {
		column = DefaultColumn
	}
	field, err := find(model, column)
	if field != nil && field.Serializer != nil {
		return nil, fmt.Errorf("%w: the tenant field %s.%s has a serializer, so values of its "+
			"column cannot be compared: store the ID as it is",
			gormtenant.ErrInvalidModel, model.Name, field.Name)
	}
	return field, err
}

func find(model *schema.Schema, column string) (*schema.Field, error) {
	var tagged *schema.Field
	for _, field := range model.Fields {
		setting, ok := field.TagSettings[tag]
		switch {
		case !ok || setting == optOut || shadowed(model, field):
		case field.DBName == "":
			return nil, fmt.Errorf("%w: %s.%s is tagged as the tenant field, but it is no column: "+
				"tag the field that holds the ID",
				gormtenant.ErrInvalidModel, model.Name, field.Name)
		case tagged != nil:
			return nil, fmt.Errorf("%w: %s has two tenant fields, %s and %s: "+
				"take the tag `gorm:\"tenant\"` off one of them",
				gormtenant.ErrInvalidModel, model.Name, tagged.Name, field.Name)
		default:
			tagged = field
		}
	}
	if tagged != nil {
		return tagged, nil
	}
	for _, field := range model.Fields {
		if !shadowed(model, field) && sameColumn(field.DBName, column) &&
			field.TagSettings[tag] != optOut {
			return field, nil
		}
	}
	return nil, nil
}

// sameColumn reports whether both are one column. GORM's naming strategies spell it tenant_id or
// TenantID.
func sameColumn(a, b string) bool {
	bare := strings.NewReplacer("_", "")
	return a == b || strings.EqualFold(bare.Replace(a), bare.Replace(b))
}

// shadowed reports whether another field of the model has taken the column of field, as a model's
// own TenantID takes that of an embedded struct.
func shadowed(model *schema.Schema, field *schema.Field) bool {
	return field.DBName != "" && model.FieldsByDBName[field.DBName] != field
}
