package isolation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/meter"
	"github.com/gormtenant/gormtenant/isolation/schemas"
	"github.com/gormtenant/gormtenant/tenants"
)

// Directory is the directory of tenants itself, no cache of it: package tenants/store has one.
type Directory interface {
	tenants.Directory
	// Place changes where a tenant is, by edit, while nobody else can, and returns what is stored then.
	Place(ctx context.Context, id string, edit func(t *tenants.Tenant) error) (*tenants.Tenant, error)
}

// Mover moves tenants from one level of isolation to another. It works as the owner of everything: it
// belongs into the operator's tool rather than into the application. It is safe for concurrent use, by
// several processes too.
type Mover struct {
	directory Directory
	models    []any
	homes     map[tenants.Level]home
	caches    []*tenants.Cache
	progress  io.Writer
}

// MoverOption tells a [Mover] of a level, or changes what it does.
type MoverOption interface {
	apply(m *Mover) error
}

type moverOption func(m *Mover) error

func (o moverOption) apply(m *Mover) error { return o(m) }

// SharedTables is the level of rows. db is opened as the owner of the tables, with a plain dialector: neither
// with rls.Open nor through a pooler in transaction mode.
func SharedTables(db *gorm.DB) MoverOption {
	return moverOption(func(m *Mover) error {
		if db == nil || db.Config == nil {
			return errors.New("gormtenant: isolation.SharedTables needs a *gorm.DB of the tables' owner")
		}
		m.homes[tenants.Rows] = rowsHome{db}
		return nil
	})
}

// OwnSchemas is the level of schemas, which are in the database of the shared tables.
func OwnSchemas(s *schemas.Provisioner) MoverOption {
	return moverOption(func(m *Mover) error {
		if s == nil {
			return errors.New("gormtenant: isolation.OwnSchemas needs schemas, as schemas.NewProvisioner returns them")
		}
		m.homes[tenants.Schema] = schemaHome{s}
		return nil
	})
}

// Provisioner makes and opens what tenants have of their own: *provision.Postgres, *provision.Files.
type Provisioner interface {
	// Provision makes the database of the tenant's placement, complete and empty. It may be repeated.
	Provision(ctx context.Context, t *tenants.Tenant) error
	// Open opens it as its owner. The caller closes it.
	Open(ctx context.Context, t *tenants.Tenant) (*gorm.DB, error)
	// Deprovision deletes it, if confirmation is DELETE_DATABASE_ and its name. It may be repeated.
	Deprovision(ctx context.Context, t *tenants.Tenant, confirmation string) error
}

// OwnDatabases is the level of databases.
func OwnDatabases(provisioner Provisioner) MoverOption {
	return moverOption(func(m *Mover) error {
		if provisioner == nil {
			return errors.New("gormtenant: isolation.OwnDatabases needs a provisioner, as provision.NewPostgres returns it")
		}
		m.homes[tenants.Database] = databaseHome{provisioner}
		return nil
	})
}

// Forget makes a cache of this process forget a tenant that has moved. Those of other processes hear of it
// from the directory, or when their TTL is over; until then writes to the old place fail with an error that
// [IsMoving] knows.
func Forget(cache *tenants.Cache) MoverOption {
	return moverOption(func(m *Mover) error {
		if cache == nil {
			return errors.New("gormtenant: isolation.Forget needs a cache, as tenants.Cached returns it")
		}
		m.caches = append(m.caches, cache)
		return nil
	})
}

// Progress is where to write how far a move is: a bar if w is a terminal, and else a line every ten seconds.
// nil and io.Discard are silent. Defaults to os.Stderr if that is a terminal, and to silence if it is not.
func Progress(w io.Writer) MoverOption {
	return moverOption(func(m *Mover) error {
		m.progress = w
		return nil
	})
}

// NewMover returns a mover of tenants that have rows of these models, those that are related to them, and
// their join tables. Models without a tenant field are shared: each database has to have its own of them.
// It needs the levels that tenants are moved between:
//
//	mover, err := isolation.NewMover(directory, []any{&Project{}, &Task{}},
//		isolation.SharedTables(owner), isolation.OwnSchemas(schemas), isolation.OwnDatabases(provisioner))
func NewMover(directory Directory, models []any, options ...MoverOption) (*Mover, error) {
	switch {
	case directory == nil:
		return nil, errors.New("gormtenant: isolation.NewMover needs the directory itself, such as a store.Store")
	case len(models) == 0:
		return nil, errors.New("gormtenant: isolation.NewMover needs the models whose rows are moved")
	}
	m := &Mover{directory: directory, models: models, homes: map[tenants.Level]home{}}
	if meter.IsTerminal(os.Stderr) {
		m.progress = os.Stderr
	}
	for _, o := range options {
		if o == nil {
			return nil, errors.New("gormtenant: isolation.NewMover: an option is nil")
		}
		if err := o.apply(m); err != nil {
			return nil, err
		}
	}
	if len(m.homes) < 2 {
		return nil, errors.New("gormtenant: isolation.NewMover needs two levels at least, such as SharedTables and OwnDatabases")
	}
	return m, nil
}

// home returns the level of a placement.
func (m *Mover) home(at tenants.Placement) (home, error) {
	if err := at.Validate(); err != nil {
		return nil, err
	}
	h, ok := m.homes[at.Normal().Level]
	if !ok {
		return nil, fmt.Errorf("%w: give NewMover the level %q", ErrNoLevel, at.Normal().Level)
	}
	return h, nil
}
