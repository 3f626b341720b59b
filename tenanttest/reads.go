package tenanttest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
)

// reads are the attacks that read.
func (k *kit) reads(m *model) []attack {
	return append(append(k.finders(m), k.conditions(m)...), k.tables(m)...)
}

// find is an attack that reads rows of m with Find, after what narrow does to the statement.
func (k *kit) find(
	m *model, name, call string, rows int64, narrow func(db *gorm.DB) *gorm.DB,
) attack {
	return attack{
		name: name, call: call + ".Find(&rows)", rows: rows,
		run: func(db *gorm.DB) outcome {
			dest := m.slice()
			return found(dest, narrow(db).Find(dest))
		},
	}
}

// finders are GORM's ways to read, each once.
func (k *kit) finders(m *model) []attack {
	name, theirs := m.schema.Name, m.rows[k.theirs.index][0]
	one := func(method string, read func(db *gorm.DB, dest any) *gorm.DB) attack {
		return attack{
			name: strings.ToLower(method) + "_by_key_of_another",
			call: fmt.Sprintf("db.%s(&row, map[string]any{%s})", method, k.fields(m, theirs)),
			err:  gorm.ErrRecordNotFound,
			run: func(db *gorm.DB) outcome {
				dest := m.new()
				return found(dest, read(db, dest))
			},
		}
	}
	key := k.key(m, theirs)
	attacks := []attack{
		k.find(m, "find", "db", m.count, func(db *gorm.DB) *gorm.DB { return db }),
		k.find(m, "find_unscoped", "db.Unscoped()", m.count,
			func(db *gorm.DB) *gorm.DB { return db.Unscoped() }),
		one("First", func(db *gorm.DB, dest any) *gorm.DB { return db.First(dest, key) }),
		one("Take", func(db *gorm.DB, dest any) *gorm.DB { return db.Take(dest, key) }),
		one("Last", func(db *gorm.DB, dest any) *gorm.DB { return db.Last(dest, key) }),
		{
			name: "first_with_key_in_value",
			call: fmt.Sprintf("db.First(%s)", k.literal(m, theirs)),
			err:  gorm.ErrRecordNotFound,
			run:  func(db *gorm.DB) outcome { return wrote(db.First(k.keyed(m, theirs))) },
		},
		{
			name: "count", call: fmt.Sprintf("db.Model(&%s{}).Count(&n)", name), rows: m.count,
			run: func(db *gorm.DB) outcome {
				var n int64
				err := db.Model(m.new()).Count(&n).Error
				return outcome{rows: n, err: err}
			},
		},
		{
			name: "rows", call: fmt.Sprintf("db.Model(&%s{}).Rows()", name), rows: m.count,
			run: func(db *gorm.DB) outcome { return k.scanRows(m, db) },
		},
		{
			name: "first_or_init_of_another",
			call: fmt.Sprintf("db.FirstOrInit(&row, map[string]any{%s})", k.fields(m, theirs)),
			rows: 0,
			run: func(db *gorm.DB) outcome {
				dest := m.new()
				tx := db.FirstOrInit(dest, key)
				// The key is the caller's.
				return outcome{seen: k.texts(dest), rows: tx.RowsAffected, err: tx.Error}
			},
		},
		{
			name: "reused_statement",
			call: fmt.Sprintf("q := db.Model(&%s{}).Where(\"1 = 1\"); q.Count(&n); "+
				"q.Find(&rows)", name), rows: m.count,
			run: func(db *gorm.DB) outcome {
				var n int64
				q := db.Model(m.new()).Where("1 = 1").Session(&gorm.Session{})
				if err := q.Count(&n).Error; err != nil || n != m.count {
					return outcome{rows: n, err: err}
				}
				dest := m.slice()
				return found(dest, q.Find(dest))
			},
		},
		k.find(m, "find_prepared", "db.Session(&gorm.Session{PrepareStmt: true})", m.count,
			k.prepared),
		k.find(m, "find_for_update", `db.Clauses(clause.Locking{Strength: "UPDATE"})`, m.count,
			func(db *gorm.DB) *gorm.DB {
				return db.Clauses(clause.Locking{Strength: "UPDATE"})
			}),
	}
	if m.schema.PrioritizedPrimaryField != nil { // GORM goes on in the order of it
		attacks = append(attacks, k.inBatches(m))
	}
	return attacks
}

