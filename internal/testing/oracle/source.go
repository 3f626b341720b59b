package oracle

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Ptr returns a pointer to value, for fields that may be nil. Programs are written with it.
func Ptr[T any](value T) *T { return &value }

// writer writes values as text.
type writer struct {
	// sorted makes the text of a result: rows in the order of their text, because a database gives
	// them in any. Without it the text is Go source.
	sorted bool
}

// goSource returns value as Go source.
func goSource(value any) string {
	if value == nil {
		return "nil"
	}
	return writer{}.text(reflect.ValueOf(value), 0)
}

// show returns what a program got, as text that can be compared.
func show(value any, ordered bool) string {
	reflected := reflect.ValueOf(value)
	for reflected.Kind() == reflect.Pointer && !reflected.IsNil() {
		reflected = reflected.Elem()
	}
	w := writer{sorted: true}
	if !ordered || reflected.Kind() != reflect.Slice {
		return w.text(reflected, 0)
	}
	parts := make([]string, reflected.Len())
	for i := range parts {
		parts[i] = w.text(reflected.Index(i), 1)
	}
	return strings.Join(parts, "\n")
}

// deepest bounds the text of values that lead back to themselves.
const deepest = 12

func (w writer) text(v reflect.Value, depth int) string {
	switch {
	case !v.IsValid():
		return "nil"
	case depth > deepest:
		return "..."
	}
	switch v.Kind() {
	case reflect.Pointer:
		return w.pointer(v, depth)
	case reflect.Interface:
		if v.IsNil() {
			return "nil"
		}
		return w.text(v.Elem(), depth)
	case reflect.Struct:
		return w.structure(v, depth)
	case reflect.Slice, reflect.Array:
		return w.slice(v, depth)
	case reflect.Map:
		return w.mapping(v, depth)
	case reflect.Func:
		return "nil"
	}
	return w.basic(v)
}

func (w writer) pointer(v reflect.Value, depth int) string {
	switch {
	case v.IsNil():
		return "nil"
	case w.sorted, v.Elem().Kind() == reflect.Struct, v.Elem().Kind() == reflect.Slice:
		return "&" + w.text(v.Elem(), depth+1)
	}
	return "oracle.Ptr(" + w.text(v.Elem(), depth+1) + ")"
}

func (w writer) structure(v reflect.Value, depth int) string {
	if at, ok := v.Interface().(time.Time); ok {
		return strconv.Quote(at.UTC().Format(time.RFC3339Nano))
	}
	var fields []string
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() && !v.Field(i).IsZero() {
			fields = append(fields, f.Name+": "+w.element(v.Field(i), depth+1))
		}
	}
	return v.Type().String() + "{" + strings.Join(fields, ", ") + "}"
}

func (w writer) slice(v reflect.Value, depth int) string {
	if bytes, ok := v.Interface().([]byte); ok {
		return fmt.Sprintf("[]byte(%q)", bytes)
	}
	if v.Kind() == reflect.Slice && v.IsNil() && w.sorted {
		return "[]"
	}
	parts := make([]string, v.Len())
	for i := range parts {
		parts[i] = w.element(v.Index(i), depth+1)
	}
	if w.sorted {
		slices.Sort(parts)
		return "[" + strings.Join(parts, "; ") + "]"
	}
	return v.Type().String() + "{" + strings.Join(parts, ", ") + "}"
}

func (w writer) mapping(v reflect.Value, depth int) string {
	parts := make([]string, 0, v.Len())
	for _, key := range v.MapKeys() {
		parts = append(parts, w.text(key, depth+1)+": "+w.text(v.MapIndex(key), depth+1))
	}
	slices.Sort(parts)
	return v.Type().String() + "{" + strings.Join(parts, ", ") + "}"
}

// element is text for a part whose type the whole tells, so that a constant needs no conversion.
func (w writer) element(v reflect.Value, depth int) string {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Struct, reflect.Slice, reflect.Array,
		reflect.Map, reflect.Func:
		return w.text(v, depth)
	}
	return constant(v)
}

func constant(v reflect.Value) string {
	switch v.Kind() {
	case reflect.String:
		return quoted(v.String())
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	}
	return fmt.Sprint(v.Interface())
}

func (w writer) basic(v reflect.Value) string {
	text := constant(v)
	switch v.Interface().(type) {
	case string, bool, int:
		return text
	}
	return v.Type().String() + "(" + text + ")"
}

// quoted returns text as a Go literal that is easy to read.
func quoted(text string) string {
	if strings.ContainsAny(text, "\"\n") && !strings.ContainsAny(text, "`\r\t\x00") &&
		strings.ToValidUTF8(text, "") == text {
		return "`" + text + "`"
	}
	return strconv.Quote(text)
}

// clone returns a deep copy: GORM writes into the values that it is given, and each side of a
// program has its own.
func clone(v reflect.Value) reflect.Value {
	if !v.IsValid() {
		return v
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		copied := reflect.New(v.Type().Elem())
		copied.Elem().Set(clone(v.Elem()))
		return copied
	case reflect.Interface:
		if v.IsNil() {
			return v
		}
		copied := reflect.New(v.Type()).Elem()
		copied.Set(clone(v.Elem()))
		return copied
	case reflect.Struct:
		copied := reflect.New(v.Type()).Elem()
		copied.Set(v)
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				copied.Field(i).Set(clone(v.Field(i)))
			}
		}
		return copied
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		copied := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			copied.Index(i).Set(clone(v.Index(i)))
		}
		return copied
	case reflect.Map:
		copied := reflect.MakeMap(v.Type())
		for _, key := range v.MapKeys() {
			copied.SetMapIndex(key, clone(v.MapIndex(key)))
		}
		return copied
	}
	return v
}
