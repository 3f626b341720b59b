package quota

import (
	"errors"
	"time"

	"gorm.io/gorm"
)

// Citus makes creates wait and count in statements that Citus takes, each on the tenant's own
// shard: it refuses the INSERT with a sub-query that is used elsewhere. A create of a limited model
// then sends three small statements in place of one, and counts all rows of the tenant, however
// many there are. The table of [Models] is distributed with the others:
//
//	distribute.Apply(ctx, owner, distribute.Citus(), append(models, quota.Models()...)...)
//
// It works on every PostgreSQL. On SQLite it changes nothing.
func Citus() Option {
	return optionFunc(func(p *Plugin) error {
		p.citus = true
		return nil
	})
}

const (
	takeSQL = "UPDATE tenant_quota_locks SET version = version + 1 " +
		"WHERE tenant_id = ? AND name = ''"
	takeFirstSQL = "INSERT INTO tenant_quota_locks (tenant_id, name, version, counted_at) " +
		"VALUES (?, '', 0, 0) ON CONFLICT DO NOTHING"
	noteSQL = "UPDATE tenant_quota_locks SET version = version + 1, used = ?, counted_at = ? " +
		"WHERE tenant_id = ? AND name = ?"
	noteFirstSQL = "INSERT INTO tenant_quota_locks (tenant_id, name, version, counted_at) " +
		"VALUES (?, ?, 0, 0) ON CONFLICT DO NOTHING"
)

// apart are the statements of Citus.
type apart struct {
	take, takeFirst text // lock the tenant
	rows            text // counts all rows
	note, noteFirst text // sets the counter
}

func (l *limited) buildApart(db *gorm.DB) *apart {
	return &apart{
		take:      l.text(db, takeSQL, keySlot),
		takeFirst: l.text(db, takeFirstSQL, keySlot),
		rows:      l.text(db, "[COUNT]"),
		note:      l.text(db, noteSQL, rowsSlot, nowSlot, keySlot, l.name),
		noteFirst: l.text(db, noteFirstSQL, keySlot, l.name),
	}
}

// holdApart does what hold does. Once it has the lock, every create before has ended, and a
// statement that begins then sees its rows: there is nothing to find out by versions.
func (l *limited) holdApart(db *gorm.DB, s *share, now time.Time) error {
	v := s.values(now)
	if err := l.change(db, l.apart.take, l.apart.takeFirst, v); err != nil {
		return err
	}
	if err := l.scan(db, l.apart.rows, v, &s.before); err != nil {
		return err
	}
	s.exact, s.countedAt = true, now.UnixMicro()
	v[rowsSlot] = s.before + s.rows
	return l.change(db, l.apart.note, l.apart.noteFirst, v)
}

// change updates a row of the locks, and makes it first where there is none.
func (l *limited) change(db *gorm.DB, update, insert text, v values) error {
	for _, t := range []text{update, insert, update} {
		n, err := l.exec(db, t, v)
		if err != nil {
			return err
		}
		if n > 0 && t.sql == update.sql {
			return nil
		}
	}
	return l.wrap(errors.New("the row of the tenant's lock cannot be seen after it was made"))
}

// exec runs a statement on the connection of the create.
func (l *limited) exec(db *gorm.DB, t text, v values) (n int64, err error) {
	args := t.with(v)
	defer l.trace(db, t.sql, args, time.Now(), &err)
	result, err := db.Statement.ConnPool.ExecContext(db.Statement.Context, t.sql, args...)
	if err == nil {
		n, err = result.RowsAffected()
	}
	return n, l.wrap(err)
}
