package callbacks

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/tenanttable"
)

// lookup asks the database whose the rows with certain keys are. It runs on the connection of the
// statement that it is for, and sees what that statement's transaction sees.
type lookup struct {
	stmt    *gorm.Statement
	memory  *known // nil where nothing is remembered
	table   *table
	columns []string
	id      any
	where   []clause.Expression
	locks   bool // MySQL: what others have written since the transaction began to read counts
}

// lookup returns a look-up of rows of t by columns, for the run's statement.
func (r *run) lookup(t *table, columns []string) lookup {
	return lookup{
		stmt: r.stmt, memory: r.guard.known.of(r.stmt), table: t, columns: columns, id: r.scope.id,
	}
}

// maxKeys is the number of keys in one query. Databases limit the arguments of a statement: SQLite
// to 32,766, Postgres to 65,535, SQL Server to 2,100.
func (l lookup) maxKeys() int {
	switch l.stmt.Name() {
	case "sqlite", "postgres", "mysql":
		return 30_000 / len(l.columns)
	}
	return 1_000 / len(l.columns)
}

// question is a look-up with its keys.
type question struct {
	lookup
	keys [][]any
}

// noneForeign returns ErrOtherTenant where a key is that of another tenant's row.
func (l lookup) noneForeign(keys [][]any) error {
	foreign, err := anyForeign([]question{{l, keys}})
	if err == nil && foreign {
		err = gormtenant.ErrOtherTenant
	}
	return err
}

// anyForeign asks, in one query, whether one of the keys is that of another tenant's row.
func anyForeign(questions []question) (foreign bool, err error) {
	var query *gorm.Statement
	asked := questions[:0:0]
	for _, q := range questions {
		if q.where == nil {
			q.keys = q.memory.unknown(q.lookup, q.keys)
		}
		for len(q.keys) > q.maxKeys() {
			part := q
			part.keys, q.keys = q.keys[:q.maxKeys()], q.keys[q.maxKeys():]
			if foreign, err = anyForeign([]question{part}); foreign || err != nil {
				return foreign, err
			}
		}
		if len(q.keys) == 0 {
			continue
		}
		if query == nil {
			query = q.newQuery()
			_, _ = query.WriteString("SELECT ")
		} else {
			_, _ = query.WriteString(" + ")
		}
		if err := q.writeForeign(query); err != nil {
			return false, err
		}
		asked = append(asked, q)
	}
	if query == nil {
		return false, nil
	}
	n, err := asked[0].count(query)
	if err == nil && n == 0 {
		for _, q := range asked {
			q.memory.note(q.lookup, q.keys)
		}
	}
	return n > 0, err
}

// writeForeign writes how many rows with the keys are not the tenant's.
func (q question) writeForeign(query *gorm.Statement) error {
	bound, err := q.table.bind(q.id)
	if err != nil {
		return err
	}
	column := clause.Column{Table: q.table.Name, Name: q.table.Field.DBName}
	_, _ = query.WriteString("(SELECT COUNT(*)")
	q.writeFrom(query, q.keys)
	clause.Or(clause.Neq{Column: column, Value: bound}, clause.Eq{Column: column}).Build(query)
	if q.locks {
		_, _ = query.WriteString(" LOCK IN SHARE MODE")
	}
	return query.WriteByte(')')
}

// noneOnlyForeign is noneForeign for keys that need not be unique over tenants: another tenant's
// key passes where it is also that of a row of the tenant.
func (l lookup) noneOnlyForeign(keys [][]any) error {
	err := l.noneForeign(keys)
	if !errors.Is(err, gormtenant.ErrOtherTenant) ||
		slices.Equal(l.columns, l.table.Model.PrimaryFieldDBNames) {
		return err
	}
	return l.allOwn(keys)
}

