package rls_test

import (
	"database/sql"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/isolation/rls"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

type (
	oddDocument struct {
		ID     uint
		Tenant string      `gorm:"tenant;not null;index:odd_index"`
		Labels []*oddLabel `gorm:"many2many:owner"`
	}
	oddLabel struct {
		ID uint
		models.TenantModel
	}
)

// odd gives tables and columns names that nobody should.
type odd struct {
	schema.NamingStrategy
	table, column string
}

func (o odd) TableName(name string) string {
	if name == "oddDocument" {
		return o.table
	}
	return o.NamingStrategy.TableName(name)
}

func (o odd) ColumnName(table, field string) string {
	if table == o.table && field == "Tenant" {
		return o.column
	}
	return o.NamingStrategy.ColumnName(table, field)
}

func (o odd) JoinTableName(name string) string { return name }

func TestEnable_with_names_of_any_kind(t *testing.T) {
	t.Parallel()
	for name, odd := range map[string]odd{
		"keywords":   {table: "select", column: "user"},
		"spaces":     {table: "my table", column: "my column"},
		"capitals":   {table: "MyTable", column: "TenantID"},
		"quotes":     {table: `we"ird`, column: `ten"ant`},
		"apostrophe": {table: "o'brien", column: "it's"},
		"semicolon": {
			table:  "x; DROP TABLE odd_labels; --",
			column: "y); DROP TABLE odd_labels; --",
		},
		"letters":      {table: "größe", column: "mieter_ö"},
		"other_schema": {table: "billing.documents", column: "tenant"},
		"placeholder":  {table: "t?", column: "c$1"},
		"backslash":    {table: `t\`, column: `c\'`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			config := func() *gorm.Config {
				return &gorm.Config{
					Logger:         logger.Discard,
					NamingStrategy: odd,
				}
			}
			owner, err := gorm.Open(postgres.New(postgres.Config{Conn: s.owner}), config())
			require.NoError(t, err)
			require.NoError(t, owner.Use(tenantplugin.New(tenantplugin.AllowRawSQL())))
			require.NoError(t, owner.Exec("CREATE SCHEMA billing").Error)
			list := []any{&oddLabel{}, &oddDocument{}}
			require.NoError(t, owner.AutoMigrate(list...))
			require.NoError(t, rls.Enable(owner, list...))
			statements, err := rls.Statements(owner, list...)
			require.NoError(t, err)
			for _, statement := range statements {
				_, err := s.owner.Exec(statement)
				require.NoError(t, err, statement)
			}
			for _, schema := range []string{"public", "billing"} {
				require.NoError(t, owner.Exec(fmt.Sprintf("GRANT USAGE ON SCHEMA %s TO %s; "+
					"GRANT ALL ON ALL TABLES IN SCHEMA %[1]s TO %[2]s; "+
					"GRANT USAGE ON ALL SEQUENCES IN SCHEMA %[1]s TO %[2]s", schema,
					s.app.User)).Error)
			}

			db, err := gorm.Open(rls.Open(dsn(s.app, "")), config())
			require.NoError(t, err)
			closeAfter(t, db)
			require.NoError(t, db.Use(tenantplugin.New(tenantplugin.AllowRawSQL())))
			require.NoError(t, rls.Check(db, list...))
			for _, tenant := range []string{"acme", "zeta"} {
				tx := db.WithContext(gormtenant.WithTenant(t.Context(), tenant))
				require.NoError(t, tx.Create(&oddDocument{Labels: []*oddLabel{{}}}).Error)
				for table, want := range map[string]int{
					pgx.Identifier{"owner"}.Sanitize(): 1,
					owner.Statement.Quote(odd.table):   1,
				} {
					var n int
					require.NoError(t, tx.Raw("SELECT count(*) FROM "+table).Scan(&n).Error)
					require.Equal(t, want, n, table)
					require.NoError(t, db.WithContext(t.Context()).Raw("SELECT count(*) FROM "+
						table).Scan(&n).Error)
					require.Zero(t, n, table)
				}
			}
			require.NoError(t, rls.Disable(owner, list...))
			var left int
			require.NoError(t, s.owner.QueryRow("SELECT count(*) FROM pg_policy "+
				"WHERE polname = 'gormtenant'").Scan(&left))
			require.Zero(t, left)
		})
	}
}

// What cannot be done for one table is done for none.
func TestEnable_does_all_or_nothing(t *testing.T) {
	t.Parallel()
	type Absent struct {
		ID uint
		models.TenantModel
	}
	db := migrated(t, &byVarchar{})
	require.ErrorContains(t, rls.Enable(db, &byVarchar{}, &Absent{}),
		"there is no table absents: migrate before")
	require.ErrorContains(t, rls.Enable(db, &Absent{}, &byVarchar{}),
		"there is no table absents: migrate before")
	var n int
	require.NoError(t, db.Raw("SELECT count(*) FROM pg_policy").Scan(&n).Error)
	require.Zero(t, n)
	require.NoError(t, db.Raw("SELECT count(*) FROM pg_class WHERE relrowsecurity").Scan(&n).Error)
	require.Zero(t, n)
}

// A timestamp without a zone is read in the one that the DSN names.
func TestOpen_takes_the_time_zone_of_the_DSN(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for name, dialector := range map[string]gorm.Dialector{
		"gorm": postgres.Open(dsn(s.app, "&TimeZone=Asia/Tokyo")),
		"rls":  rls.Open(dsn(s.app, "&TimeZone=Asia/Tokyo")),
	} {
		db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard})
		require.NoError(t, err)
		closeAfter(t, db)
		var at sql.NullTime
		require.NoError(t, db.Raw("SELECT timestamp '2024-02-29 12:00:00'").Scan(&at).Error)
		require.Equal(t, "2024-02-29T12:00:00+09:00", at.Time.Format("2006-01-02T15:04:05Z07:00"),
			name)
	}
}
