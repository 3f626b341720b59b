package quota

import (
	"context"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/prefix"
	"github.com/gormtenant/gormtenant/tenants"
)

// share is what a create adds to the rows of one tenant.
type share struct {
	id     string // the tenant's, as it was given
	key    string // the same for each spelling of one ID
	column any    // the ID as the tenant column has it
	limit  int64
	rows   int64 // to be created
	before int64 // those there are, at least if exact is false
	exact  bool  // before was counted, for this create
	// countedAt is when the counter was last exact.
	countedAt int64
}

// values are the arguments of the statements about s.
func (s *share) values(now time.Time) (v values) {
	v[keySlot], v[columnSlot], v[rowsSlot], v[nowSlot] = s.key, s.column, s.rows, now.UnixMicro()
	return v
}

// shareOf returns the share of the tenant with that ID, with no rows yet.
func (l *limited) shareOf(ctx context.Context, id any) (*share, error) {
	column, err := l.toColumn(ctx, id)
	if err != nil {
		return nil, err
	}
	given, err := asText(id)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", gormtenant.ErrInvalidID, err)
	}
	key, err := asText(column)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", gormtenant.ErrInvalidID, err)
	}
	if strings.Contains(strings.ToLower(string(l.field.DataType)), "uuid") {
		key = strings.ToLower(key)
	}
	return &share{id: given, key: key, column: column}, nil
}

// toColumn returns an ID as GORM writes it to the tenant column. A uuid.UUID and its text are one
// tenant.
func (l *limited) toColumn(ctx context.Context, id any) (any, error) {
	id, err := plain(id)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", gormtenant.ErrInvalidID, err)
	}
	row := reflect.New(l.schema.ModelType).Elem()
	if err := l.field.Set(ctx, row, id); err != nil {
		return nil, fmt.Errorf("%w: %s.%s is a %s", gormtenant.ErrInvalidID, l.schema.Name,
			l.field.Name, l.field.FieldType)
	}
	column, zero := l.field.ValueOf(ctx, row)
	if zero {
		return nil, gormtenant.ErrNoTenant
	}
	return column, nil
}

// plain returns an ID of any type as what drivers know. GORM would convert an integer type of the
// application's to the character with that number where the column is text.
func plain(id any) (any, error) {
	if valuer, ok := id.(driver.Valuer); ok {
		return valuer.Value()
	}
	switch v := reflect.Indirect(reflect.ValueOf(id)); {
	case v.Kind() == reflect.String:
		return v.String(), nil
	case v.CanInt():
		return v.Int(), nil
	case v.CanUint():
		return v.Uint(), nil
	}
	return id, nil
}

// asText returns an ID as text, as a directory of tenants has it.
func asText(id any) (string, error) {
	value, err := plain(id)
	if err != nil {
		return "", err
	}
	switch v := value.(type) {
	case string:
		return v, nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case uint64:
		return strconv.FormatUint(v, 10), nil
	case []byte:
		if utf8.Valid(v) {
			return string(v), nil
		}
		return hex.EncodeToString(v), nil
	}
	return fmt.Sprint(value), nil
}

var errNoLimits = errors.New("gormtenant: quota does not know the limits of the tenant: make the " +
	"context with tenants.NewContext, as package middleware does, or give quota.New a " +
	"quota.Directory to find them in")

// limitOf finds out how many rows the tenant of s may have. Where that fails the create does.
func (g *guard) limitOf(ctx context.Context, name string, s *share) error {
	t, ok := tenants.FromContext(ctx)
	if !ok {
		if g.directory == nil {
			return errNoLimits
		}
		var err error
		if t, err = g.directory.Lookup(ctx, s.id); err != nil {
			return prefix.Errorf("looking up the tenant for its limit of %s: %w", name, err)
		}
		if t == nil || t.ID != s.id {
			return fmt.Errorf("gormtenant: looking up the tenant for its limit of %s: "+
				"the directory answered with another tenant than it was asked for", name)
		}
	}
	var err error
	s.limit, err = g.plans.Limit(t, name)
	return err
}
