package oracle

import (
	"fmt"
	"go/format"
	"reflect"
	"strings"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
)

// program is a list of statements, and where they run.
type program struct {
	setting    Setting
	statements []statement
}

// statement is a part of a program that stands for itself.
type statement interface {
	write(w *sourceWriter, m *marker)
	run(s *scope, m *marker)
}

// sourceWriter is Go source that is being written.
type sourceWriter struct {
	strings.Builder
	results int // the number of results named so far
}

func (w *sourceWriter) line(format string, args ...any) {
	fmt.Fprintf(&w.Builder, format+"\n", args...)
}

// next returns a name for a result that no other has.
func (w *sourceWriter) next(name string) string {
	w.results++
	return fmt.Sprintf("%s%d", name, w.results)
}

// script returns the program as what runs on a side.
func (p program) script() Script {
	return func(db *gorm.DB, rec *Recorder) {
		s := &scope{rec: rec, vars: map[string]reflect.Value{}}
		s.set("db", reflect.ValueOf(db))
		s.set("ctx", reflect.ValueOf(db.Statement.Context))
		m := &marker{vars: map[string]Mark{}}
		for _, st := range p.statements {
			st.run(s, m)
		}
	}
}

// source returns the program as a test to paste.
func (p program) source(name string) string {
	w := &sourceWriter{}
	m := &marker{vars: map[string]Mark{}}
	w.line("func Test%s(t *testing.T) {", name)
	w.line("setting := oracle.Setting{ForeignKeys: %t, CheckReferences: %t}", p.setting.ForeignKeys,
		p.setting.CheckReferences)
	w.line("oracle.Same(t, setting, func(db *gorm.DB, rec *oracle.Recorder) {")
	body := &sourceWriter{}
	for _, st := range p.statements {
		st.write(body, m)
	}
	text := body.String()
	if strings.Contains(text, "ctx") {
		w.line("ctx := gormtenant.WithTenant(t.Context(), oracle.A)")
		w.line("db = db.WithContext(ctx)")
	}
	w.WriteString(text)
	w.line("})")
	w.line("}")
	formatted, err := format.Source([]byte(w.String()))
	if err != nil {
		return fmt.Sprintf("// %v\n%s", err, w)
	}
	return string(formatted)
}

// ctx of the pasted test and the one that a program runs with say the same.
var _ = gormtenant.WithTenant

// declare makes a variable.
type declare struct {
	name  string
	value expr // nil: the zero value
	of    reflect.Type
}

func (d declare) write(w *sourceWriter, m *marker) {
	if d.value == nil {
		w.line("var %s %s", d.name, d.of)
		return
	}
	m.vars[d.name] = d.value.marks(m)
	w.line("%s := %s", d.name, d.value.source())
}

func (d declare) run(s *scope, m *marker) {
	if d.value == nil {
		s.set(d.name, reflect.New(d.of).Elem())
		return
	}
	m.vars[d.name] = d.value.marks(m)
	s.set(d.name, d.value.eval(s))
}

// assign sets a field of a variable.
type assign struct {
	name, field string
	value       expr
}

func (a assign) mark(m *marker) {
	if l, ok := a.value.(literal); ok {
		m.vars[a.name] |= marksOfColumn(a.field, l.value)
	}
}

func (a assign) write(w *sourceWriter, m *marker) {
	a.mark(m)
	text := a.value.source()
	if l, ok := a.value.(literal); ok && l.value != nil &&
		reflect.TypeOf(l.value).Kind() < reflect.Array {
		text = constant(reflect.ValueOf(l.value))
	}
	w.line("%s.%s = %s", a.name, a.field, text)
}

func (a assign) run(s *scope, m *marker) {
	a.mark(m)
	field := s.vars[a.name].FieldByName(a.field)
	value := a.value.eval(s)
	if !value.IsValid() {
		value = reflect.Zero(field.Type())
	}
	field.Set(value)
}

// form is what a call returns.
type form int

const (
	returnsDB      form = iota // a *gorm.DB
	returnsError               // an error
	returnsValues              // values, and an error
	returnsCount               // a number; its receiver, an association, has the error
	returnsNothing             // nothing to look at: a *gorm.DB that goes on
	// *sql.Rows and an error; the rows are read into the first shown variable.
	returnsIterator
)

// do is a call of GORM's that is looked at.
type do struct {
	form  form
	name  string // of the result, for returnsNothing
	call  call
	shows []string // the variables that it may have changed
	mark  Mark
	db    string // the variable on which it ran
	batch string // for FindInBatches: where the batches are collected
}