// allOwn returns ErrOtherTenant unless every key is that of a row of the tenant. A key of no row
// at all is answered alike, so that nothing can be learned of the rows of others.
func (l lookup) allOwn(keys [][]any) error {
	return l.chunks(distinct(keys), func(keys [][]any) error {
		query := l.newQuery()
		if unique := slices.Equal(l.columns, l.table.Model.PrimaryFieldDBNames); unique {
			_, _ = query.WriteString("SELECT COUNT(*)")
			l.writeFrom(query, keys)
			l.table.writeCondition(query, l.table.Name, l.id)
		} else {
			_, _ = query.WriteString("SELECT COUNT(*) FROM (SELECT DISTINCT ")
			for i, column := range l.columns {
				if i > 0 {
					_ = query.WriteByte(',')
				}
				query.WriteQuoted(l.column(column))
			}
			l.writeFrom(query, keys)
			l.table.writeCondition(query, l.table.Name, l.id)
			_, _ = query.WriteString(") AS own")
		}
		own, err := l.count(query)
		if err == nil && own < int64(len(keys)) {
			err = gormtenant.ErrOtherTenant
		}
		return err
	})
}

func (l lookup) chunks(keys [][]any, ask func(keys [][]any) error) error {
	for len(keys) > 0 {
		n := min(len(keys), l.maxKeys())
		if err := ask(keys[:n]); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

func (l lookup) newQuery() *gorm.Statement {
	query := l.stmt.DB.Session(&gorm.Session{NewDB: true, Initialized: true}).Statement
	query.Context = l.stmt.Context
	// For clause.CurrentTable and PrimaryKey.
	query.Table, query.Schema = l.table.Name, l.table.Model
	return query
}

// writeFrom writes the table, and a WHERE for the rows with one of keys that another condition can
// follow.
func (l lookup) writeFrom(query *gorm.Statement, keys [][]any) {
	_, _ = query.WriteString(" FROM ")
	query.WriteQuoted((*tenanttable.Table)(l.table).Qualified())
	_, _ = query.WriteString(" WHERE (")
	if len(l.columns) == 1 {
		values := make([]any, len(keys))
		for i, key := range keys {
			values[i] = key[0]
		}
		clause.IN{Column: l.column(l.columns[0]), Values: values}.Build(query)
	} else {
		for i, key := range keys {
			if i > 0 {
				_, _ = query.WriteString(clause.OrWithSpace)
			}
			l.writeKey(query, key)
		}
	}
	_, _ = query.WriteString(") AND ")
	for _, expr := range l.where {
		_ = query.WriteByte('(')
		expr.Build(query)
		_, _ = query.WriteString(") AND ")
	}
}

func (l lookup) writeKey(query *gorm.Statement, key []any) {
	for i, value := range key {
		if i > 0 {
			_, _ = query.WriteString(clause.AndWithSpace)
		}
		clause.Eq{Column: l.column(l.columns[i]), Value: value}.Build(query)
	}
}

func (l lookup) column(name string) clause.Column {
	return clause.Column{Table: l.table.Name, Name: name}
}

// count runs a query. GORM's logger sees it as it sees the statement that it is for.
func (l lookup) count(query *gorm.Statement) (n int64, err error) {
	if query.Error != nil {
		return 0, query.Error
	}
	begin := time.Now()
	text := query.SQL.String()
	err = poolOf(l.stmt).QueryRowContext(l.stmt.Context, text, query.Vars...).Scan(&n)
	l.stmt.Logger.Trace(l.stmt.Context, begin, func() (string, int64) {
		return l.stmt.Explain(text, query.Vars...), 1
	}, err)
	if err != nil {
		return 0, fmt.Errorf("gormtenant: looking up whose a row is: %w", err)
	}
	return n, nil
}

func keyText(key []any) string {
	text := ""
	for _, part := range key {
		text += fmt.Sprintf("%q\x00", fmt.Sprint(indirectValue(part)))
	}
	return text
}

// distinct returns keys without repetitions.
func distinct(keys [][]any) [][]any {
	seen := make(map[string]bool, len(keys))
	out := keys[:0:0]
	for _, key := range keys {
		text := keyText(key)
		if !seen[text] {
			seen[text] = true
			out = append(out, key)
		}
	}
	return out
}
