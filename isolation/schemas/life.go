package schemas

import (
	"errors"
	"slices"

	"github.com/gormtenant/gormtenant/isolation/migrations"
)

// life is what the options of [New] alone say.
type life struct {
	login string // "" for none
	list  []migrations.Migration
}

// Login names the role that the application logs in as, if that is not the one of the *gorm.DB that is given
// to [New]: the owner of the schemas. [Schemas.Create] gives it what it needs: the right to read and write
// the tables, but not to change or drop them; with [Roles], the membership in the tenant's role, which has
// that right, without inheriting it. Defaults to none: then nothing is granted.
//
// The tables of [Shared] are granted by the application, to all roles of the tenants at once:
//
//	GRANT USAGE ON SCHEMA shared TO PUBLIC;
//	GRANT SELECT ON ALL TABLES IN SCHEMA shared TO PUBLIC;
func Login(role string) Option {
	return option(func(c *config) error {
		if role == "" {
			return errors.New("gormtenant: schemas.Login needs the name of a role")
		}
		c.life.login = role
		return nil
	})
}

// Migrations are what is done in each schema: by [Schemas.Create] in a new one, and by [Schemas.MigrateAll]
// in all of them when the list has grown. Package migrations tells more.
//
//	schemas.Migrations(
//		migrations.Models("0001", &Project{}, &Task{}),
//		migrations.Migration{Version: "0002", Up: func(ctx context.Context, db *gorm.DB) error {
//			return rls.Enable(db, &Project{}, &Task{})
//		}},
//	)
//
// Where a migration enables policies, as that one does, the connector needs [Setting]. Migrations run on
// a path of the schema and that of [Shared]. A model whose TableName names a schema, as in "shared.countries", is
// there for all tenants; what others refer to is found by its name alone.
func Migrations(list ...migrations.Migration) Option {
	return option(func(c *config) error {
		c.life.list = append(slices.Clip(c.life.list), list...)
		return migrations.Check(c.life.list)
	})
}
