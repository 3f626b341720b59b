package oracle

import (
	"fmt"
	"reflect"
	"strings"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/example/saas"
)

// expr is an expression of a program: Go source, and what it is worth on one side.
type expr interface {
	source() string
	eval(s *scope) reflect.Value
	marks(s *marker) Mark
}

// scope holds the variables of a program on one side.
type scope struct {
	rec  *Recorder
	vars map[string]reflect.Value // addressable
}

// marker knows the marks of variables while a program is read.
type marker struct{ vars map[string]Mark }

func (s *scope) set(name string, value reflect.Value) {
	addressable := reflect.New(value.Type()).Elem()
	addressable.Set(value)
	s.vars[name] = addressable
}

// ref is a variable, or its address.
type ref struct {
	name    string
	address bool
}

func (r ref) source() string {
	if r.address {
		return "&" + r.name
	}
	return r.name
}

func (r ref) eval(s *scope) reflect.Value {
	v, ok := s.vars[r.name]
	if !ok {
		panic("oracle: no variable " + r.name)
	}
	if r.address {
		return v.Addr()
	}
	return v
}

func (r ref) marks(m *marker) Mark { return m.vars[r.name] }

// literal is a value. Each evaluation gives a copy.
type literal struct {
	value any
	mark  Mark
}

func lit(value any) expr         { return literal{value, 0} }
func row(value any) expr         { return literal{value, marksOf(value)} }
func (l literal) source() string { return goSource(l.value) }

func (l literal) eval(*scope) reflect.Value {
	if l.value == nil {
		return reflect.Value{}
	}
	return clone(reflect.ValueOf(l.value))
}

func (l literal) marks(*marker) Mark { return l.mark }

// marked is an expression that tells more than its parts do.
type marked struct {
	expr
	mark Mark
}

func (m marked) marks(k *marker) Mark { return m.expr.marks(k) | m.mark }

// call is the call of a method.
type call struct {
	on     expr
	method string
	args   []expr
	spread bool // The last argument is a slice for a variadic parameter.
}

func (c call) source() string {
	return c.on.source() + "." + c.method + "(" + sources(c.args) + c.dots() + ")"
}

func (c call) dots() string {
	if c.spread {
		return "..."
	}
	return ""
}

func (c call) eval(s *scope) reflect.Value {
	on := c.on.eval(s)
	if on.Kind() == reflect.Interface {
		on = on.Elem()
	}
	method := on.MethodByName(c.method)
	if !method.IsValid() && on.CanAddr() {
		method = on.Addr().MethodByName(c.method)
	}
	if !method.IsValid() {
		panic(fmt.Sprintf("oracle: %s has no method %s", on.Type(), c.method))
	}
	return single(invoke(s, method, c.args, c.spread))
}

func (c call) marks(m *marker) Mark {
	return c.on.marks(m) | marksAll(c.args, m)
}

// results is what a call returned that returns several values.
type results []reflect.Value

func single(out []reflect.Value) reflect.Value {
	if len(out) == 1 {
		return out[0]
	}
	return reflect.ValueOf(results(out))
}

// invoke calls fn. A nil becomes the zero value of its parameter.
func invoke(s *scope, fn reflect.Value, args []expr, spread bool) []reflect.Value {
	in := make([]reflect.Value, len(args))
	for i, arg := range args {
		in[i] = arg.eval(s)
		if !in[i].IsValid() {
			in[i] = reflect.Zero(parameter(fn.Type(), i, spread))
		}
	}
	if spread {
		return fn.CallSlice(in)
	}
	return fn.Call(in)
}

func parameter(fn reflect.Type, i int, spread bool) reflect.Type {
	if fn.IsVariadic() && i >= fn.NumIn()-1 && !spread {
		return fn.In(fn.NumIn() - 1).Elem()
	}
	return fn.In(i)
}

func sources(args []expr) string {
	parts := make([]string, len(args))
	for i, arg := range args {
		parts[i] = arg.source()
	}
	return strings.Join(parts, ", ")
}

func marksAll(args []expr, m *marker) Mark {
	var marks Mark
	for _, arg := range args {
		marks |= arg.marks(m)
	}
	return marks
}

// function is the call of a function of a package.
type function struct {
	name string
	fn   any
	args []expr
}

func (f function) source() string { return f.name + "(" + sources(f.args) + ")" }

