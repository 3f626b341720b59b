package callbacks_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/models"
	"github.com/gormtenant/gormtenant/scopes"
)

// cross links a row of A to one of B, as an attacker may have done before the plugin was there.
func cross(t *testing.T, e *Env) {
	t.Helper()
	for _, sql := range []string{
		"UPDATE projects SET owner_id = 11 WHERE id = 1",
		"UPDATE users SET manager_id = 11 WHERE id = 2",
		"UPDATE tasks SET project_id = 11 WHERE id = 1",
		"INSERT INTO project_tags (project_id, tag_id) VALUES (1, 12)",
		"INSERT INTO project_tags (project_id, tag_id) VALUES (12, 2)",
		"INSERT INTO user_friends (user_id, friend_id) VALUES (1, 11)",
	} {
		require.NoError(t, e.Plain.Exec(sql).Error)
	}
}

// crossed is an attack on rows that are linked across tenants; it is given A's own.
func crossed(name string, read func(t *testing.T, e *Env) error) attack {
	return attack{name: name, run: func(t *testing.T, e *Env) error {
		cross(t, e)
		theirs := e.Rows(t, B)
		defer func() {
			require.Equal(t, theirs, e.Rows(t, B))
			e.Seed(t)
		}()
		return read(t, e)
	}}
}

