package schemas_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/internal/testing/dbtest"
	"github.com/gormtenant/gormtenant/isolation/schemas"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// migrate makes the tables of dbtest's models in the schema of each tenant, with rows of the same
// keys.
func (s *server) migrate(t *testing.T) {
	t.Helper()
	in := func(schema, role string) *gorm.DB {
		own := s.app.Copy()
		own.RuntimeParams = map[string]string{"search_path": schema, "role": role}
		pool := stdlib.OpenDB(*own)
		t.Cleanup(func() { _ = pool.Close() })
		db, err := gorm.Open(
			postgres.New(postgres.Config{Conn: pool}),
			&gorm.Config{Logger: logger.Discard, DisableForeignKeyConstraintWhenMigrating: true})
		require.NoError(t, err)
		require.NoError(
			t, db.Use(
				tenantplugin.New(
					tenantplugin.Models(dbtest.Models()...), tenantplugin.AllowRawSQL())))
		return db
	}
	s.do(
		t, "DROP TABLE shared.countries",
		"CREATE TABLE shared.countries (code text PRIMARY KEY, name text)",
		"INSERT INTO shared.countries VALUES ('PT', 'Portugal')",
		"GRANT SELECT ON shared.countries TO PUBLIC")
	for _, tenant := range []string{s.acme, s.zeta} {
		s.do(t, "DROP TABLE "+s.of(tenant)+".notes")
		db := in(s.of(tenant), s.of(tenant))
		require.NoError(t, db.AutoMigrate(dbtest.Models()[1:]...))
		for _, row := range []string{
			"INSERT INTO users (id, tenant_id, name, age, manager_id) VALUES (1, 'TENANT', " +
				"'TENANT ann', 30, NULL), (2, 'TENANT', 'TENANT bob', 40, 1)",
			"INSERT INTO profiles (id, tenant_id, user_id, bio) VALUES (1, 'TENANT', 1, 'TENANT " +
				"bio')",
			"INSERT INTO projects (id, tenant_id, name, budget, slug, owner_id, country_code) " +
				"VALUES " +
				"(1, 'TENANT', 'TENANT site', 100, 'site', 1, 'PT'), (2, 'TENANT', 'TENANT app', " +
				"200, 'app', 2, NULL)",
			"INSERT INTO tasks (id, tenant_id, title, project_id) VALUES (1, 'TENANT', 'TENANT " +
				"plan', 1), (2, 'TENANT', 'TENANT build', 1)",
			"INSERT INTO tags (id, tenant_id, label) VALUES (1, 'TENANT', 'TENANT red'), (2, " +
				"'TENANT', 'TENANT blue')",
			"INSERT INTO notes (id, tenant_id, text, subject_id, subject_type) VALUES (1, " +
				"'TENANT', 'TENANT memo', 1, 'projects')",
			"INSERT INTO project_tags (project_id, tag_id) VALUES (1, 1)",
			"INSERT INTO user_friends (user_id, friend_id) VALUES (1, 2)",
			"SELECT setval(pg_get_serial_sequence(name, 'id'), 100) FROM " +
				"unnest('{users,profiles,projects,tasks,tags,notes}'::text[]) name",
		} {
			require.NoError(t, db.Exec(strings.ReplaceAll(row, "TENANT", tenant)).Error)
		}
	}
}

// dump returns every row in the schema of a tenant as text, sequences included.
func (s *server) dump(t *testing.T, tenant string) string {
	t.Helper()
	var text strings.Builder
	for _, table := range dbtest.Tables[1:] {
		rows, err := s.owner.Query(
			"SELECT x::text FROM " + s.of(tenant) + "." + table + " x ORDER BY 1")
		require.NoError(t, err)
		text.WriteString(table + "\n" + scanned(t, rows) + "\n")
	}
	return text.String()
}

var errUndo = errors.New("undo")

