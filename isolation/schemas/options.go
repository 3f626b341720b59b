package schemas

import (
	"errors"
	"fmt"

	"github.com/gormtenant/gormtenant/internal/pgsession"
	"github.com/gormtenant/gormtenant/internal/place"
)

// DefaultShared is the schema of the tables that all tenants share.
const DefaultShared = "shared"

// Option changes what [Open], [NewConnector] and [New] do.
type Option interface {
	apply(c *config) error
}

type option func(c *config) error

func (o option) apply(c *config) error { return o(c) }

// config is what the options say.
type config struct {
	shared string
	roles  bool
	names  func(id string) (string, error) // nil for place.Name
	zones  bool
	// setting is the run-time parameter that holds the tenant, "" for none.
	setting string
	life    life // for New
}

// Shared names the schema of the tables that all tenants share: it comes behind the tenant's own in the path. It
// need not exist. The default is "shared"; "public" can be given.
func Shared(name string) Option {
	return option(func(c *config) error {
		if name != "public" {
			if err := check(name); err != nil {
				return fmt.Errorf("gormtenant: schemas.Shared: %w", err)
			}
		}
		c.shared = name
		return nil
	})
}

// Roles says that each schema belongs to a role of its own, which has the schema's name. Statements run as it,
// so that the server refuses what names another tenant's schema. The role that logs in has to be a member of
// all of them, and must not inherit their rights: see the package documentation.
func Roles() Option {
	return option(func(c *config) error {
		c.roles = true
		return nil
	})
}

// Names says what the schema of a tenant is called, whose ID is given as text. names has to give the same
// answer for an ID every time, and no two IDs the same: what would be one tenant's, both would see. It is
// called for each statement, by several goroutines at once. Its error fails the statement, and so does a name
// that no tenant's schema can have: one of over 63 bytes, a name of the server's own, that of Shared.
//
// The default is "tenant_" and the ID, where that is lower-case letters, digits, _ and - and not too long, and
// else as much of it as can be read and a digest.
func Names(names func(id string) (string, error)) Option {
	return option(func(c *config) error {
		if names == nil {
			return errors.New("gormtenant: schemas.Names needs a function")
		}
		c.names = names
		return nil
	})
}

// Setting makes each statement bring the tenant's ID too, in the run-time parameter of that name, for policies
// inside the schemas: rls.DefaultSetting, or what was given to rls.Setting. A migration enables them, in the
// same transaction that makes the schema: see [Migrations]. The default is none.
//
//	schemas.NewConnector(config, schemas.Roles(), schemas.Setting(rls.DefaultSetting))
func Setting(name string) Option {
	return option(func(c *config) error {
		if !pgsession.IsCustom(name) {
			return fmt.Errorf("gormtenant: schemas.Setting(%q): the name needs two parts of letters, digits and _, as in \"app.tenant_id\"", name)
		}
		c.setting = name
		return nil
	})
}

// inZones makes connections read values of the type timestamp as times in the zone that their
// configuration names as TimeZone, as those of postgres.Open do.
var inZones = option(func(c *config) error {
	c.zones = true
	return nil
})

func configure(options []Option) (config, error) {
	c := config{shared: DefaultShared}
	for _, o := range options {
		if err := o.apply(&c); err != nil {
			return c, err
		}
	}
	return c, nil
}

// check says why name cannot be that of a schema in a path, or of the role with its name.
func check(name string) error {
	switch name {
	case "$user": // in a path, even in quotes
		return errors.New(`the name "$user" means the current role to the server`)
	case "none":
		return errors.New(`the name "none" means no role to the server`)
	}
	return place.CheckName(name)
}
