package schemas

import (
	"fmt"

	"github.com/gormtenant/gormtenant/internal/option"
	"github.com/gormtenant/gormtenant/internal/pgsession"
)

// ConnectorOption changes what [Open] and [NewConnector] return: [Shared], [Roles],
// [Application], [Names], [Setting].
type ConnectorOption interface {
	applyConnector(c *connectorConfig) error
}

type connectorOption func(c *connectorConfig) error

func (o connectorOption) applyConnector(c *connectorConfig) error { return o(c) }

// connectorConfig is what the options of a connector set.
type connectorConfig struct {
	config
	zones   bool
	setting string // the run-time parameter that holds the tenant, "" for none
}

// Setting makes each statement bring the tenant's ID too, in the run-time parameter of that name,
// for policies inside the schemas: rls.DefaultSetting, or what was given to rls.Setting. A
// migration enables them, in the transaction that makes the schema: see [Migrations]. Defaults to
// none.
//
//	schemas.NewConnector(config, schemas.Roles(), schemas.Setting(rls.DefaultSetting))
func Setting(name string) ConnectorOption {
	return connectorOption(func(c *connectorConfig) error {
		if !pgsession.IsCustom(name) {
			return fmt.Errorf("gormtenant: schemas.Setting(%q): "+
				"the name needs two parts of letters, digits and _, as in \"app.tenant_id\"", name)
		}
		c.setting = name
		return nil
	})
}

// inZones makes connections read values of the type timestamp as times in the zone that their
// configuration names as TimeZone, as those of postgres.Open do.
var inZones = connectorOption(func(c *connectorConfig) error {
	c.zones = true
	return nil
})

func configureConnector(options []ConnectorOption) (connectorConfig, error) {
	c := connectorConfig{config: config{shared: defaultShared}}
	err := option.Apply("schemas.NewConnector", options, func(o ConnectorOption) error {
		return o.applyConnector(&c)
	})
	return c, err
}
