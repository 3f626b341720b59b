package tenanttest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// rowsEach is how many rows each tenant gets of each model: more than one, so that "all of them"
// and "the first" are not the same.
const rowsEach = 2

// makeRows makes the rows of both tenants, as an application would: through GORM, hooks included.
func (k *kit) makeRows() error {
	for pending := k.models; len(pending) > 0; {
		left, failed := k.makeRowsOf(pending)
		if len(left) == len(pending) {
			return failed
		}
		pending = left // in a circle of foreign keys the order can be another
	}
	k.completeRows()
	for _, j := range k.joins {
		for _, t := range []tenant{k.ours, k.theirs} {
			if err := k.link(j, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// makeRowsOf makes the rows of models. It returns those of which none could be made, and why that
// was so for the first.
func (k *kit) makeRowsOf(models []*model) (left []*model, failed error) {
	for _, m := range models {
		made := m.rows
		before, err := k.txs.mark("tenanttest_rows")
		if err == nil {
			err = k.makeRowsEach(m)
		}
		if err == nil {
			continue
		}
		m.rows = made
		if undone := before.back(); undone != nil {
			return models, errors.Join(err, undone)
		}
		if left = append(left, m); failed == nil {
			failed = err
		}
	}
	return left, failed
}

func (k *kit) makeRowsEach(m *model) error {
	if m.tenant == nil {
		return k.makeShared(m, 1)
	}
	for _, t := range []tenant{k.ours, k.theirs} {
		for n := range rowsEach {
			if err := k.makeRow(m, t, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// completeRows sets the foreign keys that are still empty because the rows that they name were made
// later. Where the database does not let it, they stay empty.
func (k *kit) completeRows() {
	for _, m := range k.models {
		for _, t := range []tenant{k.ours, k.theirs} {
			for n, row := range m.rows[t.index] {
				for _, r := range m.refs {
					if r.parent != m && r.kind == nil && len(k.rowsOf(r.parent, t)) > 0 {
						k.complete(m, row, r, t, n)
					}
				}
			}
		}
	}
}

func (k *kit) complete(m *model, row reflect.Value, r *ref, t tenant, n int) {
	where, key := k.whereKey(m, row)
	parents := k.rowsOf(r.parent, t)
	for _, p := range r.pairs {
		if _, zero := k.valueOf(p.foreign, row); !zero || p.foreign.PrimaryKey ||
			p.foreign == m.tenant {
			continue
		}
		value, _ := k.valueOf(p.primary, parents[n%len(parents)])
		args := append([]any{
			clause.Table{Name: m.schema.Table}, clause.Column{Name: p.foreign.DBName}, value,
		}, key...)
		if k.try(t.ctx, "UPDATE ? SET ? = ? WHERE "+where, args...) {
			_ = p.foreign.Set(k.db.Statement.Context, row, value)
		}
	}
}

// makeShared makes rows that are nobody's, up to a number: of each place, where each tenant has its
// own.
func (k *kit) makeShared(m *model, rows int) error {
	for _, t := range k.owners() {
		for n := len(m.rows[t.index]); n < rows; n++ {
			if err := k.makeRow(m, t, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// makeRow makes a row. Its key is left to the database or to a hook, if they give one.
func (k *kit) makeRow(m *model, t tenant, n int) error {
	var row reflect.Value
	for _, keyed := range []bool{false, true} {
		var made bool
		var err error
		row, made, err = k.tryRow(m, t, n, keyed)
		if made {
			m.natural = keyed
			break
		}
		if keyed && m.tenant == nil && k.own { // the table of all may be one that tenants only read
			row = reflect.ValueOf(m.new())
			made = k.as(t).Order(clause.PrimaryColumn).Offset(n).Limit(1).Find(row.Interface()).
				RowsAffected == 1
			k.txs.settle()
		}
		if keyed && !made {
			return m.cannotMake(err)
		}
	}
	m.rows[t.index] = append(m.rows[t.index], row)
	if m.tenant == nil {
		return nil
	}
	where, args := k.whereKey(m, row)
	_, stored, err := k.queryAs(t.ctx, "SELECT ? FROM ? WHERE "+where,
		append([]any{clause.Column{Name: m.tenant.DBName}, clause.Table{Name: m.schema.Table}},
			args...)...)
	if err == nil && (len(stored) != 1 || text(stored[0][0]) != text(t.id)) {
		err = fmt.Errorf("tenanttest: db.Create(&%s{}) of tenant %q stored %s.%s = %q: creates "+
			"are not isolated",
			m.schema.Name, text(t.id), m.schema.Table, m.tenant.DBName, stored)
	}
	return err
}

// tryRow creates a row, and reports whether it has a key.
func (k *kit) tryRow(
	m *model, t tenant, n int, keyed bool,
) (row reflect.Value, made bool, err error) {
	row, err = k.newRow(m, t, n, keyed)
	if err != nil {
		return row, false, err
	}
	if k.own && t.index == k.theirs.index {
		k.giveKey(m, row, n)
	}
	before, err := k.txs.mark("tenanttest_row")
	if err != nil {
		return row, false, err
	}
	err = k.as(t).Omit(clause.Associations).Create(row.Interface()).Error
	k.txs.settle()
	made = err == nil
	for _, field := range m.schema.PrimaryFields {
		if _, zero := k.valueOf(field, row); zero {
			made = false
		}
	}
	if !made {
		if err := before.back(); err != nil {
			return row, false, err
		}
	}
	return row, made, err
}

// giveKey gives a row of theirs a key that no row of ours gets, where the database of each tenant
// would count from one: rows that leak are known by their keys.
func (k *kit) giveKey(m *model, row reflect.Value, n int) {
	field := m.schema.PrioritizedPrimaryField
	if field == nil || m.isForeign(field) || field.GORMDataType != schema.Int &&
		field.GORMDataType != schema.Uint {
		return
	}
	if _, zero := k.valueOf(field, row); zero {
		first := int64(1) << min(30, max(field.Size, 8)-2)
		_ = field.Set(k.db.Statement.Context, row, first+int64(n))
	}
}

// refer sets the foreign keys of a row that are still empty to rows of the same tenant.
func (k *kit) refer(m *model, row reflect.Value, t tenant, n int) error {
	byName := map[string][]*ref{}
	for _, r := range m.refs {
		byName[r.name()] = append(byName[r.name()], r)
	}
	for _, refs := range byName {
		r := refs[n%len(refs)] // of a polymorphic key, each parent in turn
		parents := k.rowsOf(r.parent, t)
		if n >= rowsEach && len(parents) > 0 && r.parent != m && m.isAlone(r) {
			parent, err := k.newParent(r.parent, t)
			if err != nil {
				return err
			}
			parents = []reflect.Value{parent}
		}
		if err := k.point(m, row, r, parents, n); err != nil {
			return err
		}
	}
	return nil
}

// isAlone reports whether a parent can have only one row of m, so that a new row needs a new
// parent: a unique index consists of foreign keys alone, and r is the first of them.
func (m *model) isAlone(r *ref) bool {
	for _, i := range m.indexes {
		if refs, all := m.refsIn(i); i.unique && all && len(refs) > 0 &&
			refs[0].name() == r.name() {
			return true
		}
	}
	return false
}

// refsIn returns the foreign keys of which an index has a column, and whether it has no other
// columns but the tenant.
func (m *model) refsIn(i index) (refs []*ref, all bool) {
	all = true
	for _, column := range i.columns {
		if m.tenant != nil && column == m.tenant.DBName {
			continue
		}
		at := slices.IndexFunc(m.refs, func(r *ref) bool {
			return r.kind != nil && r.kind.DBName == column || slices.Contains(r.columns(), column)
		})
		if at < 0 {
			all = false
		} else {
			refs = append(refs, m.refs[at])
		}
	}
	return refs, all
}

// newParent makes one more row of m, for a row of an attack. What it sends is not the attack's.
func (k *kit) newParent(m *model, t tenant) (reflect.Value, error) {
	sent := k.pool.recorder.sent
	defer func() { k.pool.recorder.sent = sent }()
	k.made++
	row, made, err := k.tryRow(m, t, rowsEach+k.made%20, m.natural)
	if !made {
		return row, m.cannotMake(err)
	}
	return row, nil
}

// rowsOf returns the rows that a tenant may refer to.
func (k *kit) rowsOf(m *model, t tenant) []reflect.Value {
	if m.tenant == nil && !k.own {
		return m.rows[0]
	}
	return m.rows[t.index]
}

// point sets a foreign key to the nth of rows, unless it is set or there are none.
func (k *kit) point(m *model, row reflect.Value, r *ref, rows []reflect.Value, n int) error {
	if len(rows) == 0 {
		return nil // the first row of a self-reference, or a circle
	}
	for _, p := range r.pairs {
		if _, zero := k.valueOf(p.foreign, row); zero && p.foreign != m.tenant {
			value, _ := k.valueOf(p.primary, rows[n%len(rows)])
			if err := p.foreign.Set(k.db.Statement.Context, row, value); err != nil {
				return err
			}
		}
	}
	if r.kind != nil {
		return r.kind.Set(k.db.Statement.Context, row, r.value)
	}
	return nil
}

// link joins the rows of a tenant.
func (k *kit) link(j *join, t tenant) error {
	owners, targets := k.rowsOf(j.sides[0].model, t), k.rowsOf(j.sides[1].model, t)
	name := j.relation.Name
	err := k.as(t).Omit(name + ".*").Model(owners[0].Interface()).Association(name).
		Append(targets[len(targets)-1].Interface())
	if err != nil {
		return fmt.Errorf("tenanttest: db.Model(&%s{}).Association(%q).Append of a row of the "+
			"same tenant: %w",
			j.sides[0].model.schema.Name, name, err)
	}
	return nil
}

// cannotMake says which field is to blame for a row that could not be made, and what to do.
func (m *model) cannotMake(err error) error {
	name := m.schema.Name
	if err == nil {
		err = fmt.Errorf("the key is still empty")
	}
	return fmt.Errorf("tenanttest: cannot make a row of %s: field %s: %w; pass "+
		"tenanttest.Factory(func() *%s { return &%s{...} })", name, m.blame(err.Error()), err, name,
		name)
}

// blame finds the field that the error of a database is about.
func (m *model) blame(message string) string {
	for name, check := range m.schema.ParseCheckConstraints() {
		if mentions(message, name) {
			return check.Field.Name
		}
	}
	for _, field := range m.schema.Fields {
		if field.DBName != "" && field != m.tenant && mentions(message, field.DBName) {
			return field.Name
		}
	}
	return "unknown"
}

func mentions(message, word string) bool {
	return regexp.MustCompile(`\b` + regexp.QuoteMeta(word) + `\b`).MatchString(message)
}

// try runs a statement past the plugin. One that fails changes nothing.
func (k *kit) try(ctx context.Context, sql string, args ...any) bool {
	sql, vars := k.expr(sql, args...)
	at, err := k.txs.at(ctx)
	if err != nil || at.exec("SAVEPOINT tenanttest_try") != nil {
		return false
	}
	_, err = at.tx.ExecContext(ctx, sql, vars...)
	if err != nil {
		_ = at.exec("ROLLBACK TO SAVEPOINT tenanttest_try")
	}
	return err == nil
}
