package isolation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/option"
	"github.com/gormtenant/gormtenant/internal/progress"
	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/isolation/schemas"
	"github.com/gormtenant/gormtenant/tenants"
)

// Directory is the directory of tenants itself, such as a store.Store, not a cache of it.
type Directory interface {
	tenants.Directory
	// Place changes where a tenant is: it calls edit while nobody else can change that, and returns
	// the tenant as stored.
	Place(ctx context.Context, id string, edit func(t *tenants.Tenant) error) (*tenants.Tenant,
		error)
}

// Mover moves tenants from one level of isolation to another. It needs the rights of the owner of
// everything, so it belongs in an operator's tool rather than in the application. It is safe for
// concurrent use, also by several processes.
type Mover struct {
	directory Directory
	models    []any
	levels    map[tenants.Level]level
	caches    []*tenants.Cache
	progress  io.Writer
	fence     time.Duration

	sharedMigrations []migrations.Migration
}

// MoverOption gives a [Mover] a level, or changes what it does.
type MoverOption interface {
	apply(m *Mover) error
}

type moverOption func(m *Mover) error

func (o moverOption) apply(m *Mover) error { return o(m) }

// SharedTables is the level of rows. db is opened as the owner of the tables, with a plain
// dialector: neither with rls.Open nor through a pooler in transaction mode.
func SharedTables(db *gorm.DB) MoverOption {
	return moverOption(func(m *Mover) error {
		if db == nil || db.Config == nil {
			return errors.New("gormtenant: isolation.SharedTables needs a *gorm.DB of the " +
				"tables' owner")
		}
		m.levels[tenants.Rows] = rowsLevel{db}
		return nil
	})
}

// OwnSchemas is the level of schemas, which are in the database of the shared tables.
func OwnSchemas(s *schemas.Provisioner) MoverOption {
	return moverOption(func(m *Mover) error {
		if s == nil {
			return errors.New("gormtenant: isolation.OwnSchemas needs schemas, " +
				"as schemas.NewProvisioner returns them")
		}
		m.levels[tenants.Schema] = schemaLevel{s}
		return nil
	})
}

// Provisioner creates and opens the databases of tenants: a *provision.Postgres or
// *provision.Files.
type Provisioner interface {
	// Provision creates the database of the tenant's placement, migrated and empty. It may be
	// repeated.
	Provision(ctx context.Context, t *tenants.Tenant) error
	// Open opens it as its owner. The caller closes it.
	Open(ctx context.Context, t *tenants.Tenant) (*gorm.DB, error)
	// Deprovision deletes it if confirmation is DELETE_DATABASE_ and its name. It may be repeated.
	Deprovision(ctx context.Context, t *tenants.Tenant, confirmation string) error
}

// OwnDatabases is the level of databases.
func OwnDatabases(provisioner Provisioner) MoverOption {
	return moverOption(func(m *Mover) error {
		if provisioner == nil {
			return errors.New("gormtenant: isolation.OwnDatabases needs a provisioner, " +
				"as provision.NewPostgres returns it")
		}
		m.levels[tenants.Database] = databaseLevel{provisioner}
		return nil
	})
}

// Forget drops a tenant that has moved from a cache of this process. The caches of other processes
// hear of it from the directory, or when their TTL ends; until then writes at the old place fail
// with an error for which [IsMoving] returns true.
func Forget(cache *tenants.Cache) MoverOption {
	return moverOption(func(m *Mover) error {
		if cache == nil {
			return errors.New("gormtenant: isolation.Forget needs a cache, " +
				"as tenants.Cached returns it")
		}
		m.caches = append(m.caches, cache)
		return nil
	})
}

// Progress sets where the progress of a move is written: as a bar if w is a terminal, else as a
// line every ten seconds. nil and io.Discard are silent. Defaults to os.Stderr if that is a
// terminal, else to silence.
func Progress(w io.Writer) MoverOption {
	return moverOption(func(m *Mover) error {
		m.progress = w
		return nil
	})
}

// Fence sets how long writes of a tenant to the shared tables that it has left stay closed after
// [Mover.Remove] has deleted its rows there: a process that has not heard of the move by then gets
// the error for which [IsMoving] returns true, rather than write where nobody looks. It must not be
// negative; 0 is no fence. Defaults to 24 hours. It has to be longer than the caches of the
// directory live, with their Grace. Meanwhile the tables keep the tenant's triggers, which each
// written row is compared with; the next Remove after that time drops them. A tenant that comes
// back is let in. Schemas and databases need no fence: where they were is nothing to write to.
func Fence(d time.Duration) MoverOption {
	return moverOption(func(m *Mover) error {
		if d < 0 {
			return fmt.Errorf("gormtenant: isolation.Fence(%v): it must not be negative", d)
		}
		m.fence = d
		return nil
	})
}

// defaultFence is longer than any sensible cache remembers.
const defaultFence = 24 * time.Hour

// NewMover returns a mover of the rows of these models, of the models related to them, and of their
// join tables. Rows of models without a tenant field move with the rows that they refer to by a
// relation of the models or a foreign key of the database, such as the lines of an order; the rest
// of them is shared, and each database has its own. Rows of other tables that refer to rows that
// move, also of models that are declared shared, make Move fail. NewMover needs the levels that
// tenants are moved between:
//
//	mover, err := isolation.NewMover(directory, []any{&Project{}, &Task{}},
//		isolation.SharedTables(owner), isolation.OwnSchemas(schemas),
//		isolation.OwnDatabases(provisioner))
func NewMover(directory Directory, models []any, options ...MoverOption) (*Mover, error) {
	if directory == nil {
		return nil, errors.New("gormtenant: isolation.NewMover needs the directory itself, " +
			"such as a store.Store")
	}
	m, err := newMover(directory, models)
	if err != nil {
		return nil, err
	}
	err = option.Apply("isolation.NewMover", options,
		func(o MoverOption) error { return o.apply(m) })
	if err != nil {
		return nil, err
	}
	if len(m.levels) < 2 {
		return nil, errors.New("gormtenant: isolation.NewMover needs two levels at least, " +
			"such as SharedTables and OwnDatabases")
	}
	return m, nil
}

func newMover(directory Directory, models []any) (*Mover, error) {
	if len(models) == 0 {
		return nil, errors.New("gormtenant: isolation.NewMover needs the models whose rows are " +
			"moved")
	}
	m := &Mover{
		directory: directory, models: models, levels: map[tenants.Level]level{},
		fence: defaultFence,
	}
	if progress.IsTerminal(os.Stderr) {
		m.progress = os.Stderr
	}
	return m, nil
}

// level returns the level of a placement.
func (m *Mover) level(at tenants.Placement) (level, error) {
	if err := at.Validate(); err != nil {
		return nil, err
	}
	l, ok := m.levels[at.Normal().Level]
	if !ok {
		return nil, fmt.Errorf("%w: give NewMover the level %q", ErrNoLevel, at.Normal().Level)
	}
	return l, nil
}
