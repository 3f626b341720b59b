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

// Field returns the field of a model that holds its tenant: the one tagged `gorm:"tenant"`, else
// the one with the given column, [DefaultColumn] if that is "". It is nil for a model that is no
// tenant model. The error is a gormtenant.ErrInvalidModel: two tagged fields, one that is no column,
// or one with a serializer.
func Field(model *schema.Schema, column string) (*schema.Field, error) {
	if column == "" {
		column = DefaultColumn
	}
	field, err := find(model, column)
	if field != nil && field.Serializer != nil {
		return nil, fmt.Errorf("%w: the tenant field %s.%s has a serializer, so that what is in the column "+
			"cannot be compared: keep the ID as it is", gormtenant.ErrInvalidModel, model.Name, field.Name)
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
				"tag the field that holds the ID", gormtenant.ErrInvalidModel, model.Name, field.Name)
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
		if !shadowed(model, field) && sameColumn(field.DBName, column) && field.TagSettings[tag] != optOut {
			return field, nil
		}
	}
	return nil, nil
}

// sameColumn says whether both are one column, as the naming strategies of GORM spell it:
// tenant_id, TenantID.
func sameColumn(a, b string) bool {
	return a == b || strings.EqualFold(strings.ReplaceAll(a, "_", ""), strings.ReplaceAll(b, "_", ""))
}

// shadowed says whether another field of the model took the column of field: the model's own
// TenantID beside the one of an embedded struct.
func shadowed(model *schema.Schema, field *schema.Field) bool {
	return field.DBName != "" && model.FieldsByDBName[field.DBName] != field
}
