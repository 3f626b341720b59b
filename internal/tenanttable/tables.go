package tenanttable

import (
	"fmt"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/gormtenant/gormtenant"
)

// Tables is what is known for one gorm.Config. It is safe for concurrent use, and reading it takes
// no lock.
type Tables struct {
	db      *gorm.DB
	field   func(*schema.Schema) (*schema.Field, error)
	folding folding
	view    atomic.Pointer[View]

	mutex   sync.Mutex // held while something is learned
	records []*record
	byModel map[*schema.Schema]*record
	aliases []alias
	learned []*record // since the last View
	stale   bool      // whether something else has changed since
}

// alias is a further name of a model's table.
type alias struct {
	schema, name string
	record       *record
	isTable      bool
}

// New returns what is known of db, and keeps it there for [Of]: at first, the models that GORM has
// parsed for it so far, which were migrated before the plugin was there. field returns the tenant
// field of a model, nil if it has none, as models.Field does.
func New(db *gorm.DB, field func(*schema.Schema) (*schema.Field, error)) *Tables {
	t := empty(db, field)
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.learnParsed(func(string) bool { return true })
	t.publish()
	if db.Plugins != nil {
		db.Plugins[keptName] = kept{t}
	}
	return t
}

func empty(db *gorm.DB, field func(*schema.Schema) (*schema.Field, error)) *Tables {
	t := &Tables{
		db: db, field: field, folding: foldingOf(db), byModel: map[*schema.Schema]*record{},
	}
	t.publish()
	return t
}

// View returns what is known now.
func (t *Tables) View() *View { return t.view.Load() }

// Declare makes models known, given as pointers to structs. The error is an ErrInvalidModel.
func (t *Tables) Declare(models ...any) error {
	return t.declare(models, func(*record) error { return nil })
}

// Share declares that models belong to nobody. A tenant model is refused with an ErrInvalidModel,
// and so is a struct without a tenant field over a tenant model's table.
func (t *Tables) Share(models ...any) error {
	return t.declare(models, func(r *record) error {
		if r.field != nil {
			return fmt.Errorf("%w: %s is declared shared but has a tenant field, %s: take the "+
				"declaration away, or tag the field `gorm:\"tenant:-\"`",
				gormtenant.ErrInvalidModel, r.model.Name, r.field.Name)
		}
		r.shared, t.stale = true, true
		t.publish()
		if b := t.View().models[r.model]; b.table != nil {
			r.shared, t.stale = false, true
			return fmt.Errorf("%w: %s is declared shared but its table %s belongs to tenants",
				gormtenant.ErrInvalidModel, r.model.Name, r.model.Table)
		}
		return nil
	})
}

// Name declares a further name of a model's table: "tags_2024", "archive.tags".
func (t *Tables) Name(tableName string, model any) error {
	schemaName, bare := Split(tableName)
	if bare == "" {
		return fmt.Errorf("%w: a further table of a %T needs a name",
			gormtenant.ErrInvalidModel, model)
	}
	return t.declare([]any{model}, func(r *record) error {
		t.addAlias(schemaName, bare, r, true)
		return nil
	})
}

func (t *Tables) declare(models []any, then func(*record) error) error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	defer t.publish()
	t.refreshJoins()
	for _, model := range models {
		parsed, err := t.parse(model)
		if err != nil {
			return err
		}
		r := t.learn(parsed, true)
		if r.err != nil {
			return r.err
		}
		if err := then(r); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tables) parse(model any) (*schema.Schema, error) {
	stmt := &gorm.Statement{DB: t.db}
	if err := stmt.Parse(model); err != nil {
		return nil, fmt.Errorf("%w: a %T, which is no model: give pointers to structs, "+
			"as in tenantplugin.Models(&Project{}): %w",
			gormtenant.ErrInvalidModel, model, err)
	}
	return stmt.Schema, nil
}
