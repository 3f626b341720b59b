package tenanttest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/gormtenant/gormtenant/internal/option"
)

// Option is passed to [Run] among the models.
type Option interface {
	apply(o *options) error
}

type optionFunc func(o *options) error

func (f optionFunc) apply(o *options) error { return f(o) }

// Shared names models that have no tenant field on purpose: rows that all tenants read, such as
// countries and currencies.
func Shared(models ...any) Option {
	return optionFunc(func(o *options) error {
		for _, model := range models {
			t, err := structOf(model)
			if err != nil {
				return err
			}
			o.shared[t] = true
			o.sharedModels = append(o.sharedModels, model)
		}
		return nil
	})
}

// Factory makes the rows of a model that Run cannot fill by itself, because a CHECK of the database
// or a hook of the model wants values that cannot be guessed:
//
//	tenanttest.Factory(func() *Invoice { return &Invoice{Currency: "EUR", Number: nextNumber()} })
//
// It is called for each row; what is unique has to be new in each. Run fills in the keys of other
// rows that are left empty, and the plugin the tenant.
func Factory[Model any](row func() *Model) Option {
	return optionFunc(func(o *options) error {
		t := reflect.TypeFor[Model]()
		if t.Kind() != reflect.Struct || row == nil {
			return fmt.Errorf("tenanttest: Factory needs a function that returns a pointer to a " +
				"struct, as in tenanttest.Factory(func() *Invoice { return &Invoice{} })")
		}
		o.factories[t] = func() any { return row() }
		return nil
	})
}

// Allow silences one sub-test, by its name without that of the test that calls Run, and says why:
//
//	tenanttest.Allow("Project/unique_name", "names are global on purpose")
//
// The sub-test is skipped and prints the reason. An empty reason fails the test, and so does a name
// that no sub-test has: an exception must not outlive its cause.
func Allow(name, reason string) Option {
	return optionFunc(func(o *options) error {
		if strings.TrimSpace(reason) == "" {
			return fmt.Errorf("tenanttest: Allow(%q) needs a reason: say why this is safe", name)
		}
		o.reasons[name] = reason
		return nil
	})
}

// Tenants gives the IDs of the two tenants. By default Run makes up IDs of the tenant column's
// type, or creates two rows of the shared model that the tenant column refers to. Tenants is needed
// if the database requires the tenants in a table without a model, and if tenants have schemas or
// databases of their own: these must exist, and the directory must know them.
func Tenants(a, b any) Option {
	return optionFunc(func(o *options) error {
		if a == nil || b == nil || reflect.ValueOf(a).IsZero() || reflect.ValueOf(b).IsZero() ||
			reflect.DeepEqual(a, b) {
			return errors.New("tenanttest: Tenants needs the IDs of two tenants")
		}
		o.ids = []any{a, b}
		return nil
	})
}

// options is what Run was called with.
type options struct {
	given        []any // the models to attack
	sharedModels []any
	shared       map[reflect.Type]bool
	factories    map[reflect.Type]func() any
	reasons      map[string]string
	used         map[string]bool // of reasons
	ids          []any
}

func parseOptions(arguments []any) (*options, error) {
	o := &options{
		shared: map[reflect.Type]bool{}, factories: map[reflect.Type]func() any{},
		reasons: map[string]string{}, used: map[string]bool{},
	}
	err := option.Apply("tenanttest.Run", arguments, func(argument any) error {
		if option, ok := argument.(Option); ok {
			return option.apply(o)
		}
		_, err := structOf(argument)
		o.given = append(o.given, argument)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(o.given) == 0 {
		return nil, errors.New("tenanttest: Run needs the models to test, as in " +
			"tenanttest.Run(t, open, &Project{})")
	}
	return o, nil
}

// structOf returns the type of a model.
func structOf(model any) (reflect.Type, error) {
	t := reflect.TypeOf(model)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("tenanttest: %T is no model: pass pointers to structs, as in "+
			"&Project{}", model)
	}
	return t, nil
}

func (o *options) allowed(name string) (reason string, ok bool) {
	reason, ok = o.reasons[name]
	if ok {
		o.used[name] = true
	}
	return reason, ok
}

// unused are the names that Allow gave and that no sub-test has.
func (o *options) unused() []string {
	var names []string
	for name := range o.reasons {
		if !o.used[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
