package adopt

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// readSQLite reads a table, nil if there is no such table.
func (p *planner) readSQLite(db *gorm.DB, t *table) (*live, error) {
	l := &live{}
	if err := db.Raw("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", t.Name).
		Scan(&l.text).Error; err != nil || l.text == "" {
		return nil, err
	}
	var columns []struct {
		Name, Type, Def string
		NotNull         bool
	}
	err := db.Raw("SELECT name, type, coalesce(dflt_value, '') AS def, \"notnull\" AS not_null "+
		"FROM pragma_table_info(?)", t.Name).Scan(&columns).Error
	if err != nil {
		return nil, err
	}
	for _, c := range columns {
		l.columns = append(l.columns, column{c.Name, c.Type, c.Def, c.NotNull})
	}
	var indexes []struct {
		Name, Origin string
		IsUnique     bool
		Partial      bool
	}
	err = db.Raw("SELECT name, origin, \"unique\" AS is_unique, partial FROM pragma_index_list(?) "+
		"ORDER BY seq DESC", t.Name).Scan(&indexes).Error
	if err != nil {
		return nil, err
	}
	primary := false
	for _, i := range indexes {
		var names []string
		err = db.Raw("SELECT coalesce(name, '') FROM pragma_index_info(?) ORDER BY seqno", i.Name).
			Scan(&names).Error
		if err != nil {
			return nil, err
		}
		found := index{
			name: i.Name, columns: names, unique: i.IsUnique, primary: i.Origin == "pk",
			inTable: i.Origin != "c",
		}
		if i.Partial {
			found.where = "?"
		}
		primary = primary || found.primary
		l.indexes = append(l.indexes, found)
	}
	err = db.Raw("SELECT sql FROM sqlite_master WHERE tbl_name = ? "+
		"AND type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY type, name", t.Name).
		Scan(&l.made).Error
	if err != nil {
		return nil, err
	}
	return l, p.readSQLiteKeys(db, t, l)
}

func (p *planner) readSQLiteKeys(db *gorm.DB, t *table, l *live) error {
	var keys []struct {
		ID                                      int
		Target, Own, Theirs, OnDelete, OnUpdate string
	}
	err := db.Raw("SELECT id, \"table\" AS target, \"from\" AS own, "+
		"coalesce(\"to\", '') AS theirs, on_delete, on_update "+
		"FROM pragma_foreign_key_list(?) ORDER BY id DESC, seq", t.Name).
		Scan(&keys).Error
	last := -1
	for i, k := range keys {
		if i == 0 || k.ID != last {
			target := k.Target
			if known := p.table(target); known != nil {
				target = known.name
			}
			l.keys = append(l.keys, foreignKey{
				name: t.Name + " to " + target, target: target, onDelete: action(k.OnDelete),
				onUpdate: action(k.OnUpdate),
			})
			last = k.ID
		}
		key := &l.keys[len(l.keys)-1]
		if known := p.table(k.Target); k.Theirs == "" && known != nil &&
			len(known.key) > len(key.targets) {
			k.Theirs = known.key[len(key.targets)]
		}
		key.columns, key.targets = append(key.columns, k.Own), append(key.targets, k.Theirs)
	}
	return err
}

// planSQLite returns the statements of one transaction.
func (p *planner) planSQLite(db *gorm.DB) ([]step, error) {
	var rebuilt, indexes []step
	for _, t := range p.tables {
		l, err := p.existing(db, t)
		if err != nil {
			return nil, err
		}
		again, err := p.rebuild(db, t, l)
		if err != nil {
			return nil, err
		}
		rebuilt = append(rebuilt, again...)
		indexes = append(indexes, p.indexesSQLite(t, l)...)
	}
	return slices.Concat(rebuilt, indexes), nil
}

