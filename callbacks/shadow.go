package callbacks

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"reflect"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant/models"
)

// newShadow returns a *gorm.DB that builds statements as db does, with what config enforces if it
// is not nil, and sends nothing: no hook, association or transaction is among its callbacks.
func newShadow(db *gorm.DB, config *Config) (*gorm.DB, error) {
	own := *db.Config // with the schemas that db knows
	own.ClauseBuilders = maps.Clone(db.ClauseBuilders)
	own.Plugins = map[string]gorm.Plugin{}
	own.Logger = logger.Discard
	own.DryRun, own.SkipDefaultTransaction, own.DisableAutomaticPing = true, true, true
	own.PrepareStmt, own.ConnPool = false, noPool{}
	shadow, err := gorm.Open(onlyBuilds{db.Dialector, db}, &own)
	if err != nil {
		return nil, fmt.Errorf("gormtenant: preparing to observe: %w", err)
	}
	shadow.Config.Dialector = db.Dialector
	now := time.Now()
	shadow.NowFunc = func() time.Time { return now } // Both shadows say the same: see same.
	shadow.Plugins[models.PluginName] = nil          // TenantModel looks for it.
	if config == nil {
		return shadow, nil
	}
	return shadow, Register(shadow, *config)
}

// onlyBuilds is a dialect that opens no pool, and has only those callbacks of db that build.
type onlyBuilds struct {
	gorm.Dialector
	db *gorm.DB
}

// Initialize implements gorm.Dialector.
func (b onlyBuilds) Initialize(shadow *gorm.DB) error {
	from, to := b.db.Callback(), shadow.Callback()
	for _, c := range []struct {
		get      func(name string) func(*gorm.DB)
		register func(name string, fn func(*gorm.DB)) error
		name     string
	}{
		{from.Query().Get, to.Query().Register, "gorm:query"},
		{from.Row().Get, to.Row().Register, "gorm:row"},
		{from.Raw().Get, to.Raw().Register, "gorm:raw"},
		{from.Create().Get, to.Create().Register, "gorm:create"},
		{from.Update().Get, to.Update().Register, "gorm:setup_reflect_value"},
		{from.Update().Get, to.Update().Register, "gorm:update"},
		{from.Delete().Get, to.Delete().Register, "gorm:delete"},
	} {
		fn := c.get(c.name)
		if fn == nil {
			return fmt.Errorf("there is no callback %s: open the database first", c.name)
		}
		if err := c.register(c.name, fn); err != nil {
			return err
		}
	}
	to.Query().Clauses, to.Row().Clauses = from.Query().Clauses, from.Row().Clauses
	to.Create().Clauses, to.Update().Clauses = from.Create().Clauses, from.Update().Clauses
	to.Raw().Clauses, to.Delete().Clauses = from.Raw().Clauses, from.Delete().Clauses
	return nil
}

// noPool sends nothing.
type noPool struct{}

var errNoPool = fmt.Errorf("gormtenant: a statement that is only observed is not sent")

// PrepareContext implements gorm.ConnPool.
func (noPool) PrepareContext(context.Context, string) (*sql.Stmt, error) { return nil, errNoPool }

// ExecContext implements gorm.ConnPool.
func (noPool) ExecContext(context.Context, string, ...any) (sql.Result, error) {
	return nil, errNoPool
}

// QueryContext implements gorm.ConnPool.
func (noPool) QueryContext(context.Context, string, ...any) (*sql.Rows, error) {
	return nil, errNoPool
}

// QueryRowContext implements gorm.ConnPool.
func (noPool) QueryRowContext(ctx context.Context, _ string, _ ...any) *sql.Row {
	return failedRow(ctx, errNoPool)
}

// copyOf returns a copy of what a statement reads into or writes, so that building the copy of the
// statement changes nothing in it: structs, maps, and lists of these, behind pointers or not.
func copyOf(value any) any {
	if value == nil {
		return nil
	}
	return copied(reflect.ValueOf(value)).Interface()
}

func copied(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || !isRows(v.Type().Elem()) {
			return v
		}
		out := reflect.New(v.Type().Elem())
		out.Elem().Set(copied(v.Elem()))
		return out
	case reflect.Interface:
		if v.IsNil() {
			return v
		}
		out := reflect.New(v.Type()).Elem()
		out.Set(copied(v.Elem()))
		return out
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.IsNil() || !isRows(v.Type()) {
			return v
		}
		out := reflect.New(v.Type()).Elem()
		if v.Kind() == reflect.Slice {
			out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		}
		for i := range v.Len() {
			out.Index(i).Set(copied(v.Index(i)))
		}
		return out
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		out := reflect.MakeMapWithSize(v.Type(), v.Len())
		for _, key := range v.MapKeys() {
			out.SetMapIndex(key, v.MapIndex(key))
		}
		return out
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		out.Set(v)
		for i := range v.NumField() { // of embedded structs behind pointers
			field := v.Type().Field(i)
			if field.Anonymous && field.IsExported() && field.Type.Kind() == reflect.Pointer {
				out.Field(i).Set(copied(v.Field(i)))
			}
		}
		return out
	}
	return v
}

// isRows reports whether values of a type hold what GORM writes to.
func isRows(of reflect.Type) bool {
	switch of.Kind() {
	case reflect.Struct, reflect.Map, reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return isRows(of.Elem())
	}
	return false
}