// attacks are what an application, or somebody in it, does as acme. Each returns what it has seen.
var attacks = map[string]func(tx *gorm.DB) (seen string, err error){
	"find": func(tx *gorm.DB) (string, error) {
		var all []dbtest.Project
		err := tx.Preload("Owner").Preload("Tasks").Preload("Tags").Preload("Notes").Preload(
			"Country").Order("id").Find(&all).Error
		return fmt.Sprintf("%+v", all), err
	},
	"joins": func(tx *gorm.DB) (string, error) {
		var all []dbtest.Project
		err := tx.Joins("Owner").Joins("JOIN tasks t ON t.project_id = projects.id").Where(
			"t.title <> ?", "x").Find(&all).Error
		return fmt.Sprintf("%+v", all), err
	},
	"raw": func(tx *gorm.DB) (string, error) {
		var all []map[string]any
		err := tx.Raw(
			"SELECT * FROM projects p JOIN tasks t ON t.project_id = p.id WHERE p.budget > ?",
			1).Scan(&all).Error
		return fmt.Sprint(all), err
	},
	"raw_of_one_key": func(tx *gorm.DB) (string, error) {
		var name string
		err := tx.Raw("SELECT name FROM users WHERE id = 1 OR 1 = 1 LIMIT 1").Row().Scan(&name)
		return name, err
	},
	"subquery": func(tx *gorm.DB) (string, error) {
		var all []dbtest.User
		err := tx.Where("id IN (?)", tx.Model(&dbtest.Project{}).Select("owner_id")).Find(
			&all).Error
		return fmt.Sprintf("%+v", all), err
	},
	"raw_update_of_all": execution("UPDATE projects SET name = name || '!'"),
	"raw_update_by_name": execution(
		"UPDATE projects SET budget = ? WHERE tenant_id LIKE 'zeta%' OR id = ?", 7, 1),
	"raw_delete_of_all": execution("DELETE FROM project_tags"),
	"raw_insert": execution(
		"INSERT INTO tags (tenant_id, label) VALUES (?, ?)", "zeta", "stolen"),
	"raw_insert_conflict": execution(
		"INSERT INTO tags (id, tenant_id, label) VALUES (1, 'x', 'y') ON CONFLICT (id) DO UPDATE " +
			"SET label = 'stolen'"),
	"truncate":              execution("TRUNCATE notes"),
	"alter":                 execution("ALTER TABLE tasks ADD COLUMN IF NOT EXISTS stolen int"),
	"path_for_itself":       execution("SET search_path = public"),
	"local_path_for_itself": execution("SET LOCAL search_path = public"),
	"update_all": func(tx *gorm.DB) (string, error) {
		tx = tx.Session(&gorm.Session{AllowGlobalUpdate: true})
		return "", errors.Join(
			tx.Model(&dbtest.Task{}).Update("title", "changed").Error,
			tx.Delete(&dbtest.Profile{}).Error)
	},
	"save": func(tx *gorm.DB) (string, error) {
		project := dbtest.Project{
			ID: 1, Name: "saved", Slug: "saved",
			Tasks: []dbtest.Task{{ID: 2, Title: "taken"}},
		}
		return "", tx.Session(&gorm.Session{FullSaveAssociations: true}).Save(&project).Error
	},
	"upsert": func(tx *gorm.DB) (string, error) {
		return "", tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(
			&[]dbtest.Tag{{ID: 1, Label: "a"}, {ID: 9, Label: "b"}}).Error
	},
	"association": func(tx *gorm.DB) (string, error) {
		return "", tx.Model(&dbtest.Project{ID: 1}).Association("Tags").Replace(&dbtest.Tag{ID: 2})
	},
	"transaction": func(tx *gorm.DB) (seen string, err error) {
		err = tx.Transaction(func(tx *gorm.DB) error {
			if err := tx.Exec("UPDATE users SET age = age + 1").Error; err != nil {
				return err
			}
			inner := tx.Transaction(func(tx *gorm.DB) error {
				return errors.Join(tx.Exec("DELETE FROM users").Error, errUndo)
			})
			broken := tx.Transaction(func(tx *gorm.DB) error { return tx.Exec("SELECT 1/0").Error })
			if !errors.Is(inner, errUndo) || broken == nil {
				return fmt.Errorf("%w, %w", inner, broken)
			}
			return tx.Raw("SELECT string_agg(name, ',') FROM users").Row().Scan(&seen)
		})
		return seen, err
	},
	"rolled_back": func(tx *gorm.DB) (string, error) {
		err := tx.Transaction(func(tx *gorm.DB) error {
			return errors.Join(
				tx.Exec("DROP TABLE notes").Error,
				tx.Exec("DELETE FROM tags WHERE id > ?", 0).Error, errUndo)
		})
		if errors.Is(err, errUndo) {
			err = nil
		}
		return "", err
	},
	"connection": func(tx *gorm.DB) (seen string, err error) {
		err = tx.Connection(func(tx *gorm.DB) error {
			return tx.Raw("SELECT string_agg(label, ',') FROM tags").Row().Scan(&seen)
		})
		return seen, err
	},
	"another_librarys_statement": func(tx *gorm.DB) (seen string, err error) {
		pool, err := tx.DB()
		if err != nil {
			return "", err
		}
		err = pool.QueryRowContext(
			tx.Statement.Context, "SELECT string_agg(name, ',') FROM projects WHERE id > $1",
			0).Scan(&seen)
		return seen, err
	},
	"rows": func(tx *gorm.DB) (seen string, err error) {
		rows, err := tx.Model(&dbtest.User{}).Rows()
		if err != nil {
			return "", err
		}
		for rows.Next() {
			var user dbtest.User
			err = errors.Join(err, tx.ScanRows(rows, &user))
			seen += user.Name
		}
		return seen, errors.Join(err, rows.Close())
	},
	"migration": func(tx *gorm.DB) (string, error) {
		return "", tx.AutoMigrate(dbtest.Models()[1:]...)
	},
}

