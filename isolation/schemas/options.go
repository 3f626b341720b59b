package schemas

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/gormtenant/gormtenant/internal/option"
	"github.com/gormtenant/gormtenant/internal/tenantname"
)

// Option says what connector and provisioner of one database have to agree on. Give both the same.
type Option interface {
	ConnectorOption
	ProvisionerOption
	apply(c *config) error
}

type sharedOption func(c *config) error

func (o sharedOption) apply(c *config) error                       { return o(c) }
func (o sharedOption) applyConnector(c *connectorConfig) error     { return o(&c.config) }
func (o sharedOption) applyProvisioner(c *provisionerConfig) error { return o(&c.config) }

// config is what both halves know of the schemas.
type config struct {
	shared string
	roles  bool
	names  func(id string) (string, error) // nil for tenantname.Name
	// application begins the names of roles, "" for those of the schemas.
	application string
}

// defaultShared is the schema of the tables that all tenants share.
const defaultShared = "shared"

// Shared names the schema of the tables that all tenants share. It comes behind the tenant's own in
// the path, and need not exist. Defaults to "shared"; "public" can be given.
func Shared(name string) Option {
	return sharedOption(func(c *config) error {
		if name != "public" {
			if err := check(name); err != nil {
				return fmt.Errorf("gormtenant: schemas.Shared: %w", err)
			}
		}
		c.shared = name
		return nil
	})
}

// Roles gives each schema a role of its own, which has the schema's name, or one that begins with
// that of the [Application]. Statements run as it, so
// that the server refuses the names of other tenants' schemas. The role that logs in has to be a
// member of all of them, and must not inherit their rights: see the package documentation.
func Roles() Option {
	return sharedOption(func(c *config) error {
		c.roles = true
		return nil
	})
}

// Application names the application, or its stage, in the names of the roles that [Roles] gives to
// schemas: "staging.tenant_acme" for Application("staging"). Roles belong to the server and not to
// one database, so of two databases on a server that have a tenant of one ID at least one needs it;
// without it the second [Provisioner.Provision] fails with [ErrNotOurs]. It must stay the same as
// long as there are schemas. Names that would be longer than 63 bytes are shortened, with a digest.
//
// name has up to 24 lower-case letters, digits and the characters _ and -. Defaults to "": a role
// has the name of its schema. Where it is given later, Provision and [Provisioner.Adopt] rename the
// role that the tenant has; until then the tenant's statements fail, as there is no such role. The
// same by hand is
//
//	ALTER ROLE "tenant_acme" RENAME TO "staging.tenant_acme";
func Application(name string) Option {
	return sharedOption(func(c *config) error {
		if !application.MatchString(name) {
			return fmt.Errorf("gormtenant: schemas.Application(%q): it needs 1 to 24 lower-case "+
				"letters, digits, _ and -", name)
		}
		c.application = name
		return nil
	})
}

var application = regexp.MustCompile(`^[a-z0-9_-]{1,24}$`)

// Names sets how the schema of a tenant is called, whose ID is given as text. names has to give the
// same answer for an ID every time, and a different one for each ID: two tenants of one name would
// share everything. It is called for each statement, by several goroutines at once. Its error fails
// the statement. So does a name that no tenant's schema can have: one of more than 63 bytes, a name
// of the server's own, that of [Shared].
//
// Defaults to "tenant_" and the ID if that is lower-case letters, digits, _ and - and not too long.
// Any other ID is shortened to what can be read of it, and a digest.
func Names(names func(id string) (string, error)) Option {
	return sharedOption(func(c *config) error {
		if names == nil {
			return errors.New("gormtenant: schemas.Names needs a function")
		}
		c.names = names
		return nil
	})
}

// Options is several options in one, to be given to connector and provisioner alike.
//
//	same := schemas.Options(schemas.Roles(), schemas.Shared("public"))
//	pool := sql.OpenDB(schemas.NewConnector(config, same))
//	provisioner, err := schemas.NewProvisioner(owner, same, schemas.Login("app"))
func Options(options ...Option) Option {
	return sharedOption(func(c *config) error {
		return option.Apply("schemas.Options", options, func(o Option) error { return o.apply(c) })
	})
}

// check returns why name cannot be that of a schema in a path, or of the role with its name.
func check(name string) error {
	switch name {
	case "$user": // in a path, even in quotes
		return errors.New(`the name "$user" means the current role to the server`)
	case "none":
		return errors.New(`the name "none" means no role to the server`)
	}
	return tenantname.CheckName(name)
}
