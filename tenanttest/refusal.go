package tenanttest

import (
	"regexp"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
)

// probeRefusals finds out which statements the application itself refuses on rows of its own
// tenant: by hooks, by triggers, by foreign keys. Where an attack is refused in the same words, it
// says nothing against the plugin. What became of the rows is looked at all the same.
func (k *kit) probeRefusals() error {
	for _, m := range k.models {
		if m.tenant == nil {
			continue
		}
		if err := k.txs.undo(func() { m.rekeys = k.givesKeys(m) }); err != nil {
			return err
		}
		m.refusals = map[string]bool{}
		for _, statement := range k.ordinary(m) {
			err := k.txs.undo(func() {
				_, _ = attack{run: func(db *gorm.DB) outcome {
					err := statement(db.Omit(clause.Associations)).Error
					if err != nil && !refused(err) {
						m.refusals[wording(err)] = true
					}
					return outcome{}
				}}.try(k.as(k.ours))
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// givesKeys reports whether a hook of m gives a new row another key than it has.
func (k *kit) givesKeys(m *model) bool {
	theirs := m.rows[k.theirs.index][0]
	row := k.withKey(m, theirs)
	dry := k.as(k.ours).Session(&gorm.Session{DryRun: true}).Omit(clause.Associations)
	return dry.Create(row.Interface()).Error == nil && k.fields(m, row) != k.fields(m, theirs)
}

// otherTenant is what must come of a new row with the key of another tenant's row: where a hook
// gives it another key, it is a row like others, and nil is returned.
func (m *model) otherTenant() error {
	if m.rekeys {
		return nil
	}
	return gormtenant.ErrOtherTenant
}

// ordinary are changes of a row by its own tenant.
func (k *kit) ordinary(m *model) []func(db *gorm.DB) *gorm.DB {
	row := func() any { return k.copied(m, m.rows[k.ours.index][0]).Interface() }
	statements := []func(db *gorm.DB) *gorm.DB{
		func(db *gorm.DB) *gorm.DB { return db.Save(row()) },
		func(db *gorm.DB) *gorm.DB { return db.Delete(row()) },
		func(db *gorm.DB) *gorm.DB { return db.Unscoped().Delete(row()) },
		func(db *gorm.DB) *gorm.DB { return db.Where("1 = 1").Delete(m.new()) },
	}
	if field := m.column(); field != nil {
		value := k.newValue(m, field)
		statements = append(statements,
			func(db *gorm.DB) *gorm.DB { return db.Model(row()).Update(field.DBName, value) },
			func(db *gorm.DB) *gorm.DB {
				return db.Model(m.new()).Where("1 = 1").Update(field.DBName, value)
			})
	}
	return statements
}

// refuses reports whether the application itself refuses statements with an error.
func (m *model) refuses(err error) bool { return err != nil && m.refusals[wording(err)] }

var digits = regexp.MustCompile(`\d+`)

// wording is the text of an error without the numbers in it, which can be those of rows.
func wording(err error) string { return digits.ReplaceAllString(err.Error(), "0") }