func execution(query string, args ...any) func(tx *gorm.DB) (string, error) {
	return func(tx *gorm.DB) (string, error) { return "", tx.Exec(query, args...).Error }
}

func TestAttacks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		config gorm.Config
	}{
		{"gorm", gorm.Config{}},
		{"prepared", gorm.Config{SkipDefaultTransaction: true, PrepareStmt: true}},
	} {
		for _, w := range []way{
			{mode: pgx.QueryExecModeCacheStatement, roles: true},
			{mode: pgx.QueryExecModeCacheStatement},
			{mode: pgx.QueryExecModeCacheDescribe, roles: true},
			{mode: pgx.QueryExecModeSimpleProtocol, roles: true},
		} {
			t.Run(fmt.Sprintf("%s_%s_%t", c.name, w.mode, w.roles), func(t *testing.T) {
				t.Parallel()
				s := newServer(t)
				if !w.roles {
					s.withoutRoles(t)
				}
				s.migrate(t)
				own := c.config
				own.Logger, own.DisableForeignKeyConstraintWhenMigrating = logger.Discard, true
				db, err := gorm.Open(postgres.New(postgres.Config{Conn: w.open(t, s)}), &own)
				require.NoError(t, err)
				require.NoError(
					t, db.Use(
						tenantplugin.New(
							tenantplugin.Models(dbtest.Models()...), tenantplugin.AllowRawSQL())))
				attacked(t, s, db)
			})
		}
	}
}

// attacked runs the attacks as acme in turns with statements of zeta of the same texts, on two
// connections.
func attacked(t *testing.T, s *server, db *gorm.DB) {
	t.Helper()
	pool, err := db.DB()
	require.NoError(t, err)
	pool.SetMaxOpenConns(2)
	before := s.dump(t, s.zeta)
	acme, zeta := db.WithContext(as(t, s.acme)), db.WithContext(as(t, s.zeta))
	for range 2 {
		for name, attack := range attacks {
			seen, err := attack(acme)
			require.NoError(t, err, name)
			require.NotContains(t, seen, s.zeta, name)
			seen, err = attacks["find"](zeta)
			require.NoError(t, err, name)
			require.NotContains(t, seen, s.acme, name)
			require.Equal(t, before, s.dump(t, s.zeta), name)
		}
		_ = acme.Exec("ALTER TABLE tasks DROP COLUMN stolen")
	}
	nobody := db.WithContext(context.Background())
	var users []dbtest.User
	require.ErrorIs(t, nobody.Find(&users).Error, gormtenant.ErrNoTenant, "the plugin")
	var n int64
	require.ErrorContains(
		t, nobody.Raw("SELECT count(*) FROM users").Row().Scan(&n), undefinedTable, "the server")
	across := db.WithContext(gormtenant.Unscoped(t.Context(), "report"))
	require.ErrorContains(t, across.Find(&users).Error, undefinedTable)
	var countries []dbtest.Country
	require.NoError(t, across.Find(&countries).Error)
	require.Len(t, countries, 1)
	require.ErrorContains(t, nobody.AutoMigrate(&dbtest.User{}), denied)
}

// What GORM's own Open does for zones, Open does too.
func TestOpen_reads_times_in_the_zone_of_the_DSN(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	dsn := fmt.Sprintf(
		"host=%s port=%d user=%s password=app dbname=%s TimeZone=Asia/Tokyo", s.app.Host,
		s.app.Port, s.app.User, s.app.Database)
	db, err := gorm.Open(schemas.Open(dsn, schemas.Roles()), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	pool, err := db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	var at sql.NullTime
	require.NoError(
		t, db.WithContext(as(t, s.acme)).Raw("SELECT '2024-02-29 12:00'::timestamp").Row().Scan(
			&at))
	require.Equal(t, "2024-02-29 12:00:00 +0900 JST", at.Time.String())
	require.Equal(t, "1 2 3", ids(t, as(t, s.acme), pool, all))
}