func joins() attackList {
	onlyA := func(t *testing.T, rows []Project, err error) error {
		t.Helper()
		for _, p := range rows {
			require.Less(t, p.ID, uint(10))
			require.True(t, p.Owner == nil || p.Owner.TenantID == A, "an owner of B")
		}
		return err
	}
	ofA := func(t *testing.T, rows []Project, err error) error {
		t.Helper()
		require.Len(t, rows, 2, "a left join stays a left join")
		return onlyA(t, rows, err)
	}
	return attackList{name: "joins", attacks: []attack{
		crossed("association", func(t *testing.T, e *Env) error {
			var rows []Project
			err := e.As().Joins("Owner").Order("projects.id").Find(&rows).Error
			require.Nil(t, rows[0].Owner)
			require.Equal(t, "bob", rows[1].Owner.Name)
			return ofA(t, rows, err)
		}),
		crossed("association_with_conditions", func(t *testing.T, e *Env) error {
			var rows []Project
			err := e.As().Joins("Owner", e.DB.Where("1 = 0 OR\n1 = 1")).Find(&rows).Error
			require.Len(t, rows, 4,
				"each project with each user of A: GORM sets no parentheses of its own")
			return onlyA(t, rows, err)
		}),
		crossed("lone_or_around_an_association", func(t *testing.T, e *Env) error {
			var rows []Project
			err := e.As().Joins("Owner").Or("1 = 1").Find(&rows).Error
			return ofA(t, rows, err)
		}),
		crossed("inner", func(t *testing.T, e *Env) error {
			var rows []Project
			err := e.As().InnerJoins("Owner").Find(&rows).Error
			require.Len(t, rows, 1)
			return err
		}),
		crossed("nested", func(t *testing.T, e *Env) error {
			var rows []Task
			err := e.As().Joins("Project.Owner.Manager").Order("tasks.id").Find(&rows).Error
			require.Len(t, rows, 2)
			require.Nil(t, rows[0].Project)
			require.Nil(t, rows[1].Project.Owner)
			return err
		}),
		crossed("self_reference", func(t *testing.T, e *Env) error {
			var rows []User
			err := e.As().Joins("Manager").Order("users.id").Find(&rows).Error
			require.Len(t, rows, 2)
			require.Nil(t, rows[1].Manager)
			return err
		}),
		crossed("cross_from_a_shared_table", func(t *testing.T, e *Env) error {
			var names []string
			err := e.As().Model(&Country{}).Clauses(clause.From{Joins: []clause.Join{{
				Type: clause.CrossJoin, Table: clause.Table{Name: "projects", Alias: "p"},
			}}}).Select("p.slug").Scan(&names).Error
			require.ElementsMatch(t, []string{A + "-site", A + "-app"}, names)
			return err
		}),
		crossed("right_from_a_shared_table", func(t *testing.T, e *Env) error {
			var names []string
			err := e.As().Model(&Country{}).Clauses(clause.From{Joins: []clause.Join{{
				Type: clause.RightJoin, Table: clause.Table{Name: "projects"},
				ON: clause.Where{Exprs: []clause.Expression{clause.Expr{SQL: "1 = 0"}}},
			}}}).Select("projects.slug").Scan(&names).Error
			require.ElementsMatch(t, []string{A + "-site", A + "-app"}, names)
			return err
		}),
		crossed("using", func(t *testing.T, e *Env) error {
			var names []string
			err := e.As().Model(&Project{}).Clauses(clause.From{Joins: []clause.Join{{
				Type: clause.LeftJoin, Table: clause.Table{Name: "users", Alias: "u"},
				Using: []string{"name"},
			}}}).Select("projects.slug").Scan(&names).Error
			require.Len(t, names, 2)
			return err
		}),
		crossed("lone_or_in_on", func(t *testing.T, e *Env) error {
			var names []string
			err := e.As().Model(&Project{}).Clauses(clause.From{Joins: []clause.Join{{
				Table: clause.Table{Name: "users"},
				ON: clause.Where{
					Exprs: []clause.Expression{clause.Or(clause.Expr{SQL: "1 = 0 OR\n1 = 1"})},
				},
			}}}).Select("users.tenant_id").Scan(&names).Error
			require.Equal(t, []string{A, A, A, A}, names)
			return err
		}),
		crossed("update_from", func(t *testing.T, e *Env) error {
			tx := e.As().Model(&Project{}).
				Clauses(clause.From{Tables: []clause.Table{{Name: "users", Alias: "u"}}}).
				Where("u.id = projects.owner_id OR\n1 = 0").Update("name", gorm.Expr("u.tenant_id"))
			require.Equal(t, int64(1), tx.RowsAffected, "not the project whose owner is B's")
			return tx.Error
		}).notOnMySQL("has no UPDATE ... FROM"),
		crossed("many2many", func(t *testing.T, e *Env) error {
			var tags []Tag
			err := e.As().Model(&Project{ID: 1}).Association("Tags").Find(&tags)
			require.Len(t, tags, 1)
			require.Equal(t, "red", tags[0].Label)
			return err
		}),
		crossed("many2many_of_the_owner_of_another", func(t *testing.T, e *Env) error {
			var tags []Tag
			err := e.As().Model(&Project{ID: 12}).Association("Tags").Find(&tags)
			require.Empty(t, tags, "not even A's own tag, over B's row of the join table")
			return err
		}),
		crossed("join_table", func(t *testing.T, e *Env) error {
			var rows []map[string]any
			err := e.As().Table("project_tags").Or("1 = 1").Find(&rows).Error
			require.Len(t, rows, 1)
			return err
		}),
		{name: "text", run: func(t *testing.T, e *Env) error {
			_, err := find(e.As().Joins("JOIN users ON users.id = projects.owner_id"))
			return err
		}, alone: true},
		{name: "comma_text", run: func(t *testing.T, e *Env) error {
			_, err := find(e.As().Joins(", users"))
			return err
		}, alone: true},
		{name: "text_of_the_join_table", run: func(t *testing.T, e *Env) error {
			_, err := find(e.As().Joins("JOIN project_tags pt ON pt.project_id = projects.id"))
			return err
		}, alone: true},
		{name: "text_with_the_tenant", run: func(t *testing.T, e *Env) error {
			keys, err := find(e.As().
				Joins("JOIN users ON users.id = projects.owner_id AND users.tenant_id = ?",
					scopes.ID(e.A)))
			require.Equal(t, []uint{1, 2}, keys)
			return err
		}},
		{name: "text_with_the_tenant_of_another", run: func(t *testing.T, e *Env) error {
			_, err := find(e.As().Joins("JOIN users ON users.tenant_id = ?", scopes.ID(e.B)))
			return err
		}, want: gormtenant.ErrOtherTenant},
		{name: "text_of_a_shared_table", run: func(t *testing.T, e *Env) error {
			keys, err := find(e.As().
				Joins("LEFT JOIN countries c ON c.code = projects.country_code"))
			require.Equal(t, []uint{1, 2}, keys)
			return err
		}},
		{name: "text_with_a_subquery", run: func(t *testing.T, e *Env) error {
			keys, err := find(e.As().
				Joins("JOIN (?) u ON u.id = projects.owner_id", e.DB.Model(&User{}).
					Where("age > ?", 1)))
			require.Equal(t, []uint{1, 2}, keys)
			return err
		}},
		{name: "shared_association", run: func(t *testing.T, e *Env) error {
			keys, err := find(e.As().Joins("Country"))
			require.Equal(t, []uint{1, 2}, keys)
			return err
		}},
	}}
}

