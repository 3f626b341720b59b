package tenantname

import (
	"database/sql/driver"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gormtenant/gormtenant"
)

// TextOf writes a tenant's ID as text: what a policy casts to the type of the tenant column, and
// what schemas, databases and files are named after. The error is a gormtenant.ErrInvalidID.
func TextOf(id any) (string, error) {
	if text, ok := id.(string); ok && plain(text) {
		return text, nil
	}
	if valuer, ok := id.(driver.Valuer); ok {
		value, err := valuer.Value()
		if err != nil {
			return "", fmt.Errorf("%w: %w", gormtenant.ErrInvalidID, err)
		}
		id = value
	}
	text, err := plainText(reflect.ValueOf(id))
	switch {
	case err != nil:
		return "", err
	case strings.ContainsRune(text, 0):
		return "", fmt.Errorf("%w: it contains a zero byte, which no text in Postgres can",
			gormtenant.ErrInvalidID)
	case !utf8.ValidString(text):
		return "", fmt.Errorf("%w: it is no valid UTF-8", gormtenant.ErrInvalidID)
	}
	return text, nil
}

func plainText(v reflect.Value) (string, error) {
	switch v.Kind() {
	case reflect.String:
		return v.String(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10), nil
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return string(v.Bytes()), nil
		}
	}
	if v.IsValid() {
		if stringer, ok := v.Interface().(fmt.Stringer); ok {
			return stringer.String(), nil
		}
	}
	return "", fmt.Errorf("%w: a %s cannot be written to a setting of Postgres: "+
		"give it the method String, or Value of driver.Valuer",
		gormtenant.ErrInvalidID, v.Kind())
}

// plain reports whether text is nothing but printable ASCII.
func plain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}
