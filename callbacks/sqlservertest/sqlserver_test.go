package sqlservertest_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/driver/sqlserver"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

type project struct {
	ID uint
	models.TenantModel
	Name  string
	Tasks []task `gorm:"foreignKey:ProjectID"`
}

type task struct {
	ID uint
	models.TenantModel
	ProjectID uint
	Title     string
}

// recorder is a server that takes every statement and answers with one row.
type recorder struct {
	mutex sync.Mutex
	sent  []string
}

func (r *recorder) Connect(context.Context) (driver.Conn, error) { return &conn{r}, nil }
func (r *recorder) Driver() driver.Driver                        { return nil }

func (r *recorder) take() []string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	sent := r.sent
	r.sent = nil
	return sent
}

type conn struct{ *recorder }

func (c *conn) Prepare(string) (driver.Stmt, error) { return nil, driver.ErrSkip }
func (c *conn) Close() error                        { return nil }
func (c *conn) Begin() (driver.Tx, error)           { return tx{}, nil }

func (c *conn) record(text string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.sent = append(c.sent, text)
}

func (c *conn) QueryContext(_ context.Context, text string, _ []driver.NamedValue) (driver.Rows, error) {
	c.record(text)
	return &rows{}, nil
}

func (c *conn) ExecContext(_ context.Context, text string, _ []driver.NamedValue) (driver.Result, error) {
	c.record(text)
	return driver.RowsAffected(1), nil
}

type tx struct{}

func (tx) Commit() error   { return nil }
func (tx) Rollback() error { return nil }

type rows struct{ done bool }

func (r *rows) Columns() []string { return []string{"id"} }
func (r *rows) Close() error      { return nil }

func (r *rows) Next(dest []driver.Value) error {
	if r.done {
		return io.EOF
	}
	r.done, dest[0] = true, int64(7)
	return nil
}

func open(t *testing.T) (*gorm.DB, *recorder) {
	t.Helper()
	r := &recorder{}
	pool := sql.OpenDB(r)
	t.Cleanup(func() { _ = pool.Close() })
	db, err := gorm.Open(sqlserver.New(sqlserver.Config{Conn: pool}), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	require.NoError(t, db.Use(tenantplugin.New(tenantplugin.Models(&project{}, &task{}))))
	r.take()
	return db.WithContext(gormtenant.WithTenant(context.Background(), "acme")), r
}

func TestUpserts_are_refused_before_they_are_sent(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(db *gorm.DB) error
	}{
		{"save_of_a_slice", func(db *gorm.DB) error { return db.Save(&[]project{{ID: 11, Name: "mine"}}).Error }},
		{"update_all", func(db *gorm.DB) error {
			return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&project{ID: 11, Name: "mine"}).Error
		}},
		{"do_nothing", func(db *gorm.DB) error {
			return db.Clauses(clause.OnConflict{DoNothing: true}).Create(&project{ID: 11, Name: "mine"}).Error
		}},
		{"children_with_keys", func(db *gorm.DB) error {
			return db.Create(&project{Name: "p", Tasks: []task{{ID: 11, Title: "theirs"}}}).Error
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			db, r := open(t)
			require.ErrorIs(t, c.run(db), gormtenant.ErrUnsupported)
			require.NotContains(t, strings.Join(r.take(), "\n"), "MERGE")
		})
	}
}

func TestEveryday_statements_carry_the_tenant(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(db *gorm.DB) error
	}{
		{"create", func(db *gorm.DB) error { return db.Create(&project{Name: "p"}).Error }},
		{"create_slice", func(db *gorm.DB) error { return db.Create(&[]project{{Name: "p"}, {Name: "q"}}).Error }},
		{"find", func(db *gorm.DB) error { return db.Where("name = ?", "x").Find(&[]project{}).Error }},
		{"update", func(db *gorm.DB) error { return db.Model(&project{ID: 1}).Update("name", "x").Error }},
		{"delete", func(db *gorm.DB) error { return db.Delete(&project{ID: 1}).Error }},
		{"raw", func(db *gorm.DB) error { return db.Raw("SELECT * FROM projects").Scan(&[]project{}).Error }},
	} {
		t.Run(c.name, func(t *testing.T) {
			db, r := open(t)
			require.NoError(t, c.run(db))
			sent := strings.Join(r.take(), "\n")
			require.Contains(t, sent, "tenant_id", sent)
			require.NotContains(t, sent, "?")
		})
	}
}