func preloads() attackList {
	return attackList{name: "preload", attacks: []attack{
		crossed("belongs_to", func(t *testing.T, e *Env) error {
			var rows []Project
			err := e.As().Preload("Owner").Order("id").Find(&rows).Error
			require.Len(t, rows, 2)
			require.Nil(t, rows[0].Owner)
			return err
		}),
		crossed("all_and_nested", func(t *testing.T, e *Env) error {
			var rows []User
			err := e.As().Preload(clause.Associations).Preload("Projects.Tags").
				Preload("Projects.Tasks").
				Preload("Projects.Notes").Preload("Friends.Manager").Order("id").Find(&rows).Error
			require.Len(t, rows, 2)
			require.Len(t, rows[0].Friends, 1)
			require.Equal(t, A, rows[0].Friends[0].TenantID)
			require.Empty(t, rows[0].Projects, "the project whose owner is now B's")
			return err
		}),
		crossed("many2many", func(t *testing.T, e *Env) error {
			var p Project
			err := e.As().Preload("Tags").First(&p, 1).Error
			require.Len(t, p.Tags, 1)
			return err
		}),
		crossed("conditions", func(t *testing.T, e *Env) error {
			var p Project
			err := e.As().Preload("Tags", "label = 'red' OR label = 'blue'").
				Preload("Tasks", func(db *gorm.DB) *gorm.DB {
					return db.Or("project_id = 1")
				}).First(&p, 1).Error
			require.Len(t, p.Tags, 1)
			require.Len(t, p.Tasks, 1)
			return err
		}),
		crossed("on_a_join", func(t *testing.T, e *Env) error {
			var rows []Task
			err := e.As().Joins("Project").Preload("Project.Tags").Order("tasks.id").Find(&rows).
				Error
			require.Len(t, rows, 2)
			require.Len(t, rows[1].Project.Tags, 1)
			return err
		}),
	}}
}

// archived is a model of a table in a schema of the database.
type archived struct {
	ID uint
	models.TenantModel
}

func (archived) TableName() string { return "archive.projects" }

func TestRightJoin_keeps_the_schema_of_the_table(t *testing.T) {
	t.Parallel()
	Run(t, func(t *testing.T, e *Env) {
		from := clause.From{Joins: []clause.Join{{
			Type: clause.RightJoin, Table: clause.Table{Name: "archive.projects", Alias: "o"},
			ON: clause.Where{Exprs: []clause.Expression{clause.Expr{SQL: "1 = 1"}}},
		}}}
		stmt := e.As().Session(&gorm.Session{DryRun: true}).Clauses(from).Select("o.*").
			Find(&[]archived{}).Statement
		require.NoError(t, stmt.Error)
		require.Contains(t, stmt.SQL.String(), "RIGHT JOIN "+stmt.Quote("archive.projects")+" "+
			stmt.Quote("o"))
		require.Equal(t, 2, strings.Count(stmt.SQL.String(), "tenant_id"), "both are limited")
	})
}
