package tenantlint

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
)

const (
	gormPath   = "gorm.io/gorm"
	rootPath   = "github.com/gormtenant/gormtenant"
	modelsPath = rootPath + "/models"
	scopesPath = rootPath + "/scopes"
)

// tablesFact tells the packages above which tables are tenants', here and below.
type tablesFact struct{ Tables []string }

func (*tablesFact) AFact() {}

func (f *tablesFact) String() string { return "tenant tables " + strings.Join(f.Tables, " ") }

// model is a struct whose rows GORM keeps.
type model struct {
	name   *types.TypeName
	fields []field
	// tenant is the tenant field, or nil.
	tenant *field
	// optedOut is set by `gorm:"tenant:-"`.
	optedOut bool
	// certain is set where something shows that GORM keeps rows of the struct: a tag, a method
	// TableName, an embedded gorm.Model or a call such as Create.
	certain bool
}

// field is a field of a model or of a struct embedded in it.
type field struct {
	*types.Var
	tag    settings
	column string
}

// isTenants reports whether each row of the model belongs to a tenant.
func (m *model) isTenants() bool { return m != nil && m.tenant != nil && m.certain }

// modelSet has the models of a package, and knows those that it refers to.
type modelSet struct {
	*check
	known map[*types.TypeName]*model
	// all are the models of this package in the order of the text.
	all []*model
	// tables are the tables of tenants' models, of this package and of those below it.
	tables map[string]bool
	bodies map[*types.Func]*ast.FuncDecl
}

func findModels(c *check) *modelSet {
	s := &modelSet{
		check: c, known: make(map[*types.TypeName]*model), tables: make(map[string]bool),
		bodies: make(map[*types.Func]*ast.FuncDecl),
	}
	for _, fact := range c.AllPackageFacts() {
		if below, ok := fact.Fact.(*tablesFact); ok {
			for _, table := range below.Tables {
				s.tables[table] = true
			}
		}
	}
	for _, file := range c.Files {
		for _, decl := range file.Decls {
			if decl, ok := decl.(*ast.FuncDecl); ok {
				if fn, ok := c.TypesInfo.Defs[decl.Name].(*types.Func); ok {
					s.bodies[fn] = decl
				}
			}
		}
	}
	s.find()
	return s
}

func (s *modelSet) find() {
	used := s.usedAsModels()
	for _, object := range s.TypesInfo.Defs {
		name, ok := object.(*types.TypeName)
		if !ok || name.IsAlias() || s.Pkg.Path() == modelsPath {
			continue
		}
		if m := s.of(name.Type()); m != nil {
			m.certain = m.certain || used[name]
			s.all = append(s.all, m)
		}
	}
	slices.SortFunc(s.all, func(a, b *model) int { return int(a.name.Pos() - b.name.Pos()) })
	for _, m := range s.all {
		if m.isTenants() {
			if table := s.table(m); table != "" {
				s.tables[table] = true
			}
		}
	}
}

// export tells the packages above which tables are tenants'.
func (s *modelSet) export() {
	if len(s.tables) > 0 {
		s.ExportPackageFact(&tablesFact{Tables: slices.Sorted(maps.Keys(s.tables))})
	}
}

// of returns the model that a type is, points at or has as elements, or nil.
func (s *modelSet) of(t types.Type) *model {
	named, ok := element(t).(*types.Named)
	if !ok {
		return nil
	}
	name := named.Obj()
	if m, ok := s.known[name]; ok {
		return m
	}
	s.known[name] = nil // a model that refers to itself
	body, ok := named.Underlying().(*types.Struct)
	if !ok {
		return nil
	}
	m := &model{name: name}
	m.flatten(body, nil, 0)
	m.certain = m.certain || method(named, "TableName") != nil
	m.findTenant(s.column)
	s.known[name] = m
	return m
}

// element strips pointers, slices and arrays off a type.
func element(t types.Type) types.Type {
	for {
		switch u := types.Unalias(t).(type) {
		case *types.Pointer:
			t = u.Elem()
		case *types.Slice:
			t = u.Elem()
		case *types.Array:
			t = u.Elem()
		default:
			return u
		}
	}
}

// flatten adds the fields of body, and those of what is embedded in it.
func (m *model) flatten(body *types.Struct, outer settings, depth int) {
	for i := range body.NumFields() {
		v, tag := body.Field(i), parseTag(body.Tag(i))
		if tag.notMapped() {
			continue
		}
		if isNamed(v.Type(), gormPath, "Model") || isNamed(v.Type(), modelsPath, "TenantModel") ||
			isNamed(v.Type(), modelsPath, "TenantModelOf") {
			m.certain = true
		}
		if value, ok := outer["TENANT"]; ok {
			tag = maps.Clone(tag)
			if tag == nil {
				tag = make(settings)
			}
			tag["TENANT"] = value
		}
		m.certain = m.certain || len(tag) > 0 && depth == 0
		inner, ok := embedded(v, tag)
		if ok && depth < 5 {
			m.flatten(inner, tag, depth+1)
			continue
		}
		if !v.Exported() {
			continue
		}
		column := tag["COLUMN"]
		if column == "" {
			column = columnName(v.Name())
		}
		m.fields = append(m.fields, field{Var: v, tag: tag, column: column})
	}
}