func (f function) eval(s *scope) reflect.Value {
	return single(invoke(s, reflect.ValueOf(f.fn), f.args, false))
}

func (f function) marks(m *marker) Mark { return marksAll(f.args, m) }

// generic is gorm.G of a model.
type generic struct {
	on    string // a variable that holds a *gorm.DB
	model string
}

func (g generic) source() string     { return "gorm.G[saas." + g.model + "](" + g.on + ")" }
func (g generic) marks(*marker) Mark { return 0 }

func (g generic) eval(s *scope) reflect.Value {
	db := s.vars[g.on].Interface().(*gorm.DB)
	switch g.model {
	case "User":
		return reflect.ValueOf(gorm.G[saas.User](db))
	case "Profile":
		return reflect.ValueOf(gorm.G[saas.Profile](db))
	case "Project":
		return reflect.ValueOf(gorm.G[saas.Project](db))
	case "Task":
		return reflect.ValueOf(gorm.G[saas.Task](db))
	case "Tag":
		return reflect.ValueOf(gorm.G[saas.Tag](db))
	case "Comment":
		return reflect.ValueOf(gorm.G[saas.Comment](db))
	}
	panic("oracle: no model " + g.model)
}

// composite is a literal of a struct, a map or a slice with expressions in it.
type composite struct {
	of     reflect.Type
	keys   []string // of a struct its fields, of a map its keys, of a slice none
	values []expr
}

func (c composite) source() string {
	parts := make([]string, len(c.values))
	for i, value := range c.values {
		parts[i] = value.source()
		if i < len(c.keys) {
			key := c.keys[i]
			if c.of.Kind() == reflect.Map {
				key = goSource(key)
			}
			parts[i] = key + ": " + parts[i]
		}
	}
	return c.of.String() + "{" + strings.Join(parts, ", ") + "}"
}

func (c composite) eval(s *scope) reflect.Value {
	made := reflect.New(c.of).Elem()
	if c.of.Kind() == reflect.Map {
		made.Set(reflect.MakeMap(c.of))
	}
	for i, value := range c.values {
		v := value.eval(s)
		switch c.of.Kind() {
		case reflect.Map:
			if !v.IsValid() {
				v = reflect.Zero(c.of.Elem())
			}
			made.SetMapIndex(reflect.ValueOf(c.keys[i]), v)
		case reflect.Struct:
			if v.IsValid() {
				made.FieldByName(c.keys[i]).Set(v)
			}
		default:
			made.Set(reflect.Append(made, v))
		}
	}
	return made
}

func (c composite) marks(m *marker) Mark {
	marks := marksAll(c.values, m)
	for i, key := range c.keys {
		if l, ok := c.values[i].(literal); ok {
			marks |= marksOfColumn(key, l.value)
			if key == "tenant_id" && l.value == "" {
				marks |= OtherTenant // A map says what it holds: no tenant.
			}
		}
	}
	return marks
}

// closure is a function of one parameter that returns an expression of it.
type closure struct {
	of    reflect.Type
	names []string
	body  expr // nil: it returns nothing
	tail  string
}

func (c closure) source() string {
	params := make([]string, c.of.NumIn())
	for i := range params {
		params[i] = c.names[i] + " " + c.of.In(i).String()
	}
	text := "func(" + strings.Join(params, ", ") + ")"
	switch {
	case c.of.NumOut() == 0:
		return text + " { " + c.body.source() + " }"
	case c.tail != "":
		return text + " " + c.of.Out(0).String() + " { " + c.body.source() + "; return " + c.tail +
			" }"
	}
	return text + " " + c.of.Out(0).String() + " { return " + c.body.source() + " }"
}

func (c closure) eval(s *scope) reflect.Value {
	return reflect.MakeFunc(c.of, func(args []reflect.Value) []reflect.Value {
		inner := &scope{rec: s.rec, vars: map[string]reflect.Value{}}
		for name, v := range s.vars {
			inner.vars[name] = v
		}
		for i, arg := range args {
			inner.set(c.names[i], arg)
		}
		out := c.body.eval(inner)
		switch {
		case c.of.NumOut() == 0:
			return nil
		case c.tail != "":
			return []reflect.Value{reflect.Zero(c.of.Out(0))}
		}
		return []reflect.Value{out}
	})
}

func (c closure) marks(m *marker) Mark { return c.body.marks(m) }
