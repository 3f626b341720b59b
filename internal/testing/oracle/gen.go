package oracle

import (
	"fmt"
	"reflect"
	"slices"

	"gorm.io/gorm"
	"pgregory.net/rapid"
)

// generator draws a program. What shrinks is drawn as small numbers, of which 0 is the simplest
// choice.
type generator struct {
	t     *rapid.T
	vars  []variable
	names int
	db    string // the variable that the next statement runs on
	depth int    // of transactions
}

// variable is one of a program's.
type variable struct {
	name, model string
	many        bool
}

var numbers = func() (list [9]*rapid.Generator[int]) {
	for i := range list {
		list[i] = rapid.IntRange(0, max(0, i-1))
	}
	return list
}()

// n draws a number below k. rapid prefers small numbers the more, the larger the range is, so a
// large one is drawn in pieces.
func (g *generator) n(k int) int {
	if k <= 1 {
		return 0
	}
	if k <= 8 {
		return numbers[k].Draw(g.t, "")
	}
	return (g.n((k+7)/8)*8 + g.n(8)) % k
}

// rarely is true once in k times. The simplest choice is false.
func (g *generator) rarely(k int) bool { return g.n(k) == k-1 }

func pick[T any](g *generator, list []T) T { return list[g.n(len(list))] }

// some returns up to k of list.
func some[T any](g *generator, list []T, k int) []T {
	var picked []T
	for range g.n(k + 1) {
		picked = append(picked, pick(g, list))
	}
	return picked
}

func (g *generator) name(prefix string) string {
	g.names++
	return fmt.Sprintf("%s%d", prefix, g.names)
}

// relation is an association of a model.
type relation struct {
	name, model string
	many        bool
}

// about is what the generator knows of a model.
type about struct {
	name, table string
	texts       []string // columns of text
	fields      []string // their fields
	key         string   // the column of the foreign key
	keyField    string
	keyOf       string // the model that the key is of
	relations   []relation
	noModel     bool // The table is read without its model.
}

var models = []about{
	{
		"Project", "projects",
		[]string{"name", "slug"},
		[]string{"Name", "Slug"},
		"owner_id", "OwnerID", "User",
		[]relation{
			{"Owner", "User", false},
			{"Tasks", "Task", true},
			{"Tags", "Tag", true},
			{"Comments", "Comment", true},
		},
		false,
	},
	{
		"User", "users",
		[]string{"name"},
		[]string{"Name"},
		"manager_id", "ManagerID", "User",
		[]relation{{"Manager", "User", false}, {"Profile", "Profile", false}},
		false,
	},
	{
		"Task", "tasks",
		[]string{"title"},
		[]string{"Title"},
		"project_id", "ProjectID", "Project",
		[]relation{{"Comments", "Comment", true}},
		false,
	},
	{
		"Tag", "tags",
		[]string{"label"},
		[]string{"Label"},
		"", "", "",
		[]relation{{"Projects", "Project", true}},
		false,
	},
	{
		"Profile", "profiles",
		[]string{"bio"},
		[]string{"Bio"},
		"user_id", "UserID", "User", nil,
		false,
	},
	{
		"Comment", "comments",
		[]string{"text"},
		[]string{"Text"},
		"subject_id", "SubjectID",
		"Project", nil, false,
	},
}

func modelNamed(name string) about {
	return models[slices.IndexFunc(models, func(m about) bool { return m.name == name })]
}

func (g *generator) model() about { return pick(g, models) }

func (g *generator) related() about {
	return pick(g, slices.DeleteFunc(slices.Clone(models),
		func(m about) bool { return len(m.relations) == 0 }))
}

// words are texts of rows, of A and of others.
var words = []string{
	"red", "blue", "ann", "web", "app", "bob", B, A, B + " own", "new", C + " own",
	"",
}

func (g *generator) word() string { return pick(g, words) }

// id draws a key: of a row of A, of another tenant's, of a row that the program made, of none.
func (g *generator) id() uint {
	switch g.n(8) {
	case 0, 1, 2, 3:
		return uint(1 + g.n(4))
	case 4, 5:
		return uint(11 + g.n(4))
	case 6:
		return uint(21 + g.n(3))
	}
	return pick(g, []uint{firstNew, firstNew + 1, 99})
}

func (g *generator) ids() []uint {
	ids := []uint{g.id()}
	for range g.n(3) {
		ids = append(ids, g.id())
	}
	return ids
}

// base is what a statement begins with.
func (g *generator) base() (expr, Mark) {
	on := expr(ref{name: g.db})
	if !g.rarely(5) {
		return on, 0
	}
	session := &gorm.Session{}
	var mark Mark
	switch g.n(8) {
	case 0:
		session.PrepareStmt = true
	case 1:
		session.SkipDefaultTransaction = true
		mark = Parts
	case 2:
		session.FullSaveAssociations = true
	case 3:
		session.CreateBatchSize = 1 + g.n(2)
		mark = Parts
	case 4:
		session.AllowGlobalUpdate = true
	case 5:
		session.QueryFields = true
	case 6:
		session.DisableNestedTransaction = true
	case 7:
		return call{on: on, method: "Unscoped"}, 0
	}
	return call{on: on, method: "Session", args: []expr{lit(session)}}, mark
}

// dry is a base that sends nothing.
func (g *generator) dry(on expr) expr {
	return call{on: on, method: "Session", args: []expr{lit(&gorm.Session{DryRun: true})}}
}

func with(on expr, method string, args ...expr) expr {
	return call{on: on, method: method, args: args}
}

func texts(values []string) []expr {
	args := make([]expr, len(values))
	for i, value := range values {
		args[i] = lit(value)
	}
	return args
}

// model literals

func pointerTo(m about) expr { return lit(reflect.New(typeNames[m.name]).Interface()) }

// declareMany declares a slice of rows.
func (g *generator) declareMany(m about) (declare, string) {
	name := g.name("rows")
	return declare{name: name, of: reflect.SliceOf(typeNames[m.name])}, name
}

// known returns a variable of the model, "" for none.
func (g *generator) known(model string, many bool) string {
	var fit []string
	for _, v := range g.vars {
		if v.model == model && v.many == many {
			fit = append(fit, v.name)
		}
	}
	if len(fit) == 0 || !g.rarely(3) {
		return ""
	}
	return pick(g, fit)
}