// embedded returns the struct whose fields are columns of the outer one.
func embedded(v *types.Var, tag settings) (*types.Struct, bool) {
	if !v.Embedded() && !tag.has("EMBEDDED") {
		return nil, false
	}
	t := types.Unalias(v.Type())
	if pointer, ok := t.(*types.Pointer); ok {
		t = types.Unalias(pointer.Elem())
	}
	if isNamed(t, "time", "Time") || method(t, "Value") != nil {
		return nil, false
	}
	body, ok := t.Underlying().(*types.Struct)
	return body, ok
}

func (m *model) findTenant(column string) {
	bare := strings.NewReplacer("_", "")
	for i := range m.fields {
		f := &m.fields[i]
		setting, tagged := f.tag["TENANT"]
		if !tagged {
			continue
		}
		if setting == "-" {
			m.optedOut = true
			continue
		}
		m.tenant = f
		return
	}
	for i := range m.fields {
		f := &m.fields[i]
		if f.tag["TENANT"] != "-" &&
			strings.EqualFold(bare.Replace(f.column), bare.Replace(column)) {
			m.tenant = f
			return
		}
	}
}

// table returns the table of a model of this package, "" if the program decides while it runs.
func (s *modelSet) table(m *model) string {
	fn := method(m.name.Type(), "TableName")
	if fn == nil {
		return tableName(m.name.Name())
	}
	decl := s.bodies[fn]
	if decl == nil || decl.Body == nil || len(decl.Body.List) != 1 {
		return ""
	}
	result, ok := decl.Body.List[0].(*ast.ReturnStmt)
	if !ok || len(result.Results) != 1 {
		return ""
	}
	value := s.TypesInfo.Types[result.Results[0]].Value
	if value == nil || value.Kind() != constant.String {
		return ""
	}
	name := constant.StringVal(value)
	return strings.ToLower(name[strings.LastIndexByte(name, '.')+1:])
}

// usedAsModels returns the types whose values are given to GORM to keep.
func (s *modelSet) usedAsModels() map[*types.TypeName]bool {
	used := make(map[*types.TypeName]bool)
	s.inspect.Preorder([]ast.Node{(*ast.CallExpr)(nil)}, func(n ast.Node) {
		call := n.(*ast.CallExpr)
		var args []ast.Expr
		switch g, ok := s.gormCall(call); {
		case !ok:
			return
		case g.name == "AutoMigrate":
			args = call.Args
		case keeps[g.name] && len(call.Args) > 0:
			args = call.Args[:1]
		}
		for _, arg := range args {
			if named, ok := element(s.TypesInfo.TypeOf(arg)).(*types.Named); ok {
				used[named.Obj()] = true
			}
		}
	})
	return used
}

// keeps are the methods whose first argument is a model, not just something to scan into.
var keeps = map[string]bool{
	"Model": true, "Create": true, "CreateInBatches": true, "Save": true, "Delete": true,
	"FirstOrCreate": true,
}

// touchesTenants reports whether the package has or uses a model of tenants.
func (s *modelSet) touchesTenants() bool {
	for _, m := range s.all {
		if m.isTenants() {
			return true
		}
	}
	for _, object := range s.TypesInfo.Uses {
		if name, ok := object.(*types.TypeName); ok && s.of(name.Type()).isTenants() {
			return true
		}
	}
	return false
}

// method returns the method of that name of t or of *t.
func method(t types.Type, name string) *types.Func {
	object, _, _ := types.LookupFieldOrMethod(t, true, nil, name)
	fn, _ := object.(*types.Func)
	return fn
}

// isNamed reports whether t is the named type, or a pointer to it.
func isNamed(t types.Type, path, name string) bool {
	t = types.Unalias(t)
	if pointer, ok := t.(*types.Pointer); ok {
		t = types.Unalias(pointer.Elem())
	}
	named, ok := t.(*types.Named)
	return ok && named.Obj().Name() == name && named.Obj().Pkg() != nil &&
		named.Obj().Pkg().Path() == path
}

// at is the place of a field in this package, or of the model if the field is another package's.
func (s *modelSet) at(m *model, f field) analysis.Range {
	if f.Var != nil && f.Pkg() == s.Pkg && f.Pos().IsValid() {
		return span{f.Pos(), f.Pos() + token.Pos(len(f.Name()))}
	}
	return span{m.name.Pos(), m.name.Pos() + token.Pos(len(m.name.Name()))}
}

type span struct{ pos, end token.Pos }

func (s span) Pos() token.Pos { return s.pos }

func (s span) End() token.Pos { return s.end }