// indexesSQLite makes and swaps the indexes that are not part of the text of a table.
func (p *planner) indexesSQLite(t *table, l *live) []step {
	var steps []step
	quote := func(name string) string { return p.db.Statement.Quote(clause.Column{Name: name}) }
	create := func(unique bool, name, body string) {
		kind := "INDEX "
		if unique {
			kind = "UNIQUE INDEX "
		}
		steps = append(steps, step{sql: "CREATE " + kind + quote(name) + " ON " + quote(t.Name) +
			" " + body})
	}
	if !l.holdsKey(t) {
		create(true, t.keyIndex(), p.list(t.tenantKey()))
	}
	for _, s := range p.swaps(t, l) {
		if s.old != nil && s.old.inTable {
			continue // The rebuild has done it.
		}
		body := p.list(s.want.columns)
		if s.old != nil {
			steps = append(steps, step{sql: "DROP INDEX " + quote(s.old.name)})
			if s.like {
				body = "(" + p.column(t) + ", " + l.bodyOf(s.old.name)
			}
		}
		create(s.want.unique, s.want.name, body)
	}
	return steps
}

// head is what stands in front of the columns of an index.
var head = regexp.MustCompile("(?is)^CREATE\\s+(?:UNIQUE\\s+)?INDEX\\s+" +
	"(?:IF\\s+NOT\\s+EXISTS\\s+)?(`[^`]*`|\"[^\"]*\"|\\[[^\\]]*\\]|\\w+)\\s+ON\\s+" +
	"(?:`[^`]*`|\"[^\"]*\"|\\[[^\\]]*\\]|\\w+)\\s*\\(")

// bodyOf returns the columns and the rest of the text of an index.
func (l *live) bodyOf(name string) string {
	for _, text := range l.made {
		found := head.FindStringSubmatch(text)
		if found != nil && strings.EqualFold(strings.Trim(found[1], "`\"[]"), name) {
			return text[len(found[0]):]
		}
	}
	return ""
}

// rebuild makes a table anew, as SQLite can change neither a column nor a constraint.
func (p *planner) rebuild(db *gorm.DB, t *table, l *live) ([]step, error) {
	c := l.column(t.column)
	rows := true
	if c != nil {
		err := db.Raw("SELECT EXISTS (SELECT 1 FROM " + p.quote(t.name) + " WHERE " + p.nobody(t) +
			")").Row().Scan(&rows)
		if err != nil {
			return nil, fmt.Errorf("gormtenant: adopt: reading %s: %w", t.name, err)
		}
	} else if err := db.Raw("SELECT EXISTS (SELECT 1 FROM " + p.quote(t.name) + ")").Row().
		Scan(&rows); err != nil {
		return nil, fmt.Errorf("gormtenant: adopt: reading %s: %w", t.name, err)
	}
	d, err := readDefinition(l.text)
	if err != nil {
		return nil, fmt.Errorf("gormtenant: adopt: %s: %w", t.name, err)
	}
	changed := rows
	var instead []step // indexes in the place of constraints
	if c == nil || !c.notNull || c.def != "" {
		d.setTenant(p, t, c)
		changed = true
	}
	for _, s := range p.swaps(t, l) {
		if s.old != nil && s.old.inTable {
			name := d.dropUnique(s.old.columns)
			if name == "" {
				name = made(t.Name + "_" + strings.Join(s.old.columns, "_"))
			}
			instead = append(instead, step{sql: "CREATE UNIQUE INDEX " +
				p.db.Statement.Quote(clause.Column{Name: name}) + " ON " + p.quote(t.Name) + " " +
				p.list(s.want.columns)})
			changed = true
		}
	}
	for _, want := range p.wanted(t, l) {
		if l.key(want) == nil {
			d.setKey(p, want, l.plain(want))
			changed = true
		}
	}
	if !changed {
		return nil, nil
	}
	value := p.column(t)
	if rows {
		literal, err := p.literal(t)
		switch {
		case err != nil:
			return nil, err
		case c == nil:
			value = literal
		case t.text:
			value = "coalesce(nullif(" + value + ", ''), " + literal + ")"
		default:
			value = "coalesce(" + value + ", " + literal + ")"
		}
	} else if c == nil {
		value = "NULL"
	}
	return append(p.copySQLite(t, l, d, value), instead...), nil
}

