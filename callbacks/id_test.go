package callbacks_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/scopes"
)

type (
	orgID string
	orgNo int32
	// hexID is 16 bytes that are kept as text.
	hexID [16]byte
)

func (h hexID) Value() (driver.Value, error) { return hex.EncodeToString(h[:]), nil }

func (h *hexID) Scan(value any) error {
	decoded, err := hex.DecodeString(fmt.Sprint(value))
	if err == nil && len(decoded) != 16 {
		err = errors.New("not 16 bytes")
	}
	copy(h[:], decoded)
	return err
}

func (hexID) GormDataType() string { return "text" }

// doc is a row of a tenant whose ID is a T.
type doc[T comparable] struct {
	ID uint
	models.TenantModelOf[T]
	Name string
}

func (doc[T]) TableName() string { return "docs" }

type pointerDoc struct {
	ID    uint
	OrgID *string `gorm:"tenant;not null"`
	Name  string
}

func (pointerDoc) TableName() string { return "docs" }

type place struct {
	Org orgNo `gorm:"tenant;not null"`
}

type prefixDoc struct {
	ID   uint
	Home place `gorm:"embedded;embeddedPrefix:home_"`
	Name string
}

func (prefixDoc) TableName() string { return "docs" }

type uuidColumnDoc struct {
	ID       uint
	TenantID string `gorm:"type:uuid;not null"`
	Name     string
}

func (uuidColumnDoc) TableName() string { return "docs" }

// Base is embedded by pointer, which is nil in a new row.
type Base struct {
	OrgID string `gorm:"tenant;not null"`
}

type pointerBaseDoc struct {
	ID uint
	*Base
	Name string
}

func (pointerBaseDoc) TableName() string { return "docs" }

// bytesID is text that is written as bytes.
type bytesID struct{ text string }

func (b bytesID) Value() (driver.Value, error) { return []byte(b.text), nil }

// blankID reads nothing out of what it is given.
type blankID struct{ text string }

func (b blankID) Value() (driver.Value, error) { return b.text, nil }
func (*blankID) Scan(any) error                { return nil }
func (blankID) GormDataType() string           { return "text" }

// binaryID is 16 bytes that are kept as they are.
type binaryID [16]byte

func (b binaryID) Value() (driver.Value, error) { return b[:], nil }

func (b *binaryID) Scan(value any) error {
	raw, ok := value.([]byte)
	if !ok || len(raw) != 16 {
		return errors.New("not 16 bytes")
	}
	copy(b[:], raw)
	return nil
}

func (binaryID) GormDataType() string { return "uuid" }

// ownUUID is written as text in the column of a UUID.
type ownUUID struct{ text string }

func (o ownUUID) Value() (driver.Value, error) { return o.text, nil }

func (o *ownUUID) Scan(value any) error {
	o.text = strings.ToUpper(fmt.Sprint(value))
	return nil
}

func (ownUUID) GormDataType() string { return "uuid" }

