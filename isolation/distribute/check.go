package distribute

import (
	"errors"
	"fmt"

	"gorm.io/gorm"
)

// Check returns every rule that the models break, or their tables, joined, each with what mends it:
// the tag to write, or the statement to run. It is nil where the tables are as [Apply] leaves them.
// It changes nothing. With a *gorm.DB whose DryRun is set it looks at the models alone, and needs
// no server.
func Check(db *gorm.DB, to Target, models ...any) error {
	p, err := newPlan(db, to, models)
	if err != nil {
		return err
	}
	if db.DryRun {
		return errors.Join(p.rules()...)
	}
	if err := p.read(db.Statement.Context); err != nil {
		return err
	}
	found := p.rules()
	refused, err := p.refusals()
	if err != nil {
		return fmt.Errorf("gormtenant: reading the tables: %w", err)
	}
	found = append(found, refused...)
	for _, t := range p.left() {
		if t.stored != nil && t.stored.Kind == kindTable {
			found = append(found, finding("%s is not %s: distribute.Apply", t.name, p.spread()))
		}
	}
	for _, t := range p.sharedLeft() {
		if t.stored != nil {
			found = append(found, finding("%s is no reference table: distribute.Apply", t.name))
		}
	}
	more, err := p.leftBehind()
	return errors.Join(append(append(found, more...), err)...)
}

func (p *plan) spread() string {
	if p.to.citus {
		return "distributed"
	}
	return "partitioned"
}

// leftBehind looks at what an Apply that was killed left, and at keys that do not hold the tenant.
func (p *plan) leftBehind() (found []error, err error) {
	list, err := p.waiting()
	for _, w := range list {
		found = append(found, finding("the foreign key %s of %s is away since an Apply that did "+
			"not end: distribute.Apply", w.Name, w.TableName))
	}
	if err != nil || !p.to.citus || !p.server.Citus {
		return found, err
	}
	var mode string
	if err := p.db.Raw("SHOW plan_cache_mode").Row().Scan(&mode); err != nil {
		return found, err
	}
	if mode == "force_generic_plan" {
		found = append(found, finding("plan_cache_mode is force_generic_plan, with which Citus "+
			"cannot plan statements with arguments: ALTER DATABASE ... SET plan_cache_mode = auto"))
	}
	return found, nil
}
