package rls_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/example/saas"
)

// What a tenant's SQL leaves on a connection reaches nobody, by whichever of GORM's ways it came.
func TestSQL_of_a_tenant_leaves_nothing(t *testing.T) {
	t.Parallel()
	s, _ := deployment(t)
	s.mayLeave(t)
	db := opened(t, dsn(s.app, ""))
	pool, err := db.DB()
	require.NoError(t, err)
	pool.SetMaxOpenConns(1)
	acme := db.WithContext(gormtenant.WithTenant(t.Context(), "acme"))
	zeta := db.WithContext(gormtenant.WithTenant(t.Context(), "zeta"))
	const become = "set_config('app.tenant_id', 'zeta', false)"
	for _, attack := range []struct {
		name string
		send func(tx *gorm.DB) error
	}{
		{"exec", func(tx *gorm.DB) error {
			return tx.Exec("CREATE TEMP TABLE tags (LIKE tags)").Error
		}},
		{"exec_of_several", func(tx *gorm.DB) error {
			return tx.Exec("DEALLOCATE ALL; PREPARE gormtenant_settings(text) AS SELECT " + become).
				Error
		}},
		{"raw", func(tx *gorm.DB) error {
			var found string
			return tx.Raw("SELECT " + become).Scan(&found).Error
		}},
		{"rows", func(tx *gorm.DB) error {
			rows, err := tx.Raw("SELECT " + become).Rows()
			if err == nil {
				err = rows.Close()
			}
			return err
		}},
		{"condition", func(tx *gorm.DB) error {
			return tx.Where(become + " = 'zeta'").Find(&[]saas.Tag{}).Error
		}},
		{"select", func(tx *gorm.DB) error {
			return tx.Model(&saas.Tag{}).Select(become).Scan(&[]string{}).Error
		}},
		{"order", func(tx *gorm.DB) error { return tx.Order(become).Find(&[]saas.Tag{}).Error }},
		{"transaction", func(tx *gorm.DB) error {
			return tx.Transaction(func(tx *gorm.DB) error { return tx.Exec("SET ROLE none").Error })
		}},
	} {
		backend := func(tx *gorm.DB) (pid int) {
			require.NoError(t, tx.Raw("SELECT pg_backend_pid()").Scan(&pid).Error)
			return pid
		}
		before := backend(zeta)
		require.NoError(t, attack.send(zeta), attack.name)
		require.NotEqual(t, before, backend(acme), attack.name)
		require.Equal(t, []string{"acme"}, labels(t, acme), attack.name)
		require.NoError(t, acme.Create(&saas.Tag{Label: attack.name}).Error)
		require.NoError(t, acme.Where("label = ?", attack.name).Delete(&saas.Tag{}).Error)
	}
}