// copySQLite is the way of https://www.sqlite.org/lang_altertable.html#otheralter.
func (p *planner) copySQLite(t *table, l *live, d *createTable, tenant string) []step {
	quote := func(name string) string { return p.db.Statement.Quote(clause.Column{Name: name}) }
	fresh := made(t.Name)
	var steps []step
	add := func(format string, args ...any) {
		steps = append(steps, step{sql: fmt.Sprintf(format, args...)})
	}
	add("%s", d.create(quote(fresh)))
	into, from := []string{p.column(t)}, []string{tenant}
	for _, c := range l.columns {
		if !strings.EqualFold(c.name, t.column) {
			into, from = append(into, quote(c.name)), append(from, quote(c.name))
		}
	}
	add("INSERT INTO %s (%s) SELECT %s FROM %s", quote(fresh), strings.Join(into, ", "),
		strings.Join(from, ", "), quote(t.Name))
	if strings.Contains(strings.ToUpper(l.text), "AUTOINCREMENT") { // No key is given twice.
		add("DELETE FROM sqlite_sequence WHERE name = %s", text(fresh))
		add("INSERT INTO sqlite_sequence (name, seq) SELECT %s, seq FROM sqlite_sequence "+
			"WHERE name = %s", text(fresh), text(t.Name))
	}
	add("DROP TABLE %s", quote(t.Name))
	add("ALTER TABLE %s RENAME TO %s", quote(fresh), quote(t.Name))
	for _, text := range l.made {
		add("%s", text)
	}
	return steps
}

// applySQLite runs all steps in one transaction, in which foreign keys are looked at once, at the
// end.
func (p *planner) applySQLite(ctx context.Context) error {
	return p.db.Connection(func(db *gorm.DB) (err error) {
		var enforced bool
		if err := db.Raw("PRAGMA foreign_keys").Row().Scan(&enforced); err != nil {
			return fmt.Errorf("gormtenant: adopt: %w", err)
		}
		if err := db.Exec("PRAGMA foreign_keys = OFF").Error; err != nil {
			return fmt.Errorf("gormtenant: adopt: %w", err)
		}
		last := db.WithContext(context.WithoutCancel(db.Statement.Context))
		defer func() {
			if enforced {
				err = errors.Join(err, last.Exec("PRAGMA foreign_keys = ON").Error)
			}
		}()
		if err := db.Exec("BEGIN IMMEDIATE").Error; err != nil {
			return fmt.Errorf("gormtenant: adopt: %w", err)
		}
		if err := p.inSQLite(ctx, db); err != nil {
			return errors.Join(err, rollback(last))
		}
		if err := db.Exec("COMMIT").Error; err != nil {
			return errors.Join(fmt.Errorf("gormtenant: adopt: %w", err),
				rollback(last))
		}
		return nil
	})
}

// rollback ends the transaction. One that was interrupted is over already.
func rollback(db *gorm.DB) error {
	err := db.Exec("ROLLBACK").Error
	if err != nil && strings.Contains(err.Error(), "no transaction is active") {
		return nil
	}
	return err
}

func (p *planner) inSQLite(ctx context.Context, db *gorm.DB) error {
	steps, err := p.planSQLite(db)
	if err != nil {
		return err
	}
	for _, s := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		if p.config.progress != nil {
			_, _ = fmt.Fprintln(p.config.progress, "gormtenant: adopt: "+s.sql)
		}
		if err := db.Exec(s.sql).Error; err != nil {
			return failed(ctx, s, err)
		}
	}
	if len(steps) == 0 {
		return nil
	}
	var broken []struct{ Table, Parent string }
	err = db.Raw("SELECT \"table\", parent FROM pragma_foreign_key_check").Scan(&broken).Error
	for _, b := range broken {
		if t := p.table(b.Table); err == nil && t != nil {
			return fmt.Errorf("gormtenant: adopt: rows of %s refer to rows that %s does not have, "+
				"or that are another tenant's: mend them first", b.Table, b.Parent)
		}
	}
	return err
}
