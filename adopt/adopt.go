package adopt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant/internal/progress"
)

// ErrLeft is wrapped by each of the errors that [Check] joins.
var ErrLeft = errors.New("gormtenant: adopt")

// Statements returns the statements that [Apply] would run now, in their order, for migration
// tools. It writes nothing.
//
// Each text is to be run by itself and outside of a transaction on Postgres (goose: NO
// TRANSACTION), because CREATE INDEX CONCURRENTLY can be in none; one text may hold two statements,
// which are one transaction then. There the rows are filled by one UPDATE: for tables of millions
// of rows use Apply, which fills in batches. On SQLite the texts are one transaction, and all of
// them have to run on one connection.
func Statements(db *gorm.DB, models []any, options ...Option) ([]string, error) {
	p, err := newPlanner("adopt.Statements", db, models, options)
	if err != nil {
		return nil, err
	}
	steps, err := p.plan(p.db)
	if err != nil {
		return nil, err
	}
	list := make([]string, len(steps))
	for i, s := range steps {
		list[i] = s.sql
	}
	if len(list) > 0 && p.sqlite() {
		list = slices.Concat([]string{"PRAGMA foreign_keys = OFF", "BEGIN IMMEDIATE"}, list,
			[]string{"COMMIT", "PRAGMA foreign_keys = ON"})
	}
	return list, nil
}

// Apply does what is left to do, and nothing if there is nothing. db must be opened as the owner of
// the tables. It may be stopped anywhere, by ctx or by a kill, and called again: it goes on where
// it was. On Postgres one process does it at a time, others wait.
//
// A foreign key or a unique index that the rows break fails with the server's error, and with what
// was done before it in place: [Check] counts rows that point across tenants.
func Apply(ctx context.Context, db *gorm.DB, models []any, options ...Option) error {
	p, err := newPlanner("adopt.Apply", db.WithContext(ctx), models, options)
	if err != nil {
		return err
	}
	if p.sqlite() {
		return p.applySQLite(ctx)
	}
	return p.applyPostgres(ctx)
}

// Check returns nil if nothing is left to do, or all that is, joined, each an [ErrLeft] that names
// the table: what [Apply] would do, and rows that refer to or join rows of another tenant, which
// only the application can judge. It writes nothing, and its error is for CI:
//
//	if err := adopt.Check(db, models); err != nil {
//		log.Fatal(err)
//	}
//
// It finds what AutoMigrate passes over in silence: an index of the right name with other columns,
// a tenant column that may be NULL or has a DEFAULT, an index over (tenant_id, tenant_id), and one
// that was not finished.
func Check(db *gorm.DB, models []any, options ...Option) error {
	p, err := newPlanner("adopt.Check", db, models, options)
	if err != nil {
		return err
	}
	return p.check()
}

func (p *planner) sqlite() bool { return p.db.Name() == "sqlite" }

// plan returns what is left to do.
func (p *planner) plan(db *gorm.DB) ([]step, error) {
	if p.sqlite() {
		return p.planSQLite(db)
	}
	return p.planPostgres(db)
}

// lockKey is the key of the advisory lock of an Apply. The number is arbitrary.
const lockKey = 0x61646f7074

// applyPostgres runs each step as a transaction of its own, on one connection, which holds a lock
// that keeps other processes out.
func (p *planner) applyPostgres(ctx context.Context) error {
	return p.db.Connection(func(db *gorm.DB) (err error) {
		// A process that waits for it in one statement would hold up CREATE INDEX CONCURRENTLY,
		// which waits for all transactions: so it asks again and again.
		for locked := false; !locked; {
			err := db.Raw("SELECT pg_try_advisory_lock(?)", lockKey).Row().Scan(&locked)
			if err != nil {
				return fmt.Errorf("gormtenant: adopt: %w", err)
			}
			if locked {
				break
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(100 * time.Millisecond):
			}
		}
		defer func() {
			db := db.WithContext(context.WithoutCancel(db.Statement.Context))
			unlocked := db.Exec("SELECT pg_advisory_unlock(?)", lockKey).Error
			if err == nil { // A connection that broke has no lock.
				err = unlocked
			}
		}()
		steps, err := p.planPostgres(db)
		if err != nil {
			return err
		}
		for _, s := range steps {
			if err := p.run(ctx, db, s); err != nil {
				return failed(ctx, s, err)
			}
		}
		return nil
	})
}

