package tenanttable_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/tenanttable"
)

type (
	citext struct {
		ID       uint
		TenantID string `gorm:"type:citext"`
	}
	nocase struct {
		ID       uint
		TenantID string `gorm:"type:text collate nocase"`
	}
	generalCI struct {
		ID       uint
		TenantID string `gorm:"type:varchar(20) COLLATE utf8mb4_0900_ai_ci"`
	}
	binary struct {
		ID       uint
		TenantID string `gorm:"type:varchar(20) COLLATE utf8mb4_bin"`
	}
	fixed struct {
		ID       uint
		TenantID string `gorm:"type:char(8)"`
	}
	varying struct {
		ID       uint
		TenantID string `gorm:"type:character varying(8)"`
	}
	rtrim struct {
		ID       uint
		TenantID string `gorm:"type:text collate rtrim"`
	}
	number struct {
		ID       uint
		TenantID int
	}
	ofType struct {
		ID       uint
		TenantID lenient
	}
)

// lenient is an ID whose column does not tell capital letters from small ones.
type lenient string

func (lenient) GormDBDataType(*gorm.DB, *schema.Field) string { return "CITEXT" }

func TestColumns_that_compare_otherwise_than_Go(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, dialect string
		model         any
		refused       bool
		padded        bool
	}{
		{"citext", "postgres", &citext{}, true, false},
		{"type_that_is_citext", "postgres", &ofType{}, true, false},
		{"nocase", "sqlite", &nocase{}, true, false},
		{"ci_collation", "mysql", &generalCI{}, true, false},
		{"binary_collation", "mysql", &binary{}, false, true},
		{"char", "postgres", &fixed{}, false, true},
		{"char_on_sqlite", "sqlite", &fixed{}, false, false},
		{"varchar", "postgres", &varying{}, false, false},
		{"rtrim", "sqlite", &rtrim{}, false, true},
		{"text", "postgres", &pairTag{}, false, false},
		{"number", "mysql", &number{}, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			db := offline(t, test.dialect)
			tables := tenanttable.New(db, field)
			err := tables.Declare(test.model)
			model := parse(t, db, test.model)
			table, useErr := tables.Resolve(model, "", model.Table, tenanttable.Read)
			require.NotNil(t, table)
			if test.refused {
				require.ErrorIs(t, err, gormtenant.ErrInvalidModel)
				require.ErrorIs(t, useErr, gormtenant.ErrInvalidModel)
				require.ErrorContains(t, err, "does not tell capital letters from small ones")
				require.NoError(t, tables.Declare(&Project{}))
				_, err = tables.Resolve(model, "", "projects", tenanttable.Read)
				require.ErrorIs(t, err, gormtenant.ErrInvalidModel, "though the table is known")
				require.NotNil(t, tables.View().Lookup("", model.Table),
					"SQL text is held all the same")
				return
			}
			require.NoError(t, err)
			require.NoError(t, useErr)
			require.Equal(t, test.padded, table.Padded)
		})
	}
}
