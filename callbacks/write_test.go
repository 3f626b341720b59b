package callbacks_test

import (
	"context"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// waLog is nobody's: it opted out, but has the columns of a project.
type waLog struct {
	ID       uint
	TenantID string `gorm:"tenant:-"`
	Name     string
	Slug     string
}

type waHook struct {
	ID uint
	models.TenantModel
	Slug string
}

func (waHook) TableName() string { return "projects" }

func (*waHook) BeforeCreate(tx *gorm.DB) error {
	tx.Statement.SQL.WriteString("UPDATE projects SET name = 'pwn'")
	return nil
}

type waValuer struct{}

func (waValuer) GormValue(context.Context, *gorm.DB) clause.Expr {
	return clause.Expr{SQL: "'x', tenant_id = 'zeta'"}
}

type waClause struct{ name, sql string }

func (r waClause) Name() string                 { return r.name }
func (r waClause) Build(b clause.Builder)       { _, _ = b.WriteString(r.sql) }
func (r waClause) MergeClause(c *clause.Clause) { c.Expression, c.Name = r, "" }

type waSmallTask struct {
	ID        uint
	TenantID  string
	ProjectID uint
}

func (waSmallTask) TableName() string { return "tasks" }

func with(tx *gorm.DB, name string, c clause.Clause) *gorm.DB {
	tx = tx.Session(&gorm.Session{Initialized: true})
	tx.Statement.Clauses[name] = c
	return tx
}

func onSlug(doNothing bool) clause.OnConflict {
	if doNothing {
		return clause.OnConflict{Columns: []clause.Column{{Name: "slug"}}, DoNothing: true}
	}
	return clause.OnConflict{
		Columns:   []clause.Column{{Name: "slug"}},
		DoUpdates: clause.AssignmentColumns([]string{"name"}),
		Where:     clause.Where{Exprs: []clause.Expression{clause.Expr{SQL: "1 = 0"}}},
	}
}

// overlookedWrites writes in the ways that are easily overlooked: around clauses, beside values,
// with keys that only memory holds.
func overlookedWrites() attackList {
	no := func(name string, run func(e *Env) error) attack {
		return attack{name: name, run: func(_ *testing.T, e *Env) error {
			return run(e)
		}, want: errAny}
	}
	alone := func(name string, run func(e *Env) error) attack {
		attempt := func(_ *testing.T, e *Env) error { return run(e) }
		return attack{name: name, run: attempt, alone: true}
	}
	sqliteOnly := func(name string, run func(e *Env) error) attack {
		return no(name, func(e *Env) error {
			if e.Name != "sqlite" {
				return errAny
			}
			return run(e)
		})
	}
	kids := []Task{{Title: "n"}}
	children := func() []Task { return append([]Task(nil), kids...) }
	set := clause.Set{{Column: clause.Column{Name: "name"}, Value: "x"}}
	joinKey := []clause.Column{{Name: "project_id"}, {Name: "tag_id"}}
	return attackList{name: "writes_beside_clauses_and_values", attacks: []attack{
		alone("raw_create", func(e *Env) error {
			return e.As().Raw("UPDATE projects SET name = 'pwn'").Create(&Project{Slug: "n"}).Error
		}),
		alone("raw_create_of_a_shared_model", func(e *Env) error {
			return e.As().Raw("UPDATE projects SET name = 'pwn'").Create(&Country{Code: "X"}).Error
		}),
		alone("raw_update", func(e *Env) error {
			return e.As().Raw("UPDATE projects SET name = 'pwn'").Model(&Project{ID: 1}).
				Where("1 = 1").Update("name", "x").Error
		}),
		alone("raw_delete", func(e *Env) error {
			return e.As().Raw("DELETE FROM profiles").Where("1 = 1").Delete(&Project{ID: 1}).Error
		}),
		no("raw_delete_without_a_tenant", func(e *Env) error {
			return e.DB.Raw("DELETE FROM profiles").Where("1 = 1").Delete(&Country{Code: "X"}).Error
		}),
		alone("hook_writes_sql", func(e *Env) error {
			return e.As().Create(&waHook{Slug: "q"}).Error
		}),

		no("update_expr", func(e *Env) error {
			return e.As().Model(&Project{ID: 1}).
				Update("name", gorm.Expr("'x', tenant_id = 'zeta'")).Error
		}),
		no("update_columns_expr_with_args", func(e *Env) error {
			return e.As().Model(&Project{ID: 1}).
				UpdateColumn("name", gorm.Expr("?, tenant_id = ?", "x", B)).Error
		}),
		no("named_expr", func(e *Env) error {
			return e.As().Model(&Project{ID: 1}).
				Update("name", clause.NamedExpr{SQL: "'x', tenant_id = 'zeta'"}).Error
		}),
		no("valuer", func(e *Env) error {
			return e.As().Model(&Project{ID: 1}).Updates(map[string]any{"name": waValuer{}}).Error
		}),
		no("do_updates", func(e *Env) error {
			return e.As().
				Clauses(clause.OnConflict{
					Columns: []clause.Column{{Name: "id"}},
					DoUpdates: clause.Assignments(
						map[string]any{"name": gorm.Expr("'x', tenant_id = 'zeta'")}),
				}).
				Create(&Project{ID: 1, Slug: "n"}).Error
		}),
		no("join_table_column_beside", func(e *Env) error {
			return e.As().Table("user_friends").Where("1 = 1").
				Update("user_id", gorm.Expr("user_id, friend_id = 12")).Error
		}),

		no("on_conflict_after", func(e *Env) error {
			return with(e.As(), "ON CONFLICT", clause.Clause{
				Name: "ON CONFLICT", Expression: clause.OnConflict{UpdateAll: true},
				AfterExpression: clause.Expr{SQL: "OR 1 = 1"},
			}).Create(&Project{ID: 11, Slug: "n"}).Error
		}),
		no("values_after_union", func(e *Env) error {
			return with(e.As().Model(&Project{}), "VALUES",
				clause.Clause{AfterExpression: clause.Expr{SQL: "UNION SELECT 'pwn','zeta'"}}).
				Create(map[string]any{"slug": "n"}).Error
		}),
		no("values_after_conflict", func(e *Env) error {
			return with(e.As().Model(&Project{}), "VALUES",
				clause.Clause{AfterExpression: clause.Expr{
					SQL: "ON CONFLICT (id) DO UPDATE SET name = 'pwn'",
				}}).Create(map[string]any{"id": 11, "slug": "n"}).Error
		}),
		no("set_after", func(e *Env) error {
			return with(e.As().Model(&Project{}).Where("id = 1"), "SET", clause.Clause{
				Name: "SET", Expression: set,
				AfterExpression: clause.Expr{SQL: ", tenant_id = 'zeta'"},
			}).Updates(map[string]any{}).Error
		}),
		no("set_after_name", func(e *Env) error {
			return with(e.As().Model(&Project{}).Where("id = 1"), "SET", clause.Clause{
				Name: "SET", Expression: set,
				AfterNameExpression: clause.Expr{SQL: "tenant_id = 'zeta',"},
			}).Updates(map[string]any{}).Error
		}),
		no("from_after_union_reads", func(e *Env) error {
			var slugs []string
			err := with(e.As().Model(&Project{}).Select("slug"), "FROM",
				clause.Clause{Name: "FROM", AfterExpression: clause.Expr{
					SQL: "UNION SELECT 'q' FROM (SELECT 'acme' AS tenant_id) AS projects",
				}}).Find(&slugs).Error
			if len(slugs) <= 3 {
				return errAny
			}
			return err
		}),
		no("build_clauses_union", func(e *Env) error {
			tx := e.As().Model(&Project{}).Clauses(waClause{"EVIL", "UNION SELECT 'pwn','zeta'"})
			tx.Statement.BuildClauses = []string{"INSERT", "VALUES", "EVIL"}
			return tx.Create(map[string]any{"slug": "n"}).Error
		}),
		no("build_clauses_with", func(e *Env) error {
			columns := "99,'zeta','n',1,'pwn',NULL,NULL"
			tx := e.As().Model(&Project{}).
				Clauses(waClause{"EVIL", "WITH q AS (SELECT 1) SELECT " + columns})
			tx.Statement.BuildClauses = []string{"INSERT", "EVIL"}
			return tx.Create(map[string]any{"slug": "n"}).Error
		}),
		no("build_clauses_select", func(e *Env) error {
			tx := e.As().Model(&Project{}).
				Clauses(clause.Select{
					Expression: clause.Expr{SQL: "99,'zeta','n',1,'pwn',NULL,NULL"},
				})
			tx.Statement.BuildClauses = []string{"INSERT", "SELECT"}
			return tx.Create(map[string]any{"slug": "n"}).Error
		}),
		no("insert_into_a_raw_table", func(e *Env) error {
			return e.As().
				Clauses(clause.Insert{Table: clause.Table{Name: `"projects"`, Raw: true}}).
				Create(&waLog{TenantID: B, Name: "pwn", Slug: "pwn"}).Error
		}),
		alone("update_of_a_raw_table", func(e *Env) error {
			return e.As().
				Clauses(clause.Update{Table: clause.Table{Name: `"projects"`, Raw: true}}).
				Model(&waLog{}).Where("1 = 1").Update("name", "pwn").Error
		}),
		no("join_table_upsert", func(e *Env) error {
			return e.As().Table("project_tags").Clauses(clause.OnConflict{
				Columns:   joinKey,
				DoUpdates: clause.Set{{Column: clause.Column{Name: "tag_id"}, Value: 12}},
			}).
				Create(map[string]any{"project_id": 1, "tag_id": 1}).Error
		}),
		no("join_table_upsert_expr", func(e *Env) error {
			return e.As().Table("project_tags").Clauses(clause.OnConflict{
				Columns: joinKey,
				DoUpdates: clause.Set{{
					Column: clause.Column{Name: "tag_id"},
					Value:  gorm.Expr("12"),
				}},
			}).
				Create(map[string]any{"project_id": 1, "tag_id": 1}).Error
		}),
		sqliteOnly("join_row_in_capitals", func(e *Env) error {
			return e.As().Table("project_tags").
				Create(map[string]any{"PROJECT_ID": 11, "tag_id": 1}).Error
		}),
		sqliteOnly("join_row_twice", func(e *Env) error {
			return e.As().Table("project_tags").
				Create(map[string]any{"project_id": 1, "PROJECT_ID": 11, "tag_id": 1}).Error
		}),
		sqliteOnly("join_row_update_in_capitals", func(e *Env) error {
			return e.As().Table("project_tags").Where("1 = 1").Update("TAG_ID", 12).Error
		}),
		no("polymorphic_type_pointer", func(e *Env) error {
			return e.As().Table("notes").
				Create(map[string]any{"subject_id": 11, "subject_type": ptr("projects")}).Error
		}),
		no("polymorphic_type_expr", func(e *Env) error {
			return e.As().Table("notes").
				Create(map[string]any{"subject_id": 11, "subject_type": gorm.Expr("'projects'")}).
				Error
		}),
		no("do_nothing_on_own_slug_links_children", func(e *Env) error {
			return e.As().Clauses(onSlug(true)).
				Create(&Project{ID: 11, Slug: A + "-site", Tasks: children()}).Error
		}),
		no("where_false_links_children", func(e *Env) error {
			return e.As().Clauses(onSlug(false)).
				Create(&Project{ID: 11, Slug: A + "-site", Tasks: children()}).Error
		}),
		no("omit_id_do_nothing", func(e *Env) error {
			return e.As().Omit("ID").Clauses(clause.OnConflict{DoNothing: true}).
				Create(&Project{ID: 11, Slug: A + "-site", Tasks: children()}).Error
		}).returnsKeys(),
		sqliteOnly("or_ignore", func(e *Env) error {
			return e.As().Clauses(clause.Insert{Modifier: "OR IGNORE"}).
				Create(&Project{ID: 11, Slug: "n", Tasks: children()}).Error
		}),
		no("belongs_to_select_in_a_slice", func(e *Env) error {
			return e.As().Select("*", "Owner.Name").
				Create(&[]Project{{Slug: "n", Owner: &User{ID: 11, Name: "x"}}}).Error
		}).returnsKeys(),
		no("belongs_to_omit_in_a_slice", func(e *Env) error {
			return e.As().Omit("Owner.ID").
				Create(&[]Project{{Slug: "n", Owner: &User{ID: 11, Name: "x"}}}).Error
		}).returnsKeys(),
	}}
}

func overlookedReferences() attackList {
	no := func(name string, run func(e *Env) error) attack {
		return attack{name: name, run: func(_ *testing.T, e *Env) error {
			return run(e)
		}, want: errAny}
	}
	yes := func(name string, run func(e *Env) error) attack {
		return attack{name: name, run: func(_ *testing.T, e *Env) error { return run(e) }}
	}
	return attackList{name: "writes_beside_references", attacks: []attack{
		no("excluded_of_another_column", func(e *Env) error {
			return e.As().
				Clauses(clause.OnConflict{
					Columns: []clause.Column{{Name: "id"}},
					DoUpdates: clause.Set{{
						Column: clause.Column{Name: "owner_id"},
						Value:  clause.Column{Table: "excluded", Name: "budget"},
					}},
				}).
				Create(&Project{ID: 1, Budget: 11, Slug: "q"}).Error
		}),
		no("assignment_beside", func(e *Env) error {
			return e.As().Model(&Task{ID: 1}).Update("title", gorm.Expr("'x', project_id = 11")).
				Error
		}),
		no("map_in_capitals", func(e *Env) error {
			return e.As().Model(&Task{}).Create(map[string]any{"title": "x", "PROJECT_ID": 11}).
				Error
		}),
		no("smaller_model_with_a_tenant_field", func(e *Env) error {
			return e.As().Create(&waSmallTask{ProjectID: 11}).Error
		}),
		no("polymorphic_type_changes_alone", func(e *Env) error {
			e.Plain.Exec("UPDATE notes SET subject_id = 11, subject_type = 'other' WHERE id = 1")
			err := e.As().Model(&Note{ID: 1}).Update("subject_type", "projects").Error
			e.Plain.Exec("UPDATE notes SET subject_id = 1, subject_type = 'projects' WHERE id " +
				"= 1") // for the harness
			return err
		}),
		yes("another_kind_of_row", func(e *Env) error {
			return e.As().Model(&Note{ID: 1}).
				Updates(map[string]any{"subject_id": 999, "subject_type": "invoices"}).Error
		}),
		yes("batch_that_refers_to_itself", func(e *Env) error {
			return e.As().Create(&[]User{{ID: 50}, {ID: 51, ManagerID: ptr(uint(50))}}).Error
		}),
		no("batch_that_refers_to_a_key_it_leaves_out", func(e *Env) error {
			return e.As().Select("Name", "ManagerID").
				Create(&[]User{{ID: 11}, {ManagerID: ptr(uint(11))}}).Error
		}),
		no("batch_that_refers_to_a_key_it_omits", func(e *Env) error {
			return e.As().Omit("ID").Create(&[]User{{ID: 11}, {ManagerID: ptr(uint(11))}}).Error
		}),
		yes("row_that_refers_to_itself", func(e *Env) error {
			return e.As().Create(&User{ID: 50, ManagerID: ptr(uint(50))}).Error
		}),
		yes("null_by_an_expression", func(e *Env) error {
			return e.As().Model(&Task{ID: 1}).Update("project_id", gorm.Expr("NULL")).Error
		}),
	}, options: []tenantplugin.Option{tenantplugin.CheckReferences()}}
}

func onSlugUpdate() clause.OnConflict {
	return clause.OnConflict{
		Columns:   []clause.Column{{Name: "slug"}},
		DoUpdates: clause.AssignmentColumns([]string{"name"}),
	}
}
