package bench_test

import (
	"flag"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gormtenant/gormtenant/scopes"
)

var (
	counted = flag.String("instructions", "", "an operation and its way, as in Find/plugin, "+
		"which TestInstructions runs for instructions.sh to count")
	times = flag.Int("times", 1000, "how often it runs")
)

// counters are the operations whose instructions are counted, beside some of the benchmarks'.
func counters() []operation {
	counted := []operation{
		{name: "Pluck", byHand: whereTenant(pluck[plainProject]), plugin: pluck[Project]},
		{
			name:   "Save",
			byHand: whereTenant(save(newPlainProjectByHand)), plugin: save(newProject),
		},
		{
			name:   "Create1000",
			byHand: createMany(1000, newPlainProjectByHand), plugin: createMany(1000, newProject),
		},
		{name: "Upsert", byHand: upsertByHand, plugin: upsert},
		{name: "RawJoin", byHand: rawJoinByHand, plugin: rawJoin},
		{name: "RawJoinWithoutID", byHand: rawJoinByHand, plugin: rawJoinWithoutID},
		{name: "RawShared", byHand: rawShared, plugin: rawShared},
	}
	for _, op := range operations() {
		if op.name != "Preload" && op.name != "Joins" { // answers of the stub differ there
			counted = append(counted, op)
		}
	}
	return counted
}

func pluck[P any](db *gorm.DB, n int) *gorm.DB {
	var keys []uint
	return db.Model(new(P)).Where("id BETWEEN ? AND ?", lowest(n), lowest(n)+99).Pluck("id", &keys)
}

func save[P any, Row interface {
	*P
	setKey(key uint)
}](newRow func(n int) P) run {
	return func(db *gorm.DB, n int) *gorm.DB {
		row := newRow(n)
		Row(&row).setKey(key(n))
		return db.Save(&row)
	}
}

func (p *Project) setKey(key uint)      { p.ID = key }
func (p *plainProject) setKey(key uint) { p.ID = key }

func conflict(where ...clause.Expression) clause.OnConflict {
	return clause.OnConflict{
		Columns:   []clause.Column{{Name: "id"}},
		DoUpdates: clause.AssignmentColumns([]string{"name", "budget"}),
		Where:     clause.Where{Exprs: where},
	}
}

func upsert(db *gorm.DB, n int) *gorm.DB {
	row := newProject(n)
	row.ID = key(n)
	return db.Clauses(conflict()).Create(&row)
}

func upsertByHand(db *gorm.DB, n int) *gorm.DB {
	row := newPlainProjectByHand(n)
	row.ID = key(n)
	where := clause.Eq{Column: clause.Column{Table: "projects", Name: "tenant_id"}, Value: tenant}
	return db.Clauses(conflict(where)).Create(&row)
}

const (
	joinText = "SELECT p.id FROM projects p JOIN tasks t ON t.project_id = p.id " +
		"WHERE p.budget > ?"
	joinTextByHand = joinText + " AND p.tenant_id = ? AND t.tenant_id = ?"
)

func rawJoin(db *gorm.DB, n int) *gorm.DB {
	var keys []uint
	id := scopes.ID(db.Statement.Context)
	return db.Raw(joinTextByHand, n, id, id).Scan(&keys)
}

func rawJoinByHand(db *gorm.DB, n int) *gorm.DB {
	var keys []uint
	return db.Raw(joinTextByHand, n, tenant, tenant).Scan(&keys)
}

func rawJoinWithoutID(db *gorm.DB, n int) *gorm.DB {
	var keys []uint
	return db.Raw(joinText, n).Scan(&keys)
}

// sharedText is a report of 1 kB over tables that are nobody's.
var sharedText = "SELECT c.code FROM countries c JOIN regions r ON r.country = c.code WHERE " +
	strings.Repeat("(c.population > 1000 AND r.name <> 'nowhere') OR ", 19) + "c.area > ?"

func rawShared(db *gorm.DB, n int) *gorm.DB {
	var keys []uint
	return db.Raw(sharedText, n).Scan(&keys)
}

// TestInstructions runs one operation in one way. It is what instructions.sh counts.
func TestInstructions(t *testing.T) {
	d, s := openStub(t)
	for _, op := range counters() {
		for _, way := range d.ways(op) {
			if way.run == nil {
				continue
			}
			chosen := *counted == op.name+"/"+way.name
			if *counted != "" && !chosen {
				continue
			}
			n := 3
			if chosen {
				n = *times
			}
			s.rows = max(1, int(op.rows))
			if op.name == "Create1000" {
				s.rows = 1000
			}
			for i := range n {
				require.NoError(t, way.do(i).Error, "%s %s", op.name, way.name)
			}
		}
	}
}
