package callbacks

import (
	"context"
	"database/sql/driver"
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/gormtenant/gormtenant"
)

// bind returns id as it is written to the tenant column of t, or an ErrInvalidID where it cannot
// be. A tenant is what is in the column, whatever Go type the context has it in: a uuid.UUID and
// its text are one tenant.
func (t *table) bind(id any) (any, error) {
	bound, err := t.asWritten(id)
	if err != nil || !t.Padded {
		return bound, err
	}
	if text, ok := asText(reflect.Indirect(reflect.ValueOf(bound))); ok &&
		strings.HasSuffix(text, " ") {
		return nil, fmt.Errorf("%w: it ends in a space, which the column %s.%s does not look at",
			gormtenant.ErrInvalidID, t.Model.Name, t.Field.DBName)
	}
	return bound, nil
}

// asWritten is bind for any value of the column: one that was read from it may be padded.
func (t *table) asWritten(id any) (any, error) {
	fieldType := t.Field.IndirectFieldType
	if reflect.TypeOf(id) == fieldType {
		return id, nil
	}
	if bound, ok := convert(id, fieldType); ok {
		return bound, nil
	}
	switch fieldType.Kind() {
	case reflect.String, reflect.Bool, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return nil, t.invalidID(id)
	}
	// GORM's own setter knows the rest: scanners such as uuid.UUID.
	scratch := reflect.New(t.Model.ModelType).Elem()
	if err := t.Field.Set(context.Background(), scratch, id); err != nil {
		return nil, t.invalidID(id)
	}
	bound, zero := t.Field.ValueOf(context.Background(), scratch)
	if zero {
		return nil, t.invalidID(id)
	}
	return bound, nil
}

func (t *table) invalidID(id any) error {
	return fmt.Errorf("%w: the context has a %T, but %s.%s is a %s: "+
		"give gormtenant.WithTenant an ID of that type",
		gormtenant.ErrInvalidID, id, t.Model.Name, t.Field.Name, t.Field.FieldType)
}

// convert turns id into a string or an integer of type to, where nothing is lost.
func convert(id any, to reflect.Type) (any, bool) {
	value := reflect.ValueOf(id)
	if valuer, ok := id.(driver.Valuer); ok {
		written, err := valuer.Value()
		if err != nil || written == nil {
			return nil, false
		}
		value = reflect.ValueOf(written)
	}
	text, ok := asText(value)
	if !ok {
		return nil, false
	}
	converted := reflect.New(to).Elem()
	switch {
	case to.Kind() == reflect.String:
		converted.SetString(text)
	case converted.CanInt():
		number, err := strconv.ParseInt(text, 10, to.Bits())
		if err != nil {
			return nil, false
		}
		converted.SetInt(number)
	case converted.CanUint():
		number, err := strconv.ParseUint(text, 10, to.Bits())
		if err != nil {
			return nil, false
		}
		converted.SetUint(number)
	default:
		return nil, false
	}
	return converted.Interface(), true
}

func asText(value reflect.Value) (string, bool) {
	switch {
	case value.Kind() == reflect.String:
		return value.String(), true
	case value.CanInt():
		return strconv.FormatInt(value.Int(), 10), true
	case value.CanUint():
		return strconv.FormatUint(value.Uint(), 10), true
	case value.CanFloat(): // Numbers in JSON are, as in the claims of a token.
		if number := value.Float(); number == math.Trunc(number) && math.Abs(number) < 1<<53 {
			return strconv.FormatInt(int64(number), 10), true
		}
	case value.Kind() == reflect.Slice && value.Type().Elem().Kind() == reflect.Uint8:
		return string(value.Bytes()), true
	}
	return "", false
}

// isTenant reports whether value, found where the tenant column is written, is the tenant bound.
func (t *table) isTenant(value, bound any) bool {
	if text, ok := value.(string); ok && bound == text {
		return true
	}
	if value = indirectValue(value); value == nil || !reflect.ValueOf(value).Comparable() {
		return false
	}
	written, err := t.asWritten(value)
	return err == nil && t.canonical(written) == t.canonical(bound)
}

// canonical returns what two spellings of one tenant have in common: the value that is written to
// the column, without the spaces that the column does not look at, and for a UUID its digits.
func (t *table) canonical(value any) any {
	if valuer, ok := value.(driver.Valuer); ok {
		written, err := valuer.Value()
		if err != nil {
			return nil
		}
		value = written
	}
	reflected := reflect.Indirect(reflect.ValueOf(value))
	text, ok := asText(reflected)
	if !ok {
		return value
	}
	if t.Padded {
		text = strings.TrimRight(text, " ")
	}
	if !strings.Contains(strings.ToLower(string(t.Field.DataType)), "uuid") {
		return text
	}
	if len(text) == 16 && reflected.Kind() == reflect.Slice {
		return hex.EncodeToString([]byte(text))
	}
	plain := strings.NewReplacer("-", "", "{", "", "}", "", "urn:uuid:", "")
	return strings.ToLower(plain.Replace(text))
}

// isZero reports whether a value that is written to the tenant column names no tenant.
func isZero(value any) bool {
	reflected := reflect.ValueOf(value)
	for reflected.Kind() == reflect.Pointer {
		reflected = reflected.Elem()
	}
	return !reflected.IsValid() || reflected.IsZero()
}

// tenantOf says what the tenant field of a row holds: nothing, the tenant bound, or another.
func (t *table) tenantOf(ctx context.Context, row reflect.Value, bound any) (zero, same bool) {
	if !t.Direct {
		value, zero := t.Field.ValueOf(ctx, row)
		zero = zero || isZero(value)
		//nolint:contextcheck // bind needs none: it writes to a scratch value.
		return zero, !zero && t.isTenant(value, bound)
	}
	// As ValueOf, without putting the value into an interface for each row.
	value := reflect.Indirect(t.Field.ReflectValueOf(ctx, row))
	if !value.IsValid() || value.IsZero() {
		return true, false
	}
	if text, ok := bound.(string); ok && value.Kind() == reflect.String && value.String() == text {
		return false, true
	}
	return false, t.isTenant(value.Interface(), bound) //nolint:contextcheck // as above
}

// isModel reports whether row is a struct of the table's model, so that its fields can be read.
func (t *table) isModel(row reflect.Value) bool {
	return t.Field != nil && row.IsValid() && row.Type() == t.Model.ModelType
}

// sameID reports whether two contexts name one tenant: the same value, or, of two types, the same
// text or number in the database.
func sameID(a, b any) bool {
	if a == b {
		return true
	}
	if reflect.TypeOf(a) == reflect.TypeOf(b) {
		return false
	}
	first, ok := asText(written(a))
	second, also := asText(written(b))
	return ok && also && first == second
}

// written returns what is written to the database for a value, an invalid one where that fails.
func written(value any) reflect.Value {
	if valuer, ok := value.(driver.Valuer); ok {
		value, _ = valuer.Value()
	}
	return reflect.ValueOf(value)
}