// prepared is db.Session(&gorm.Session{PrepareStmt: true}), but for where GORM keeps the
// statements: it would be with the *gorm.DB of the caller, who may go on with it.
func (k *kit) prepared(db *gorm.DB) *gorm.DB {
	const forever = 10 * 365 * 24 * time.Hour // for a shorter time, GORM starts a goroutine
	tx := db.Session(&gorm.Session{SkipDefaultTransaction: db.SkipDefaultTransaction})
	tx.Statement.ConnPool = &gorm.PreparedStmtTX{
		Tx: k.pool, PreparedStmtDB: gorm.NewPreparedStmtDB(k.pool, 0, forever),
	}
	return tx
}

// inBatches reads all rows of m one by one.
func (k *kit) inBatches(m *model) attack {
	return attack{
		name: "find_in_batches", call: "db.FindInBatches(&rows, 1, fn)", rows: m.count,
		run: func(db *gorm.DB) outcome {
			dest := m.slice()
			var seen []any
			tx := db.FindInBatches(dest, 1, func(*gorm.DB, int) error {
				rows := reflect.ValueOf(dest).Elem()
				for i := range rows.Len() {
					row := reflect.New(m.schema.ModelType)
					row.Elem().Set(rows.Index(i))
					seen = append(seen, row.Interface())
				}
				return nil
			})
			return outcome{seen: seen, rows: int64(len(seen)), err: tx.Error}
		},
	}
}

// scanRows reads all rows of m with Rows.
func (k *kit) scanRows(m *model, db *gorm.DB) (o outcome) {
	rows, err := db.Model(m.new()).Rows()
	if err != nil {
		return outcome{err: err}
	}
	defer func() { _ = rows.Close() }()
	var seen []any
	for rows.Next() {
		row := m.new()
		if err := db.ScanRows(rows, row); err != nil {
			return outcome{err: err}
		}
		seen = append(seen, row)
	}
	return outcome{seen: seen, rows: int64(len(seen)), err: rows.Err()}
}

// texts are the columns of a row that are no key.
func (k *kit) texts(row any) []any {
	stmt := &gorm.Statement{DB: k.db}
	_ = stmt.Parse(row)
	var values []any
	for _, field := range stmt.Schema.Fields {
		if field.DBName != "" && !field.PrimaryKey {
			value, _ := k.valueOf(field, reflect.ValueOf(row))
			values = append(values, value)
		}
	}
	return values
}

