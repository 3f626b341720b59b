package dbtest

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/models"
)

// Alone makes an Env of a database of A's own, without the plugin. What a use of GORM gives there
// is what it must give A among others.
func Alone(t testing.TB, name string) *Env {
	t.Helper()
	open := On(t, name)
	e := &Env{
		Plain: open(&gorm.Config{DisableForeignKeyConstraintWhenMigrating: true}),
		DB:    open(&gorm.Config{}),
		A:     gormtenant.WithTenant(context.Background(), A),
		B:     gormtenant.WithTenant(context.Background(), B),
		alone: true,
	}
	e.Name = e.DB.Name()
	require.NoError(t, e.Plain.AutoMigrate(Models()...))
	require.NoError(t, e.DB.Use(noPlugin{}))
	e.Seed(t)
	return e
}

// noPlugin stands under the name of the plugin, so that models do not miss it. It writes A into
// empty tenant fields, as an application of one customer does.
type noPlugin struct{}

func (noPlugin) Name() string { return models.PluginName }

func (noPlugin) Initialize(db *gorm.DB) error {
	create := db.Callback().Create().Before("gorm:before_create")
	return create.Register("test:fill", func(db *gorm.DB) {
		switch rows := reflect.Indirect(db.Statement.ReflectValue); rows.Kind() {
		case reflect.Slice, reflect.Array:
			for i := range rows.Len() {
				fill(db.Statement, rows.Index(i))
			}
		default:
			fill(db.Statement, rows)
		}
	})
}

func fill(stmt *gorm.Statement, row reflect.Value) {
	row = reflect.Indirect(row)
	if values, ok := row.Interface().(map[string]any); ok {
		if _, set := values["tenant_id"]; !set && slices.Contains(Tables[1:7], stmt.Table) {
			values["tenant_id"] = A
		}
		return
	}
	if stmt.Schema == nil || row.Type() != stmt.Schema.ModelType || !row.CanAddr() {
		return
	}
	if field := stmt.Schema.FieldsByDBName["tenant_id"]; field != nil {
		if _, zero := field.ValueOf(stmt.Context, row); zero {
			_ = field.Set(stmt.Context, row, A)
		}
	}
}

// Into remembers where a use of GORM reads into, for Outcome.Read. Queries of GORM's own need it
// not.
func (e *Env) Into(value any) any {
	e.into = append(e.into, value)
	return value
}

// record remembers what GORM's queries read.
func (e *Env) record(t testing.TB) {
	t.Helper()
	query := e.DB.Callback().Query().After("gorm:after_query")
	require.NoError(t, query.Register("test:read", func(db *gorm.DB) {
		if db.Error == nil && !db.DryRun {
			inOrder := strings.Contains(strings.ToUpper(db.Statement.SQL.String()), "ORDER BY")
			e.read = append(e.read, e.asText(db.Statement.Dest, inOrder))
		}
	}))
}

// whatWasRead returns what was read since the last call.
func (e *Env) whatWasRead() []string {
	read := e.read
	for _, value := range e.into {
		read = append(read, e.asText(value, false))
	}
	e.read, e.into = nil, nil
	return read
}

// asText writes a value as JSON. Rows that have no order are sorted.
func (e *Env) asText(value any, inOrder bool) string {
	rows := reflect.Indirect(reflect.ValueOf(value))
	if rows.Kind() != reflect.Slice || rows.Type().Elem().Kind() == reflect.Uint8 {
		if row, ok := value.(map[string]any); ok && e.Name == "mysql" {
			value = texts(row)
		}
		text, _ := json.Marshal(value) // what cannot be written has no text
		return WithoutTimes(string(text))
	}
	lines := make([]string, 0, rows.Len())
	for i := range rows.Len() {
		lines = append(lines, e.asText(rows.Index(i).Interface(), inOrder))
	}
	if !inOrder {
		slices.Sort(lines)
	}
	return "[" + strings.Join(lines, ",") + "]"
}

// texts returns a row with all values as text: MySQL sends those of a statement without arguments
// as text, and those of another as what they are.
func texts(row map[string]any) map[string]string {
	all := make(map[string]string, len(row))
	for name, value := range row {
		if text, ok := value.([]byte); ok {
			value = string(text)
		}
		if held := reflect.ValueOf(value); held.Kind() == reflect.Pointer && !held.IsNil() {
			value = held.Elem().Interface()
		}
		all[name] = fmt.Sprint(value)
	}
	return all
}

// WithoutTimes returns a text without its times: those of rows that were just written are never the
// same twice.
func WithoutTimes(text string) string { return times.ReplaceAllString(text, "now") }

var times = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ][\d:.]+(Z|[+-]\d\d(:?\d\d)?)?`)