// reads are the methods that write nothing.
var reads = map[string]bool{
	"Find": true, "First": true, "Last": true, "Take": true, "Count": true, "Pluck": true,
	"Scan": true, "Rows": true,
	"FirstOrInit": true,
}

func (d do) marks(m *marker) Mark {
	marks := d.call.marks(m)
	if reads[d.call.method] {
		// What a query is asked for is not written.
		marks = marks&^(ForeignKey|PlainKey|SetsKey|LooseKey) | Reads
	}
	marks |= d.mark
	for _, name := range d.shows {
		m.vars[name] |= marks &^ (Reads | Ordered | Restricted | Skips | Owners | Parts | Comment)
	}
	return marks
}

func (d do) write(w *sourceWriter, m *marker) {
	marks := d.marks(m)
	shows := ""
	for _, name := range d.shows {
		shows += ", " + name
	}
	switch d.form {
	case returnsDB:
		result := w.next("res")
		w.line("%s := %s", result, d.call.source())
		w.line("rec.Saw(%s, %s, %s.Error, %s.RowsAffected%s)", d.db, marks, result, result, shows)
	case returnsError:
		result := w.next("err")
		w.line("%s := %s", result, d.call.source())
		w.line("rec.Saw(%s, %s, %s%s)", d.db, marks, result, shows)
	case returnsValues:
		got, err := w.next("got"), w.next("err")
		w.line("%s, %s := %s", got, err, d.call.source())
		w.line("rec.Saw(%s, %s, %s, %s%s)", d.db, marks, err, got, shows)
	case returnsCount:
		on, got := w.next("assoc"), w.next("got")
		w.line("%s := %s", on, d.call.on.source())
		counted := d.call
		counted.on = ref{name: on}
		w.line("%s := %s", got, counted.source())
		w.line("rec.Saw(%s, %s, %s.Error, %s%s)", d.db, marks, on, got, shows)
	case returnsNothing:
		w.line("%s := %s", d.name, d.call.source())
	case returnsIterator:
		rows, err := w.next("it"), w.next("err")
		w.line("%s, %s := %s", rows, err, d.call.source())
		w.line("for %s == nil && %s.Next() {", err, rows)
		w.line("var one %s", elementOf(d.batch))
		w.line("%s = %s.ScanRows(%s, &one)", err, d.db, rows)
		w.line("%s = append(%s, one)", d.shows[0], d.shows[0])
		w.line("}")
		w.line("if %s != nil { _ = %s.Close() }", rows, rows)
		w.line("rec.Saw(%s, %s, %s%s)", d.db, marks, err, shows)
	}
}

func elementOf(model string) string { return typeNames[model].String() }

func (d do) run(s *scope, m *marker) {
	marks := d.marks(m)
	db := s.vars[d.db].Interface().(*gorm.DB)
	var on reflect.Value
	var out reflect.Value
	if d.form == returnsCount {
		on = d.call.on.eval(s)
		out = single(invoke(s, on.MethodByName(d.call.method), d.call.args, d.call.spread))
	} else {
		out = d.call.eval(s)
	}
	var err error
	var values []any
	switch d.form {
	case returnsDB:
		res := out.Interface().(*gorm.DB)
		err, values = res.Error, []any{res.RowsAffected}
	case returnsError:
		err, _ = out.Interface().(error)
	case returnsValues:
		pair := out.Interface().(results)
		err, _ = pair[1].Interface().(error)
		values = []any{pair[0].Interface()}
	case returnsCount:
		err, values = on.Interface().(*gorm.Association).Error, []any{out.Interface()}
	case returnsNothing:
		s.set(d.name, out)
		return
	case returnsIterator:
		err = d.iterate(s, db, out.Interface().(results))
	}
	for _, name := range d.shows {
		values = append(values, s.vars[name].Interface())
	}
	s.rec.Saw(db, marks, err, values...)
}

// steps returns the number of calls in a program, those in its transactions included.
func (p program) steps() int { return stepsIn(p.statements) }

func stepsIn(statements []statement) int {
	n := 0
	for _, st := range statements {
		switch s := st.(type) {
		case transaction:
			n += stepsIn(s.statements)
		case manual:
			n += stepsIn(s.before) + stepsIn(s.after)
		case declare, assign:
		default:
			n++
		}
	}
	return n
}
