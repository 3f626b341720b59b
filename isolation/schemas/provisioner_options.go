package schemas

import (
	"errors"
	"slices"

	"github.com/gormtenant/gormtenant/internal/option"
	"github.com/gormtenant/gormtenant/isolation/migrations"
)

// ProvisionerOption changes what [NewProvisioner] returns: [Shared], [Roles],
// [Application], [Names], [Login], [Migrations].
type ProvisionerOption interface {
	applyProvisioner(c *provisionerConfig) error
}

type provisionerOption func(c *provisionerConfig) error

func (o provisionerOption) applyProvisioner(c *provisionerConfig) error { return o(c) }

// provisionerConfig is what the options of a provisioner set.
type provisionerConfig struct {
	config
	login      string // "" for none
	migrations []migrations.Migration
}

func configureProvisioner(options []ProvisionerOption) (provisionerConfig, error) {
	c := provisionerConfig{config: config{shared: defaultShared}}
	err := option.Apply("schemas.NewProvisioner", options, func(o ProvisionerOption) error {
		return o.applyProvisioner(&c)
	})
	if err == nil && c.roles && c.login == "" {
		err = errors.New(
			"gormtenant: schemas.NewProvisioner with Roles needs Login, the role that the " +
				"application logs in as: it has to become a member of the tenants' roles")
	}
	return c, err
}

// Login names the role that the application logs in as, if it is not the owner of the schemas,
// whose *gorm.DB is given to [NewProvisioner]. [Provisioner.Provision] grants it what it needs: the
// right to read and write the tables, but not to change or drop them. With [Roles] the tenant's
// role has that right, and Login becomes a member of it without inheriting. Defaults to none: then
// nothing is granted.
//
// The tables of [Shared] are granted by the application, to the roles of all tenants at once:
//
//	GRANT USAGE ON SCHEMA shared TO PUBLIC;
//	GRANT SELECT ON ALL TABLES IN SCHEMA shared TO PUBLIC;
func Login(role string) ProvisionerOption {
	return provisionerOption(func(c *provisionerConfig) error {
		if role == "" {
			return errors.New("gormtenant: schemas.Login needs the name of a role")
		}
		c.login = role
		return nil
	})
}

// Migrations set up each schema: [Provisioner.Provision] applies them in a new one, and
// [Provisioner.MigrateAll] in all of them when the list has grown. See package migrations.
//
//	schemas.Migrations(
//		migrations.Models("0001", &Project{}, &Task{}),
//		migrations.Migration{Version: "0002", Up: func(ctx context.Context, db *gorm.DB) error {
//			return rls.Enable(db, &Project{}, &Task{})
//		}},
//	)
//
// If a migration enables policies, as this one does, the connector needs [Setting]. Migrations run
// with the tenant's schema and that of [Shared] on the path. A model whose TableName names a
// schema, as in "shared.countries", is there for all tenants. Tables that others refer to are found
// by their name alone.
func Migrations(list ...migrations.Migration) ProvisionerOption {
	return provisionerOption(func(c *provisionerConfig) error {
		c.migrations = append(slices.Clip(c.migrations), list...)
		return migrations.Check(c.migrations)
	})
}