var (
	uuidA = uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
	uuidB = uuid.MustParse("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
)

// TestID keeps two tenants apart whose IDs are of every type.
func TestID(t *testing.T) {
	t.Run("string", func(t *testing.T) { testID[doc[string]](t, "acme", "zeta") })
	t.Run("string_from_own_type", func(t *testing.T) {
		testID[doc[string]](t, orgID("acme"), orgID("zeta"))
	})
	t.Run("string_from_integer", func(t *testing.T) { testID[doc[string]](t, 1, uint8(2)) })
	t.Run("string_from_uuid", func(t *testing.T) { testID[doc[string]](t, uuidA, uuidB) })
	t.Run("hostile_strings", func(t *testing.T) {
		testID[doc[string]](t, "a' OR '1'='1", "b\"; DROP TABLE docs --")
	})
	t.Run("own_string", func(t *testing.T) { testID[doc[orgID]](t, orgID("acme"), "zeta") })
	t.Run("int", func(t *testing.T) { testID[doc[int]](t, 1, 2) })
	t.Run("int8", func(t *testing.T) { testID[doc[int8]](t, int8(1), int64(-2)) })
	t.Run("int16", func(t *testing.T) { testID[doc[int16]](t, int16(1), "2") })
	t.Run("int32", func(t *testing.T) { testID[doc[int32]](t, int32(1), int32(2)) })
	t.Run("int64", func(t *testing.T) { testID[doc[int64]](t, int64(1<<40), int64(2)) })
	t.Run("uint", func(t *testing.T) { testID[doc[uint]](t, uint(1), 2) })
	t.Run("uint8", func(t *testing.T) { testID[doc[uint8]](t, uint8(1), uint8(2)) })
	t.Run("uint16", func(t *testing.T) { testID[doc[uint16]](t, uint16(1), uint16(2)) })
	t.Run("uint32", func(t *testing.T) { testID[doc[uint32]](t, uint32(1), uint32(2)) })
	t.Run("uint64", func(t *testing.T) { testID[doc[uint64]](t, uint64(1), uint64(2)) })
	t.Run("own_integer", func(t *testing.T) { testID[doc[orgNo]](t, orgNo(1), 2) })
	t.Run("uuid", func(t *testing.T) { testID[doc[uuid.UUID]](t, uuidA, uuidB) })
	t.Run("uuid_from_text", func(t *testing.T) { testID[doc[uuid.UUID]](t, uuidA.String(), uuidB) })
	t.Run("other_16_bytes", func(t *testing.T) {
		testID[doc[hexID]](t, hexID(uuidA), hexID(uuidB))
	})
	t.Run("pointer_field", func(t *testing.T) { testID[pointerDoc](t, "acme", "zeta") })
	t.Run("prefixed_field", func(t *testing.T) { testID[prefixDoc](t, 1, orgNo(2)) })
	t.Run("uuid_column", func(t *testing.T) {
		testID[uuidColumnDoc](t, "6BA7B810-9DAD-11D1-80B4-00C04FD430C8", uuidB)
	})
	t.Run("uuid_column_in_braces", func(t *testing.T) {
		testID[uuidColumnDoc](t, "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}", uuidB)
	})
	t.Run("uuid_column_of_an_own_type", func(t *testing.T) {
		testID[doc[ownUUID]](t, ownUUID{uuidA.String()}, ownUUID{uuidB.String()})
	})
	t.Run("uint_from_text", func(t *testing.T) { testID[doc[uint]](t, "1", orgID("2")) })
	t.Run("string_from_bytes", func(t *testing.T) {
		testID[doc[string]](t, bytesID{"acme"}, bytesID{"zeta"})
	})
	t.Run("string_from_uint", func(t *testing.T) { testID[doc[string]](t, uint(1), uint(2)) })
	t.Run("embedded_pointer", func(t *testing.T) { testID[pointerBaseDoc](t, "acme", "zeta") })
}

// TestID_of_bytes tells two tenants apart whose bytes are one text but for the case of a letter.
func TestID_of_bytes(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := open(&gorm.Config{})
		if db.Name() != "sqlite" {
			return // Postgres has no bytes in a column for UUIDs.
		}
		a, b := binaryID([]byte("0123456789abcdef")), binaryID([]byte("0123456789ABCDEF"))
		require.NoError(t, db.Use(tenantplugin.New()))
		require.NoError(t, db.AutoMigrate(&doc[binaryID]{}))
		row := doc[binaryID]{Name: "x"}
		require.NoError(t, db.WithContext(gormtenant.WithTenant(t.Context(), a)).Create(&row).Error)
		ofB := db.WithContext(gormtenant.WithTenant(t.Context(), b))
		require.ErrorIs(t, ofB.Save(&row).Error, gormtenant.ErrOtherTenant)
		require.ErrorIs(t, ofB.Delete(&row).Error, gormtenant.ErrOtherTenant)
		planted := doc[binaryID]{Name: "x", TenantModelOf: row.TenantModelOf}
		require.ErrorIs(t, ofB.Create(&planted).Error, gormtenant.ErrOtherTenant)
		require.NoError(t, db.WithContext(gormtenant.WithTenant(t.Context(), a)).Save(&row).Error)
	})
}

// idsOfTwoTypes names a tenant in a statement and in a part of it.
func idsOfTwoTypes() attackList {
	part := func(id any, want error) func(*testing.T, *Env) error {
		return func(t *testing.T, e *Env) error {
			ctx := gormtenant.WithTenant(t.Context(), id)
			keys, err := find(e.As().
				Where("owner_id IN (?)", e.DB.WithContext(ctx).Model(&User{}).Select("id")))
			if want == nil {
				require.Equal(t, []uint{1, 2}, keys)
			}
			text := e.As().
				Exec("UPDATE projects SET name = 'x' WHERE tenant_id = ?", scopes.ID(ctx))
			require.ErrorIs(t, text.Error, want)
			return err
		}
	}
	return attackList{name: "id_of_two_types", attacks: []attack{
		{name: "the_same", run: part(orgID(A), nil)},
		{name: "the_same_by_a_valuer", run: part(bytesID{A}, nil)},
		{
			name: "another", run: part(orgID(B), gormtenant.ErrOtherTenant),
			want: gormtenant.ErrOtherTenant,
		},
		{
			name: "another_by_a_valuer", run: part(bytesID{B}, gormtenant.ErrOtherTenant),
			want: gormtenant.ErrOtherTenant,
		},
		{
			name: "one_that_is_no_text", run: part(1.5, gormtenant.ErrOtherTenant),
			want: gormtenant.ErrInvalidID,
		},
	}}
}

