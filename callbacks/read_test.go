package callbacks_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
)

// reads reads projects in every way that GORM has. Each must find A's, and none of B's.
func reads() attackList {
	var list []attack
	for _, c := range []struct {
		name string
		read func(db *gorm.DB) ([]uint, error)
	}{
		{"find", find},
		{"where_text", func(db *gorm.DB) ([]uint, error) {
			return find(db.Where("budget > ?", 1))
		}},
		{"inline", func(db *gorm.DB) (keys []uint, err error) {
			return findWith(db, "budget > ?", 1)
		}},
		{"where_struct", func(db *gorm.DB) ([]uint, error) {
			return find(db.Where(&Project{Name: "site"}))
		}},
		{"where_map", func(db *gorm.DB) ([]uint, error) {
			return find(db.Where(map[string]any{"name": "site"}))
		}},
		{"where_key", func(db *gorm.DB) ([]uint, error) { return find(db.Where([]uint{1, 11})) }},
		{"lone_or", func(db *gorm.DB) ([]uint, error) { return find(db.Or("1 = 1")) }},
		{"where_or", func(db *gorm.DB) ([]uint, error) {
			return find(db.Where("budget > ?", 1).Or("1 = 1"))
		}},
		{"or_struct", func(db *gorm.DB) ([]uint, error) {
			return find(db.Where("1 = 0").Or(&Project{Name: "site"}))
		}},
		{"or_in_text", func(db *gorm.DB) ([]uint, error) {
			return find(db.Where("1 = 0 or 1 = 1"))
		}},
		{"or_on_its_own_line", func(db *gorm.DB) ([]uint, error) {
			return find(db.Where("name = 'x' OR\n1 = 1"))
		}},
		{"or_between_tabs", func(db *gorm.DB) ([]uint, error) {
			return find(db.Where("name = 'x'\tOR\t1 = 1"))
		}},
		{"or_in_comments", func(db *gorm.DB) ([]uint, error) {
			return find(db.Where("name = 'x'/**/OR/**/1 = 1"))
		}},
		{"not", func(db *gorm.DB) ([]uint, error) { return find(db.Not("name = ?", "x")) }},
		{"not_with_or", func(db *gorm.DB) ([]uint, error) {
			return find(db.Not("name = 'x' OR\n1 = 0"))
		}},
		{"group_of_conditions", func(db *gorm.DB) ([]uint, error) {
			return find(db.Where(db.Where("1 = 0").Or("1 = 1")).Or(db.Where("budget > 0")))
		}},
		{"clause_or", func(db *gorm.DB) ([]uint, error) {
			return find(db.Clauses(clause.Or(clause.Expr{SQL: "1 = 1"})))
		}},
		{"having", func(db *gorm.DB) ([]uint, error) {
			return find(db.Group("id").Having("count(*) > 0 OR\n1 = 1"))
		}},
		{"names_the_other_tenant", func(db *gorm.DB) ([]uint, error) {
			return find(db.Where("tenant_id = ? OR tenant_id <> ''", B))
		}},
		{"distinct", func(db *gorm.DB) ([]uint, error) { return find(db.Distinct()) }},
		{"unscoped_is_about_soft_delete", func(db *gorm.DB) ([]uint, error) {
			return find(db.Unscoped())
		}},
		{"locking", func(db *gorm.DB) ([]uint, error) {
			return find(db.Clauses(clause.Locking{Strength: "UPDATE"}))
		}},
		{"limit", func(db *gorm.DB) ([]uint, error) {
			return find(db.Limit(10).Offset(0).Order("id DESC"))
		}},
		{"scopes", func(db *gorm.DB) ([]uint, error) {
			return find(db.Scopes(func(tx *gorm.DB) *gorm.DB { return tx.Or("1 = 1") }))
		}},
		{"pluck", func(db *gorm.DB) (keys []uint, err error) {
			return keys, db.Model(&Project{}).Pluck("id", &keys).Error
		}},
		{"scan", func(db *gorm.DB) (keys []uint, err error) {
			return keys, db.Model(&Project{}).Select("id").Scan(&keys).Error
		}},
		{"table_into_maps", func(db *gorm.DB) (keys []uint, err error) {
			return keysOfMaps(db.Table("projects"))
		}},
		{"table_with_alias", func(db *gorm.DB) (keys []uint, err error) {
			return keysOfMaps(db.Table("projects AS p").Where("p.budget > 0"))
		}},
		{"table_with_short_alias", func(db *gorm.DB) (keys []uint, err error) {
			return keysOfMaps(db.Table("projects p").Or("1 = 1"))
		}},
		{"table_into_a_smaller_struct", func(db *gorm.DB) (keys []uint, err error) {
			var rows []struct{ ID uint }
			err = db.Table("projects").Find(&rows).Error
			for _, row := range rows {
				keys = append(keys, row.ID)
			}
			return keys, err
		}},
		{"model_into_a_smaller_struct", func(db *gorm.DB) (keys []uint, err error) {
			var rows []struct{ ID uint }
			err = db.Model(&Project{}).Find(&rows).Error
			for _, row := range rows {
				keys = append(keys, row.ID)
			}
			return keys, err
		}},
		{"rows", func(db *gorm.DB) (keys []uint, err error) {
			rows, err := db.Model(&Project{}).Select("id").Rows()
			if err != nil {
				return nil, err
			}
			defer func() { _ = rows.Close() }()
			for rows.Next() {
				var key uint
				if err := rows.Scan(&key); err != nil {
					return nil, err
				}
				keys = append(keys, key)
			}
			return keys, rows.Err()
		}},
		{"find_in_batches", func(db *gorm.DB) (keys []uint, err error) {
			var batch []Project
			err = db.FindInBatches(&batch, 1, func(*gorm.DB, int) error {
				keys = append(keys, keysOf(batch)...)
				return nil
			}).Error
			return keys, err
		}},
		{"prepared", func(db *gorm.DB) ([]uint, error) {
			return find(db.Session(&gorm.Session{PrepareStmt: true}).Or("1 = 1"))
		}},
		{"in_a_transaction", func(db *gorm.DB) (keys []uint, err error) {
			err = db.Transaction(func(tx *gorm.DB) error {
				return tx.Transaction(func(tx *gorm.DB) error {
					keys, err = find(tx.Or("1 = 1"))
					return err
				})
			})
			return keys, err
		}},
		{"on_one_connection", func(db *gorm.DB) (keys []uint, err error) {
			err = db.Connection(func(tx *gorm.DB) error {
				keys, err = find(tx.Or("1 = 1"))
				return err
			})
			return keys, err
		}},
		{"model_from_clause", func(db *gorm.DB) ([]uint, error) {
			return find(db.Clauses(clause.From{Tables: []clause.Table{{Name: "projects"}}}))
		}},
	} {
		list = append(list, attack{name: c.name, run: func(t *testing.T, e *Env) error {
			keys, err := c.read(e.As())
			require.NotEmpty(t, keys)
			for _, key := range keys {
				require.Less(t, key, uint(10), "a row of B")
			}
			return err
		}})
	}
	return attackList{name: "read", attacks: list}
}