// failed tells what a step failed with, or that it was stopped.
func failed(ctx context.Context, s step, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("gormtenant: adopt: stopped at %s: %w", s.sql, ctx.Err())
	}
	return fmt.Errorf("gormtenant: adopt: %s: %w", s.sql, err)
}

func (p *planner) run(ctx context.Context, db *gorm.DB, s step) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.config.progress != nil {
		_, _ = fmt.Fprintln(p.config.progress, "gormtenant: adopt: "+s.sql)
	}
	if s.fill == nil {
		return db.Exec(s.sql).Error
	}
	return p.fill(ctx, db, s)
}

// fill runs an UPDATE over a few pages of the table at a time, each a transaction. Rows that it
// writes move to pages at the end, and name a tenant there. What others have written meanwhile is
// filled at the end.
func (p *planner) fill(ctx context.Context, db *gorm.DB, s step) error {
	var pages int64
	err := db.Raw("SELECT pg_relation_size(to_regclass(?)) / current_setting('block_size')::bigint",
		p.quote(s.fill.name)).Row().Scan(&pages)
	if err != nil {
		return err
	}
	bar := progress.New(p.config.progress, "pages", pages, false)
	defer bar.Finish()
	for at := int64(0); at < pages; at += int64(p.config.batch) {
		if err := ctx.Err(); err != nil {
			return err
		}
		until := min(at+int64(p.config.batch), pages)
		err := db.Exec(fmt.Sprintf("%s AND ctid >= '(%d,0)'::tid AND ctid < '(%d,0)'::tid",
			s.sql, at, until)).Error
		if err != nil {
			return err
		}
		bar.Add(until - at)
	}
	return db.Exec(s.sql).Error
}

// check joins what is left to do.
func (p *planner) check() error {
	var left []error
	say := func(format string, args ...any) {
		left = append(left, fmt.Errorf("%w: "+format, append([]any{ErrLeft}, args...)...))
	}
	for _, t := range p.tables {
		l, err := p.read(p.db, t)
		if err != nil {
			return err
		}
		if l == nil {
			say("%s: there is no such table: run AutoMigrate", t.name)
			continue
		}
		for _, reason := range p.reasons(t, l) {
			say("%s: %s", t.name, reason)
		}
		for _, reason := range p.across(t, l) {
			say("%s: %s", t.name, reason)
		}
	}
	for _, t := range p.joins {
		for _, reason := range p.acrossJoin(t) {
			say("%s: %s", t.Qualified(), reason)
		}
	}
	return errors.Join(left...)
}

// read reads a table as it is, nil if there is none.
func (p *planner) read(db *gorm.DB, t *table) (*live, error) {
	if p.sqlite() {
		return p.readSQLite(db, t)
	}
	return p.readPostgres(db, t)
}

// existing reads a table as it is, and returns an error if there is none.
func (p *planner) existing(db *gorm.DB, t *table) (*live, error) {
	l, err := p.read(db, t)
	switch {
	case err != nil:
		return nil, fmt.Errorf("gormtenant: adopt: reading %s: %w", t.name, err)
	case l == nil:
		return nil, fmt.Errorf("gormtenant: adopt: there is no table %s: run AutoMigrate for "+
			"it first, or leave its model out", t.name)
	}
	return l, nil
}

