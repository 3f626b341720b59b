package snippet

import (
	"database/sql"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/isolation"
	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/jackc/pgx/v5"
)

var (
	cache       *tenants.Cache
	config      *pgx.ConnConfig
	owner       *gorm.DB // opened as the owner of the tables
	shared, own *sql.DB
	pools       *databases.Pools
	mover       *isolation.Mover
)
