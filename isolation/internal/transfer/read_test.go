package transfer_test

import (
	"path/filepath"
	"testing"

	"github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
	"github.com/gormtenant/gormtenant/models"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

type (
	Shelf struct {
		ID uint
		models.TenantModel
		Volumes []Volume
	}
	Volume struct {
		ID uint
		models.TenantModel
		ShelfID uint
	}
	Billed struct {
		ID uint
		models.TenantModel
	}
)

func (Billed) TableName() string { return "billing.bills" }

func TestRead_finds_tables_under_further_names(t *testing.T) {
	t.Parallel()
	db := open(t, sqlite.Open(filepath.Join(t.TempDir(), "test.db")))
	require.NoError(t, db.Use(tenantplugin.New(tenantplugin.Models(&Shelf{}))))
	require.NoError(t, db.AutoMigrate(&Shelf{}, &Volume{}))
	require.NoError(t, db.Table("volumes_2024").AutoMigrate(&Volume{}))
	for _, given := range [][]any{nil, {&Shelf{}}} {
		p, err := transfer.Read(db, "acme", given...)
		require.NoError(t, err)
		require.Equal(t, []string{"shelves", "volumes", "volumes_2024"}, p.Tables())
	}
	_, err := transfer.Read(db, "acme", &Billed{})
	require.ErrorIs(t, err, gormtenant.ErrInvalidModel)
	require.ErrorContains(t, err, "billing.bills is named with its schema")
}