// reasons returns what a table lacks.
func (p *planner) reasons(t *table, l *live) []string {
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	c := l.column(t.column)
	if c == nil {
		add("the tenant column %s is missing", t.column)
		return list
	}
	if !c.notNull {
		add("the tenant column %s can be NULL", t.column)
	}
	if c.def != "" {
		add("the tenant column %s has the DEFAULT %s: a row that is written past the plugin is "+
			"that tenant's, in silence", t.column, c.def)
	}
	var nobodys int64
	err := p.db.Raw("SELECT count(*) FROM " + p.quote(t.name) + " WHERE " + p.nobody(t)).
		Row().Scan(&nobodys)
	if err != nil || nobodys > 0 {
		add("%d rows name no tenant%s", nobodys, because(err))
	}
	for _, i := range l.indexes {
		if i.invalid {
			add("the index %s was not finished: drop it, or run adopt.Apply", i.name)
		}
		n := 0
		for _, name := range i.columns {
			if name == t.column {
				n++
			}
		}
		if n > 1 {
			add("the index %s has the tenant column %d times", i.name, n)
		}
	}
	if !l.holdsKey(t) {
		add("there is no unique index over (%s)", strings.Join(t.tenantKey(), ", "))
	}
	for _, s := range p.swaps(t, l) {
		switch {
		case s.old == nil:
			add("there is no index %s over (%s)", s.want.name, strings.Join(s.want.columns, ", "))
		case s.like:
			add("the unique index %s over (%s) does not begin with the tenant: one tenant's value "+
				"is taken for all; if it is to be, name it to adopt.Global", s.old.name,
				strings.Join(s.old.columns, ", "))
		default:
			add("the index %s is over (%s), and the model's over (%s)", s.old.name,
				strings.Join(s.old.columns, ", "), strings.Join(s.want.columns, ", "))
		}
	}
	list = append(list, p.ofModel(t)...)
	for _, k := range p.wanted(t, l) {
		there := l.key(k)
		switch {
		case there == nil:
			add("there is no foreign key (%s) to %s: a key of another tenant's row is taken",
				strings.Join(k.columns, ", "), k.target)
		case there.invalid:
			add("the foreign key %s was not validated", there.name)
		}
	}
	return list
}

// ofModel returns what is unique over all tenants by the tags of the model, so that AutoMigrate
// would make it so again.
func (p *planner) ofModel(t *table) []string {
	var list []string
	for _, field := range t.Model.Fields {
		name := p.db.NamingStrategy.UniqueName(t.Model.Table, field.DBName)
		if field.Unique && !field.PrimaryKey && !p.config.keeps(name) {
			list = append(list, fmt.Sprintf("the tag unique of %s.%s is over all tenants: put the "+
				"tenant and the field into one uniqueIndex, or name %s to adopt.Global",
				t.Model.Name, field.Name, name))
		}
	}
	for _, i := range t.Model.ParseIndexes() {
		holds := slices.ContainsFunc(i.Fields, func(o schema.IndexOption) bool {
			return o.Field != nil && o.DBName == t.column
		})
		if strings.EqualFold(i.Class, "UNIQUE") && !holds && !p.config.keeps(i.Name) {
			list = append(list, fmt.Sprintf("the tag of the index %s of %s has no tenant: put the "+
				"tenant's field into it, or name it to adopt.Global", i.Name, t.Model.Name))
		}
	}
	slices.Sort(list) // ParseIndexes is a map in GORM before 1.26.
	return list
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return " (" + err.Error() + ")"
}

// across counts rows that refer to rows of another tenant, or of nobody's.
func (p *planner) across(t *table, l *live) []string {
	if l.column(t.column) == nil {
		return nil
	}
	var list []string
	for _, k := range p.wanted(t, l) {
		var theirs []string
		for i := range k.columns {
			if i > 0 {
				theirs = append(theirs, "o."+p.quote(k.targets[i])+" = r."+p.quote(k.columns[i]))
			}
		}
		var n int64
		err := p.db.Raw("SELECT count(*) FROM " + p.quote(t.name) + " AS r JOIN " +
			p.quote(k.target) + " AS o ON " + strings.Join(theirs, " AND ") + " WHERE o." +
			p.quote(k.targets[0]) + " <> r." + p.quote(k.columns[0])).Row().Scan(&n)
		if err == nil && n > 0 {
			list = append(list, fmt.Sprintf("%d rows refer by (%s) to rows of another tenant in %s",
				n, strings.Join(k.columns[1:], ", "), k.target))
		}
	}
	return list
}
