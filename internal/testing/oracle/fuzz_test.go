package oracle

import (
	"context"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/example/saas"
)

// places are where a name that an attacker chose gets into a statement. Each returns what it read.
var places = []func(db *gorm.DB, name string) any{
	func(db *gorm.DB, name string) any { return maps(db.Table(name)) },
	func(db *gorm.DB, name string) any {
		return maps(db.Table("?", clause.Table{Name: "projects", Alias: name}))
	},
	func(db *gorm.DB, name string) any {
		return maps(db.Table("? AS x", clause.Table{Name: name}))
	},
	func(db *gorm.DB, name string) any { return maps(db.Table("projects AS " + name)) },
	func(db *gorm.DB, name string) any {
		return projects(db.Where(clause.Eq{Column: clause.Column{Name: name}, Value: "red"}))
	},
	func(db *gorm.DB, name string) any {
		column := clause.Column{Table: name, Name: "id"}
		return projects(db.Where(clause.Neq{Column: column, Value: 0}))
	},
	func(db *gorm.DB, name string) any { return projects(db.Where(map[string]any{name: "red"})) },
	func(db *gorm.DB, name string) any {
		return projects(db.Where("? = 1", clause.Column{Name: name}))
	},
	func(db *gorm.DB, name string) any { return projects(db.Where(name)) },
	func(db *gorm.DB, name string) any { return projects(db.Where("1 = 1").Or(name)) },
	func(db *gorm.DB, name string) any { return projects(db.Order(name)) },
	func(db *gorm.DB, name string) any {
		column := clause.Column{Name: name}
		return projects(db.Order(clause.OrderByColumn{Column: column, Desc: true}))
	},
	func(db *gorm.DB, name string) any { return projects(db.Group(name)) },
	func(db *gorm.DB, name string) any { return projects(db.Group("id").Having(name)) },
	func(db *gorm.DB, name string) any { return projects(db.Distinct(name)) },
	func(db *gorm.DB, name string) any { return projects(db.Joins(name)) },
	func(db *gorm.DB, name string) any { return projects(db.Preload(name)) },
	func(db *gorm.DB, name string) any { return projects(db.Omit(name)) },
	func(db *gorm.DB, name string) any { return maps(db.Model(&saas.Project{}).Select(name)) },
	func(db *gorm.DB, name string) any {
		var values []any
		db.Model(&saas.Project{}).Pluck(name, &values)
		return values
	},
	func(db *gorm.DB, name string) any {
		db.Model(&saas.Project{ID: 1}).Update(name, "red")
		return nil
	},
	func(db *gorm.DB, name string) any {
		db.Model(&saas.Project{}).Where("1 = 1").Updates(map[string]any{name: "red", "name": "new"})
		return nil
	},
	func(db *gorm.DB, name string) any {
		db.Model(&saas.Project{}).Where(name).UpdateColumn("name", gorm.Expr(name))
		return nil
	},
	func(db *gorm.DB, name string) any {
		row := map[string]any{"slug": "new", "owner_id": 1, name: "11"}
		db.Model(&saas.Project{}).Create(row)
		return nil
	},
	func(db *gorm.DB, name string) any {
		db.Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: name}},
			DoUpdates: clause.AssignmentColumns([]string{name}),
		}).Create(&saas.Tag{ID: 11, Label: "new"})
		return nil
	},
	func(db *gorm.DB, name string) any {
		return db.Where(name).Delete(&saas.Task{}).RowsAffected
	},
	func(db *gorm.DB, name string) any {
		returning := clause.Returning{Columns: []clause.Column{{Name: name}}}
		return db.Clauses(returning).Where("id > 0").Delete(&[]saas.Comment{})
	},
	func(db *gorm.DB, name string) any { return db.Exec(name).RowsAffected },
	func(db *gorm.DB, name string) any { return maps(db.Raw(name)) },
}

func maps(db *gorm.DB) any {
	var rows []map[string]any
	db.Find(&rows)
	return rows
}

func projects(db *gorm.DB) any {
	var rows []saas.Project
	db.Find(&rows)
	for _, row := range rows {
		if isOthers(row.ID) {
			return B + ": a row of another tenant"
		}
	}
	return rows
}

// FuzzIdentifiers gives names of tables and columns, aliases and raw text to a statement of A. The
// rows of B and C are neither read nor changed, whatever the name is.
func FuzzIdentifiers(f *testing.F) {
	for _, name := range []string{
		"projects", "PROJECTS", `"projects"`, "`projects`", "[projects]", "main.projects",
		" projects", "projects\x00",
		"projects p, users", "projects AS p", "projects -- ", "projects/**/", "projects;", "id",
		"tenant_id",
		`id" = 1 OR "id`, "id` = 1 OR `id", "id` OR 1=1 -- ", "name) OR (1=1", "1=1) OR (1=1", "'",
		`"`, "`", "*",
		"projects.*", "(SELECT tenant_id FROM projects)",
		"(SELECT group_concat(bio) FROM profiles)", "id = 1 OR\n1 = 1",
		"x` , (SELECT name FROM projects) AS `y", "x FROM projects -- ", "tenant_id` = 'zeta' -- ",
		"rowid", "_rowid_",
		"1 UNION SELECT * FROM projects", "projects WHERE 1=1 --", "users` AS `projects",
		"sqlite_master", "Owner", "Tasks.Comments",
		"projects INDEXED BY idx_projects_slug", "pragma_table_info('projects')",
		"json_each((SELECT name FROM users))",
		"UPDATE projects SET name = 'x'", "DELETE FROM tasks",
		"WITH x AS (SELECT * FROM projects) SELECT * FROM x",
	} {
		for place := range places {
			f.Add(byte(place), name)
		}
	}
	d := openShared(f, "sqlite", true, nil)
	ctx := gormtenant.WithTenant(context.Background(), A)
	f.Fuzz(func(t *testing.T, place byte, name string) {
		before, err := d.count()
		require.NoError(t, err)
		lower := strings.ToLower(name)
		if defines(lower) {
			t.Skip("data definition is not held")
		}
		read := show(at(int(place)%len(places), d.run.WithContext(ctx), name), false)
		if !strings.Contains(lower, B) && !strings.Contains(lower, C) {
			require.NotContains(t, read, B)
			require.NotContains(t, read, C)
		}
		after, err := d.count()
		require.NoError(t, err)
		if after == before {
			return
		}
		rows, err := take(ctx, d.pool, d.look)
		require.NoError(t, err)
		require.Equal(t, d.first.others, rows.others)
		d.dirty = true
		require.NoError(t, d.reset())
	})
}

