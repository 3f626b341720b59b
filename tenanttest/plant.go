package tenanttest

import (
	"gorm.io/gorm/clause"
)

// plantLinks makes the last row of ours refer to a row of theirs wherever the database lets it,
// past the plugin: what an older version of the application may have left.
func (k *kit) plantLinks() error {
	for _, m := range k.models {
		for _, r := range m.refs {
			if m.tenant != nil && r.parent.tenant != nil && !r.carriesTenant(m) {
				k.plant(m, r)
			}
		}
	}
	for _, j := range k.joins {
		if j.sides[0].model.tenant != nil && j.sides[1].model.tenant != nil {
			k.plantJoin(j, k.ours, k.theirs)
			k.plantJoin(j, k.theirs, k.ours)
		}
	}
	return nil
}

func (k *kit) plant(m *model, r *ref) {
	row := m.rows[k.ours.index][rowsEach-1]
	theirs := r.parent.rows[k.theirs.index][0]
	for _, p := range r.pairs {
		where, args := k.whereKey(m, row)
		value, _ := k.valueOf(p.primary, theirs)
		args = append([]any{
			clause.Table{Name: m.schema.Table}, clause.Column{Name: p.foreign.DBName}, value,
		}, args...)
		if !p.foreign.PrimaryKey && k.try(k.ours.ctx, "UPDATE ? SET ? = ? WHERE "+where, args...) {
			_ = p.foreign.Set(k.db.Statement.Context, row, value)
		}
	}
}

func (k *kit) plantJoin(j *join, owner, target tenant) {
	names, marks, args := "", "", []any{clause.Table{Name: j.table}}
	var values []any
	for i, t := range []tenant{owner, target} {
		side := j.sides[i]
		for _, p := range side.pairs {
			if names != "" {
				names, marks = names+", ", marks+", "
			}
			names, marks = names+"?", marks+"?"
			value, _ := k.valueOf(p.primary, side.model.rows[t.index][0])
			args, values = append(args, clause.Column{Name: p.foreign.DBName}),
				append(values, value)
		}
	}
	k.try(owner.ctx, "INSERT INTO ? ("+names+") VALUES ("+marks+")", append(args, values...)...)
}
