package callbacks_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant"
	. "github.com/gormtenant/gormtenant/internal/testing/dbtest"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
)

// wrapped is a clause.Builder of another plugin, which passes on what it is given.
type wrapped struct{ *gorm.Statement }

// wrapping is a clause builder of another plugin, one that writes through a wrapped.
func wrapping(next clause.ClauseBuilder) clause.ClauseBuilder {
	return func(c clause.Clause, b clause.Builder) {
		stmt, ok := b.(*gorm.Statement)
		switch {
		case ok && next != nil:
			next(c, wrapped{stmt})
		case ok:
			c.Build(wrapped{stmt})
		default:
			c.Build(b)
		}
	}
}

// TestBuilders_that_wrap_the_statement stand before ours or behind, for every clause that a
// condition is written in. What they are given to write to is no statement.
func TestBuilders_that_wrap_the_statement(t *testing.T) {
	t.Parallel()
	statements := []statement{
		{"WHERE", func(tx *gorm.DB) error { return tx.Where("id > 0").Find(&[]Project{}).Error }},
		{"FROM", func(tx *gorm.DB) error {
			var rows []Project
			err := tx.Joins("Owner").Where("1 = 1").Find(&rows).Error
			for i := range rows {
				if rows[i].TenantID != A {
					return errAny
				}
			}
			return err
		}},
		{"SET", func(tx *gorm.DB) error {
			return tx.Model(&Project{ID: 11}).Update("name", "x").Error
		}},
		{"VALUES", func(tx *gorm.DB) error { return tx.Create(&Project{Slug: "n"}).Error }},
		{"ON CONFLICT", func(tx *gorm.DB) error {
			return tx.Save(&[]Project{{ID: 11, Slug: "n"}}).Error
		}},
		{"RETURNING", func(tx *gorm.DB) error {
			return tx.Clauses(clause.Returning{}).Delete(&Project{ID: 11}).Error
		}},
	}
	Each(t, func(t *testing.T, open func(*gorm.Config) *gorm.DB) {
		e := NewEnv(t, open, &gorm.Config{})
		theirs := e.Rows(t, B)
		for _, s := range statements {
			refused := func(order string, register func(db *gorm.DB)) {
				t.Run(s.name+"_"+order, func(t *testing.T) {
					db := open(&gorm.Config{})
					register(db)
					err := s.run(db.WithContext(e.A))
					if s.name != "FROM" &&
						s.name != "RETURNING" { // which the gate can limit by itself
						require.ErrorIs(t, err, gormtenant.ErrUnsupported)
						var failure *gormtenant.Error
						require.ErrorAs(t, err, &failure)
					} else {
						require.NotErrorIs(t, err, errAny)
					}
					require.Equal(t, theirs, e.Rows(t, B))
				})
			}
			refused("behind", func(db *gorm.DB) {
				require.NoError(t, db.Use(tenantplugin.New()))
				db.ClauseBuilders[s.name] = wrapping(db.ClauseBuilders[s.name])
			})
			if s.name == "WHERE" || s.name == "FROM" ||
				s.name == "ON CONFLICT" { // where ours hands on expressions
				refused("before", func(db *gorm.DB) {
					db.ClauseBuilders[s.name] = wrapping(db.ClauseBuilders[s.name])
					require.NoError(t, db.Use(tenantplugin.New()))
				})
			}
		}
	})
}