func find(db *gorm.DB) ([]uint, error) { return findWith(db) }

func findWith(db *gorm.DB, conds ...any) ([]uint, error) {
	var projects []Project
	err := db.Find(&projects, conds...).Error
	keys := keysOf(projects)
	slices.Sort(keys)
	return keys, err
}

func keysOfMaps(db *gorm.DB) (keys []uint, err error) {
	var rows []map[string]any
	err = db.Find(&rows).Error
	for _, row := range rows {
		var key uint
		if _, err := fmt.Sscan(fmt.Sprint(row["id"]), &key); err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, err
}

func readsOfOne() attackList {
	return attackList{name: "read_one", attacks: []attack{
		{name: "first", run: func(t *testing.T, e *Env) error {
			var p Project
			err := e.As().Or("1 = 1").First(&p).Error
			require.Equal(t, uint(1), p.ID)
			return err
		}},
		{name: "last", run: func(t *testing.T, e *Env) error {
			var p Project
			err := e.As().Or("1 = 1").Last(&p).Error
			require.Equal(t, uint(2), p.ID)
			return err
		}},
		{name: "first_by_the_key_of_another", run: func(t *testing.T, e *Env) error {
			return e.As().First(&Project{}, 11).Error
		}, want: gorm.ErrRecordNotFound},
		{name: "take_by_the_key_in_dest", run: func(t *testing.T, e *Env) error {
			return e.As().Take(&Project{ID: 11}).Error
		}, want: gorm.ErrRecordNotFound},
		{name: "count", run: func(t *testing.T, e *Env) error {
			var n int64
			err := e.As().Model(&Project{}).Or("1 = 1").Count(&n).Error
			require.Equal(t, int64(2), n)
			return err
		}},
		{name: "count_distinct_and_group", run: func(t *testing.T, e *Env) error {
			var n int64
			err := e.As().Model(&Project{}).Distinct("name").Count(&n).Error
			require.Equal(t, int64(2), n)
			if err == nil {
				err = e.As().Model(&Project{}).Group("name").Count(&n).Error
				require.Equal(t, int64(2), n)
			}
			return err
		}},
		{name: "row", run: func(t *testing.T, e *Env) error {
			var n int
			err := e.As().Model(&Project{}).Select("sum(budget)").Or("1 = 1").Row().Scan(&n)
			require.Equal(t, 300, n)
			return err
		}},
		{name: "first_or_init", run: func(t *testing.T, e *Env) error {
			var p Project
			err := e.As().Where(&Project{Slug: B + "-site"}).FirstOrInit(&p).Error
			require.Zero(t, p.ID)
			return err
		}},
		{
			name: "a_trailing_comment_breaks_the_statement_not_the_filter",
			run: func(t *testing.T, e *Env) error {
				rows, err := find(e.As().Where("1 = 1 -- "))
				require.Empty(t, rows)
				require.Error(t, err)
				return nil
			},
		},
		{name: "a_closed_parenthesis", run: func(t *testing.T, e *Env) error {
			keys, err := find(e.As().Where("1 = 1) OR (1 = 1"))
			require.Equal(t, []uint{1, 2}, keys,
				"what GORM writes as one condition is limited as one")
			return err
		}},
	}}
}