// idsInUpdates is compared as it is written.
func idsInUpdates() attackList {
	set := func(value any) func(*testing.T, *Env) error {
		return func(_ *testing.T, e *Env) error {
			return e.As().Model(&Project{ID: 1}).
				Updates(map[string]any{"tenant_id": value, "name": "x"}).Error
		}
	}
	return attackList{name: "id_in_an_update", attacks: []attack{
		{name: "the_same", run: set(A)},
		{name: "pointer_to_the_same", run: set(ptr(A))},
		{name: "own_type_of_the_same", run: set(orgID(A))},
		{name: "valuer_of_the_same", run: set(sql.NullString{String: A, Valid: true})},
		{
			name: "valuer_of_another", run: set(sql.NullString{String: B, Valid: true}),
			want: gormtenant.ErrTenantChange,
		},
		{
			name: "valuer_of_null", run: set(sql.NullString{String: A}),
			want: gormtenant.ErrTenantChange,
		},
		{name: "valuer_that_fails", run: set(broken{}), want: gormtenant.ErrTenantChange},
		{name: "nil_pointer", run: set((*string)(nil)), want: gormtenant.ErrTenantChange},
		{name: "nil", run: set(nil), want: gormtenant.ErrTenantChange},
		{name: "empty", run: set(""), want: gormtenant.ErrTenantChange},
		{name: "slice_of_the_same", run: set([]string{A}), want: gormtenant.ErrTenantChange},
		{name: "number", run: set(1), want: gormtenant.ErrTenantChange},
	}}
}

func testID[M any](t *testing.T, a, b any) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := open(&gorm.Config{})
		require.NoError(t, db.Use(tenantplugin.New()))
		require.NoError(t, db.AutoMigrate(new(M)))
		ofA := db.WithContext(gormtenant.WithTenant(context.Background(), a))
		ofB := db.WithContext(gormtenant.WithTenant(context.Background(), b))

		one := new(M)
		require.NoError(t, ofA.Create(one).Error)
		require.NoError(t, ofA.Model(new(M)).Create(map[string]any{"name": "two"}).Error)
		require.NoError(t, ofB.Create(&[]M{*new(M)}).Error)

		var n int64
		require.NoError(t, ofA.Model(new(M)).Count(&n).Error)
		require.Equal(t, int64(2), n)
		require.NoError(t, ofB.Model(new(M)).Or("1 = 1").Count(&n).Error)
		require.Equal(t, int64(1), n)

		read := new(M)
		require.NoError(t, ofA.First(read).Error)
		require.NoError(t, ofA.Save(read).Error, "the ID that was read is the ID of the context")
		require.NoError(t, ofA.Model(read).Update("name", "x").Error)
		require.ErrorIs(t, ofB.Save(read).Error, gormtenant.ErrOtherTenant)
		require.ErrorIs(t, ofB.Delete(read).Error, gormtenant.ErrOtherTenant)
		require.ErrorIs(t, ofB.Create(read).Error, gormtenant.ErrOtherTenant)
		require.ErrorIs(t, ofB.Save(&[]M{*read}).Error, gormtenant.ErrOtherTenant)
		require.NoError(t, ofA.Delete(read).Error)
	})
}

// TestID_that_cannot_be_written is an error that names the model and both types.
func TestID_that_cannot_be_written(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		db := open(&gorm.Config{})
		require.NoError(t, db.Use(tenantplugin.New()))
		for _, test := range []struct {
			name  string
			id    any
			model any
			says  []string
		}{
			{
				"text_for_an_integer", "acme", &doc[int64]{},
				[]string{"string", "doc", "TenantID", "int64"},
			},
			{"too_wide", 300, &doc[int8]{}, []string{"int", "int8"}},
			{"negative", -1, &doc[uint]{}, []string{"int", "uint"}},
			{"fraction", 1.5, &doc[int]{}, []string{"float64", "int"}},
			{"fraction_for_a_uint", 1.5, &doc[uint]{}, []string{"float64", "uint"}},
			{"too_wide_for_a_uint", 300, &doc[uint8]{}, []string{"int", "uint8"}},
			{"nothing_that_can_be_read", "acme", &doc[blankID]{}, []string{"string", "blankID"}},
			{"truth_for_text", true, &doc[string]{}, []string{"bool", "string"}},
			{"text_for_a_uuid", "acme", &doc[uuid.UUID]{}, []string{"string", "uuid.UUID"}},
			{
				"struct_for_text",
				struct{ A int }{1},
				&doc[string]{},
				[]string{"struct { A int }", "string"},
			},
			{
				"integer_of_text_too_big", "99999999999999999999", &doc[int64]{},
				[]string{"string", "int64"},
			},
		} {
			t.Run(test.name, func(t *testing.T) {
				tx := db.WithContext(gormtenant.WithTenant(context.Background(), test.id))
				for _, err := range []error{
					tx.Find(test.model).Error, tx.Create(test.model).Error,
					tx.Where("id = 1").Delete(test.model).Error,
				} {
					require.ErrorIs(t, err, gormtenant.ErrInvalidID)
					for _, part := range test.says {
						require.ErrorContains(t, err, part)
					}
				}
			})
		}
	})
}