// at puts name into a place. A panic of GORM's own, as of Joins with a nested has-many, reads
// nothing.
func at(place int, db *gorm.DB, name string) (read any) {
	defer func() {
		if r := recover(); r != nil {
			if panicsItself(string(debug.Stack())) {
				panic(r)
			}
			read = nil
		}
	}()
	return places[place](db, name)
}

// panicsItself reports whether the panic is in the plugin, rather than in GORM which it called.
func panicsItself(stack string) bool {
	stack = stack[strings.LastIndex(stack, "panic("):]
	ours := strings.Index(stack, "gormtenant/callbacks.")
	theirs := strings.Index(stack, "gorm.io/gorm")
	return ours >= 0 && (theirs < 0 || ours < theirs)
}

// count returns SQLite's number of changes so far.
func (d *database) count() (n int64, err error) {
	err = d.pool.QueryRow("SELECT total_changes()").Scan(&n)
	return n, err
}

// defines reports whether text can change what the database is made of, its settings or a
// transaction that the next run would find open. None of it is held, and the next run needs the
// database.
func defines(lower string) bool {
	for _, word := range []string{
		"create", "drop", "alter", "pragma", "attach", "detach", "vacuum", "reindex", "analyze",
		"begin", "commit", "end", "rollback", "savepoint", "release", "sqlite_", "dbstat",
	} {
		if strings.Contains(lower, word) {
			return true
		}
	}
	return false
}

// name is an ID of another type than string.
type tenantName string

// FuzzTenantIDs writes rows as two tenants whose IDs are any text. Each sees its own, or is
// refused.
func FuzzTenantIDs(f *testing.F) {
	for _, id := range []string{
		"a", "A", "a ", " a", "a\x00", "a\x00b", "\x00", "\n", "a\nb", "\xff", "a\xffb", "\xc3\x28",
		"'", "''", `"`, "a' OR '1'='1",
		"a\\", "%", "_", "é", "e\u0301", "0", "00", "1", "1.0", "-1", "true", "NULL", "null",
		"a;--", "long",
		"\ufeffa", "\u200ba", "?", "@id", "$1", ":id", "acme", "ACME", "\x7f", "a\r", "\u0000",
		"0x61", "X'61'",
	} {
		f.Add(id, "a", byte(0))
		f.Add(id, id+" ", byte(255))
		f.Add(id, strings.ToUpper(id), byte(1))
	}
	d := openShared(f, "sqlite", true, nil)
	f.Fuzz(func(t *testing.T, one, other string, times byte) {
		// A long input would take the fuzzer long to shorten.
		before := strings.Repeat("x", 40*int(times))
		if times > 0 {
			one, other = before+one, before+other
		}
		if one == other {
			t.Skip("one tenant")
		}
		run := d.run.Begin()
		defer run.Rollback()
		wrote := map[string]bool{}
		for _, id := range []string{one, other} {
			row := saas.Tag{Label: "fuzz"}
			err := run.WithContext(gormtenant.WithTenant(t.Context(), id)).Create(&row).Error
			if id == "" {
				require.ErrorIs(t, err, gormtenant.ErrNoTenant)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, id, row.TenantID)
			wrote[id] = true
		}
		for _, id := range []string{one, other} {
			for _, as := range []any{id, tenantName(id)} {
				var rows []saas.Tag
				db := run.WithContext(gormtenant.WithTenant(t.Context(), as))
				err := db.Where("label = ? OR\n1 = 1", "fuzz").Find(&rows).Error
				if !wrote[id] {
					require.ErrorIs(t, err, gormtenant.ErrNoTenant)
					require.Empty(t, rows)
					continue
				}
				require.NoError(t, err)
				own := 0
				for _, row := range rows {
					require.Equal(t, id, row.TenantID, "a row of another tenant")
					if row.Label == "fuzz" {
						own++
					}
				}
				require.Equal(t, 1, own, "the rows of %q", id)
			}
		}
		changed := run.WithContext(gormtenant.WithTenant(t.Context(), one)).Model(&saas.Tag{}).
			Where("label = ?", "fuzz").Update("label", "mine")
		if wrote[one] {
			require.NoError(t, changed.Error)
			require.EqualValues(t, 1, changed.RowsAffected)
		}
	})
}
