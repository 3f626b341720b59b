package sqltext

// Plan is what Read found in a text. It never changes, may be used by several goroutines at once,
// and holds for every tenant and all arguments, so that it can be remembered by its text and
// Options.
type Plan struct {
	text  string
	clean bool
	open  bool
	bound []Bound
}

// Bound is a placeholder that is compared with the tenant column of a reference, or written to it.
type Bound struct {
	Var   int    // The index of its argument.
	Table *Table // Whose tenant column it is.
	Ref   int    // Which reference to that table, counted from zero.

	// Must says that the text cannot be sent if the argument is not the tenant: it is written to a
	// new row, or guards an upsert. Any other reference is limited by Rewrite instead.
	Must bool

	// Value is not "" where the argument must be this string, and not the tenant: it is compared
	// with the type column of a polymorphic join table.
	Value string
}

// Edited is a text that is limited to the tenant, with places for more arguments.
type Edited struct {
	Text string

	// Insert holds, in rising order, the places in the final list of arguments at which the tenant
	// goes: list = slices.Insert(list, Insert[i], tenant) for each i in turn. Insert[i] counts the
	// arguments in front that Options.First left out.
	Insert []int

	// Tables holds the table whose tenant column Insert[i] is compared with: how a value is bound
	// depends on the column.
	Tables []*Table
}

// Read reads a text. The error is a *Refusal.
func Read(text string, o Options) (*Plan, error) {
	_ = o
	return nil, &Refusal{Reason: Unreadable, Detail: "the text cannot be read"}
}

// Clean reports whether the text names no tenant table: it is sent byte for byte, without marks.
func (p *Plan) Clean() bool { return p.clean }

// Text returns the text without marks.
func (p *Plan) Text() string { return p.text }

// OpenMarks reports whether the text held a sub-query that nobody had decided. A caller that sends
// the text without having it limited must refuse it then.
func (p *Plan) OpenMarks() bool { return p.open }

// Bound returns the placeholders that may have to hold the tenant, ordered by Ref. Several of one
// Ref are alternatives, unless they are marked Must. The caller must not change the slice.
func (p *Plan) Bound() []Bound { return p.bound }

// Proved reports whether the text can be sent as it stands, given which of its placeholders hold
// the tenant. It does not allocate.
func (p *Plan) Proved(ok func(Bound) bool) bool {
	for _, b := range p.bound {
		if !ok(b) {
			return false
		}
	}
	return p.clean
}

// Rewrite returns the text with every reference limited to the tenant: those that have no proof,
// and those whose placeholders do not hold the tenant by ok. What it returns is remembered in the
// plan and must not be changed. The error is a *Refusal: with the reason NotTenant where a
// placeholder that is marked Must does not hold the tenant.
func (p *Plan) Rewrite(ok func(Bound) bool) (*Edited, error) {
	for _, b := range p.bound {
		if b.Must && !ok(b) {
			return nil, &Refusal{Reason: NotTenant, Table: b.Table.Name}
		}
	}
	return &Edited{Text: p.text}, nil
}

// Reads returns the tenant tables that the text reads, each once, in order. Those inside of a
// sealed sub-query are not among them.
func (p *Plan) Reads() []*Table { return nil }

// Writes returns the tenant tables that the text changes, each once, in order.
func (p *Plan) Writes() []*Table { return nil }