// conditions are forms of a condition that must not lift that of the tenant.
func (k *kit) conditions(m *model) []attack {
	theirs := m.rows[k.theirs.index][0]
	key, id := k.key(m, theirs), k.tenantID(m, k.theirs)
	column := m.tenant.DBName
	attacks := []attack{
		k.find(m, "where_key_of_another",
			fmt.Sprintf("db.Where(map[string]any{%s})", k.fields(m, theirs)), 0,
			func(db *gorm.DB) *gorm.DB { return db.Where(key) }),
		k.find(m, "where_value_with_key_of_another",
			fmt.Sprintf("db.Where(%s)", k.literal(m, theirs)), free,
			func(db *gorm.DB) *gorm.DB { return db.Where(k.keyed(m, theirs)) }),
		k.find(m, "where_another_tenant", fmt.Sprintf(`db.Where("%s = ?", theirs)`, column), 0,
			func(db *gorm.DB) *gorm.DB {
				return db.Where(clause.Eq{Column: clause.Column{Name: column}, Value: id})
			}),
		k.find(m, "where_another_tenant_in_map",
			fmt.Sprintf("db.Where(map[string]any{%q: theirs})", column), 0,
			func(db *gorm.DB) *gorm.DB { return db.Where(map[string]any{column: id}) }),
		k.find(m, "or_another_tenant",
			fmt.Sprintf(`db.Where("1 = 1").Or(map[string]any{%q: theirs})`, column), m.count,
			func(db *gorm.DB) *gorm.DB { return db.Where("1 = 1").Or(map[string]any{column: id}) }),
		k.find(m, "or", `db.Where("1 = 1").Or("1 = 1")`, m.count,
			func(db *gorm.DB) *gorm.DB { return db.Where("1 = 1").Or("1 = 1") }),
		k.find(m, "lone_or", `db.Or("1 = 1")`, m.count,
			func(db *gorm.DB) *gorm.DB { return db.Or("1 = 1") }),
		k.find(m, "or_on_its_own_line", `db.Where("1 = 1 OR\n1 = 1")`, m.count,
			func(db *gorm.DB) *gorm.DB { return db.Where("1 = 1 OR\n1 = 1") }),
		k.find(m, "or_in_lower_case", `db.Where("1 = 1\tor\t1 = 1")`, m.count,
			func(db *gorm.DB) *gorm.DB { return db.Where("1 = 1\tor\t1 = 1") }),
		k.find(m, "or_in_a_group", `db.Where(db.Where("1 = 1").Or("1 = 1"))`, m.count,
			func(db *gorm.DB) *gorm.DB { return db.Where(k.plain().Where("1 = 1").Or("1 = 1")) }),
		k.find(m, "closing_parenthesis", `db.Where("1 = 1) OR (1 = 1")`, free,
			func(db *gorm.DB) *gorm.DB { return db.Where("1 = 1) OR (1 = 1") }),
		k.find(m, "comment", `db.Where("1 = 1 --")`, free,
			func(db *gorm.DB) *gorm.DB { return db.Where("1 = 1 --") }),
		k.find(m, "not", `db.Not("1 = 0")`, m.count,
			func(db *gorm.DB) *gorm.DB { return db.Not("1 = 0") }),
		k.find(m, "order_and_limit", `db.Order("1").Limit(100).Offset(0)`, m.count,
			func(db *gorm.DB) *gorm.DB { return db.Order("1").Limit(100).Offset(0) }),
		{
			name: "inline_condition", call: `db.Find(&rows, "1 = 1 OR 1 = 1")`, rows: m.count,
			run: func(db *gorm.DB) outcome {
				dest := m.slice()
				return found(dest, db.Find(dest, "1 = 1 OR 1 = 1"))
			},
		},
		{
			name: "group_and_having", rows: 1,
			call: fmt.Sprintf(`db.Model(&%s{}).Select(%q, "count(*) AS n").Group(%q).Having("1 `+
				`= 1 OR 1 = 1").Find(&maps)`, m.schema.Name, column, column),
			run: func(db *gorm.DB) outcome {
				var maps []map[string]any
				return found(&maps,
					db.Model(m.new()).Select(column, "count(*) AS n").Group(column).
						Having("1 = 1 OR 1 = 1").Find(&maps))
			},
		},
	}
	return append(attacks, k.subqueries(m)...)
}

