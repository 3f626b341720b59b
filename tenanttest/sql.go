package tenanttest

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// What is read and written here does not go through GORM's callbacks: the plugin must not be able
// to hide what it let through.

// expr writes SQL in the dialect of the database: ? stands for a table, a column or a value.
func (k *kit) expr(sql string, args ...any) (string, []any) {
	stmt := &gorm.Statement{DB: k.db, Clauses: map[string]clause.Clause{}}
	clause.Expr{SQL: sql, Vars: args, WithoutParentheses: true}.Build(stmt)
	return stmt.SQL.String(), stmt.Vars
}

// query reads rows as our tenant.
func (k *kit) query(sql string, args ...any) ([][]any, error) {
	_, rows, err := k.queryAs(k.ours.ctx, sql, args...)
	return rows, err
}

// queryAs reads rows in the context of a tenant, for databases that enforce isolation themselves.
func (k *kit) queryAs(
	ctx context.Context, sql string, args ...any,
) (columns []string, table [][]any, err error) {
	sql, vars := k.expr(sql, args...)
	at, err := k.txs.at(ctx)
	if err != nil {
		return nil, nil, err
	}
	at.settle()
	rows, err := at.tx.QueryContext(ctx, sql, vars...)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", sql, err)
	}
	defer func() { _ = rows.Close() }()
	columns, err = rows.Columns()
	if err != nil {
		return nil, nil, err
	}
	for rows.Next() {
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, nil, err
		}
		table = append(table, values)
	}
	return columns, table, rows.Err()
}

// text writes a value of the database byte for byte.
func text(value any) string {
	switch v := value.(type) {
	case nil:
		return "NULL"
	case []byte:
		return string(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprint(value)
}

// valueOf is what a row holds in a field.
func (k *kit) valueOf(field *schema.Field, row reflect.Value) (value any, zero bool) {
	return field.ValueOf(k.db.Statement.Context, row)
}

// key is the condition that names a row by its primary key.
func (k *kit) key(m *model, row reflect.Value) map[string]any {
	condition := map[string]any{}
	for _, field := range m.schema.PrimaryFields {
		condition[field.DBName], _ = k.valueOf(field, row)
	}
	return condition
}

// whereKey is the same as SQL for expr.
func (k *kit) whereKey(m *model, row reflect.Value) (sql string, args []any) {
	var terms []string
	for _, field := range m.schema.PrimaryFields {
		value, _ := k.valueOf(field, row)
		terms = append(terms, "? = ?")
		args = append(args, clause.Column{Name: field.DBName}, value)
	}
	return strings.Join(terms, " AND "), args
}