// subqueries are sub-queries, built as the tenant and without one.
func (k *kit) subqueries(m *model) []attack {
	column := m.tenant.DBName
	sub := func(name, db string, build func(db *gorm.DB) *gorm.DB) []attack {
		return []attack{
			k.find(m, "subquery_"+name,
				fmt.Sprintf(`db.Where("%s IN (?)", %s.Model(&%s{}).Select(%q))`, column, db,
					m.schema.Name, column), m.count,
				func(db *gorm.DB) *gorm.DB {
					return db.Where("? IN (?)", clause.Column{Name: column},
						build(db).Model(m.new()).Select(column))
				}),
			{
				name: "from_subquery_" + name,
				call: fmt.Sprintf(`db.Table("(?) AS t", %s.Model(&%s{})).Find(&maps)`, db,
					m.schema.Name), rows: m.count,
				run: func(db *gorm.DB) outcome {
					var maps []map[string]any
					return found(&maps, db.Table("(?) AS t", build(db).Model(m.new())).Find(&maps))
				},
			},
		}
	}
	attacks := append(sub("of_tenant", "db", func(db *gorm.DB) *gorm.DB { return db }),
		sub("without_tenant", "nobody", func(*gorm.DB) *gorm.DB { return k.plain() })...)
	for _, a := range sub("of_another", "theirs",
		func(*gorm.DB) *gorm.DB { return k.as(k.theirs) }) {
		a.rows, a.err = free, gormtenant.ErrOtherTenant
		attacks = append(attacks, a)
	}
	// A generic statement runs in the context that it is given last: here it is that of db.
	generic := k.find(m, "generic_subquery",
		fmt.Sprintf(`db.Where("%s IN (?)", gorm.G[%s](theirs).Select(%q))`, column, m.schema.Name,
			column), m.count,
		func(db *gorm.DB) *gorm.DB {
			chain := gorm.G[map[string]any](k.as(k.theirs)).Table(m.schema.Table).
				Select(k.quoteColumn(m.tenant))
			return db.Where("? IN (?)", clause.Column{Name: column}, chain)
		})
	return append(attacks, generic)
}

// plain returns a *gorm.DB that has the plugin and no tenant, for groups of conditions and
// sub-queries.
func (k *kit) plain() *gorm.DB { return k.db.Session(&gorm.Session{NewDB: true}) }

// whole is the number of whole rows that are read into maps: GORM cannot read every field into one.
func (m *model) whole(rows int64) int64 {
	if slices.ContainsFunc(m.schema.Fields,
		func(field *schema.Field) bool { return field.Serializer != nil }) {
		return free
	}
	return rows
}

// tables are reads that do not name the model.
func (k *kit) tables(m *model) []attack {
	table := m.schema.Table
	maps := func(name, call string, rows int64, build func(db *gorm.DB) *gorm.DB) attack {
		return attack{
			name: name, call: call + ".Find(&maps)", rows: rows,
			run: func(db *gorm.DB) outcome {
				var maps []map[string]any
				return found(&maps, build(db).Find(&maps))
			},
		}
	}
	attacks := []attack{
		maps("into_maps", fmt.Sprintf("db.Model(&%s{})", m.schema.Name), m.whole(m.count),
			func(db *gorm.DB) *gorm.DB { return db.Model(m.new()) }),
		maps("table_by_name", fmt.Sprintf("db.Table(%q)", table), m.count,
			func(db *gorm.DB) *gorm.DB { return db.Table(table) }),
		maps("table_with_alias", fmt.Sprintf("db.Table(%q)", k.inText(table)+" AS t"), m.count,
			func(db *gorm.DB) *gorm.DB { return db.Table(k.inText(table) + " AS t") }),
		{
			name: "generic_table",
			call: fmt.Sprintf("gorm.G[map[string]any](db).Table(%q).Find(ctx)", table),
			rows: m.count,
			run: func(db *gorm.DB) outcome {
				maps, err := gorm.G[map[string]any](db).Table(table).Find(db.Statement.Context)
				return outcome{seen: maps, rows: int64(len(maps)), err: err}
			},
		},
		k.find(m, "table_with_model", fmt.Sprintf("db.Table(%q)", table), m.count,
			func(db *gorm.DB) *gorm.DB { return db.Table(table) }),
	}
	for _, field := range m.schema.PrimaryFields {
		attacks = append(attacks, attack{
			name: "pluck_" + field.DBName,
			call: fmt.Sprintf("db.Model(&%s{}).Pluck(%q, &values)", m.schema.Name,
				field.DBName), rows: m.count,
			run: func(db *gorm.DB) outcome {
				var values []any
				tx := db.Model(m.new()).Pluck(field.DBName, &values)
				seen := make([]any, 0, len(values))
				if len(m.schema.PrimaryFields) == 1 {
					for _, value := range values {
						seen = append(seen, map[string]any{field.DBName: value})
					}
				}
				return outcome{seen: seen, rows: int64(len(values)), err: tx.Error}
			},
		})
	}
	return attacks
}
