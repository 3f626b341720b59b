package callbacks

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/sqltext"
)

// GORM takes the n-th row that an INSERT returns for the n-th of its values. Citus returns them by
// shard, so of a create across tenants each row would get another one's key. Under SplitCreates
// such a create is sent as one INSERT for each tenant: the rows of one tenant are on one shard.

// part is those rows of a create that are one tenant's.
type part struct {
	dest any   // what GORM takes the rows from: maps, or pointers to the rows
	at   []int // where they are in the statement's own rows
}

// parts returns the rows of a create by tenant, nil where one INSERT will do.
func (r *run) parts(db *gorm.DB) []*part {
	if !r.guard.config.SplitCreates || r.op != "create" || !r.scope.unscoped ||
		r.own.table == nil || r.own.table.Field == nil ||
		db.Error != nil || db.DryRun || r.stmt.SQL.Len() > 0 {
		return nil
	}
	var parts []*part
	byTenant := map[any]*part{}
	add := func(i int, tenant any) {
		key, known := r.own.table.tenantKey(tenant)
		p := byTenant[key]
		if !known || p == nil {
			p = new(part)
			parts = append(parts, p)
		}
		if known {
			byTenant[key] = p
		}
		p.at = append(p.at, i)
	}
	rows := r.stmt.ReflectValue
	if all := mapsOf(r.stmt.Dest); len(all) > 1 {
		for i, row := range all {
			value, times := valueIn(row, r.own.table.Field)
			if times > 1 { // which one is written cannot be told
				value = nil
			}
			add(i, value)
		}
	} else if !r.holdsRows(rows) {
		return nil // GORM has errors of its own for what cannot be created.
	} else {
		for i := range rows.Len() {
			add(i, valueOf(r.stmt, indirect(rows.Index(i)), r.own.table.Field))
		}
	}
	if len(parts) < 2 {
		return nil
	}
	for _, p := range parts {
		p.take(rows)
	}
	return parts
}

// holdsRows reports whether rows is a list of rows of the statement's model which GORM can write
// the keys into.
func (r *run) holdsRows(rows reflect.Value) bool {
	if rows.Kind() != reflect.Slice && rows.Kind() != reflect.Array || r.stmt.Schema == nil {
		return false
	}
	for i := range rows.Len() {
		row := indirect(rows.Index(i))
		if !row.IsValid() || row.Type() != r.stmt.Schema.ModelType || !row.CanAddr() {
			return false
		}
	}
	return true
}

// tenantKey returns what the values of one tenant have in common. known is false where that cannot
// be told, as of an SQL expression: such a row has an INSERT of its own.
func (t *table) tenantKey(value any) (key any, known bool) {
	if value = indirectValue(value); value == nil || isExpression(value) {
		return nil, false
	}
	written, err := t.asWritten(value)
	if err != nil {
		return nil, false
	}
	key = t.canonical(written)
	return key, reflect.TypeOf(key).Comparable()
}

// take makes dest of the statement's rows.
func (p *part) take(rows reflect.Value) {
	if all, ok := rows.Interface().([]map[string]any); ok {
		own := make([]map[string]any, len(p.at))
		for i, at := range p.at {
			own[i] = all[at]
		}
		if p.dest = own; rows.CanSet() {
			p.dest = &own
		}
		return
	}
	row := indirect(rows.Index(0)).Type()
	own := reflect.New(reflect.SliceOf(reflect.PointerTo(row)))
	for _, at := range p.at {
		own.Elem().Set(reflect.Append(own.Elem(), indirect(rows.Index(at)).Addr()))
	}
	p.dest = own.Interface()
}

// sendParts sends the INSERT of each part. All of them have an effect, or none, as with one INSERT.
func (r *run) sendParts(db *gorm.DB, parts []*part, send func(*gorm.DB)) {
	pool := r.stmt.ConnPool
	defer func() { r.stmt.ConnPool = pool }()
	if _, own := db.InstanceGet("gorm:started_transaction"); own || r.fails(pool) {
		r.sendEach(db, parts, send)
		return
	}
	sent := false
	err := db.Session(&gorm.Session{NewDB: true}).Transaction(func(tx *gorm.DB) error {
		sent = true
		r.stmt.ConnPool = tx.Statement.ConnPool
		r.sendEach(db, parts, send)
		return db.Error
	})
	switch {
	case !sent && (errors.Is(err, gorm.ErrInvalidTransaction) ||
		errors.Is(err, gorm.ErrUnsupportedDriver)):
		r.sendEach(db, parts, send) // The database has none.
	case err != nil && db.Error == nil:
		_ = db.AddError(err)
	}
}

// fails reports whether an error of a statement fails the transaction that pool is, so that what
// was sent before is not committed either.
func (r *run) fails(pool gorm.ConnPool) bool {
	_, ok := pool.(gorm.TxCommitter)
	return ok && (r.guard.dialect == sqltext.Postgres || r.stmt.DB.DisableNestedTransaction)
}

// sendEach sends the INSERT of each part, until one fails.
func (r *run) sendEach(db *gorm.DB, parts []*part, send func(*gorm.DB)) {
	stmt, began, affected := r.stmt, db.NowFunc(), int64(0)
	dest, rows, clauses := stmt.Dest, stmt.ReflectValue, stmt.Clauses
	track, tracks := stmt.Settings.Load(trackTime)
	var gone []int
	for i, p := range parts {
		if i > 0 {
			r.log(db, began)
			began = db.NowFunc()
			stmt.SQL.Reset()
			stmt.Vars = nil
		}
		// What GORM adds to the clauses is of one part, and it takes the setting out.
		stmt.Clauses = maps.Clone(clauses)
		if tracks {
			stmt.Settings.Store(trackTime, track)
		}
		stmt.Dest, stmt.ReflectValue = p.dest, reflect.Indirect(reflect.ValueOf(p.dest))
		r.sent = judged{}
		r.openDoor(stmt)
		send(db)
		r.closeDoor(stmt)
		if db.Error != nil {
			affected = 0
			break
		}
		affected += db.RowsAffected
		gone = append(gone, p.giveBack(rows)...)
	}
	stmt.Dest, stmt.ReflectValue, db.RowsAffected = dest, rows, affected
	tellResult(stmt, affected)
	remove(rows, gone)
}

// tellResult sets the rows affected of gorm.WithResult, which GORM has from version 1.30 on.
func tellResult(stmt *gorm.Statement, affected int64) {
	result := reflect.ValueOf(stmt).Elem().FieldByName("Result")
	if result.IsValid() && !result.IsNil() {
		result.Elem().FieldByName("RowsAffected").SetInt(affected)
	}
}

// giveBack puts what GORM made of the part's rows in the place of the statement's own. With a
// clause.Returning of all columns it makes new rows of what was returned, so that rows which an
// upsert passed over are gone, and it appends what is returned for maps.
func (p *part) giveBack(rows reflect.Value) (gone []int) {
	own := reflect.Indirect(reflect.ValueOf(p.dest))
	if own.Type().Elem().Kind() == reflect.Map {
		if rows.CanSet() {
			rows.Set(reflect.AppendSlice(rows, own.Slice(len(p.at), own.Len())))
		}
		return nil
	}
	for i, at := range p.at {
		row := rows.Index(at)
		switch {
		case i >= own.Len():
			gone = append(gone, at)
		case row.Kind() == reflect.Pointer:
			row.Set(own.Index(i))
		case row.CanAddr() && row.Addr().Pointer() != own.Index(i).Pointer():
			row.Set(own.Index(i).Elem())
		}
	}
	return gone
}

// remove takes the rows that are gone out of a slice, and keeps the order of the others.
func remove(rows reflect.Value, gone []int) {
	if len(gone) == 0 {
		return
	}
	slices.Sort(gone)
	kept := 0
	for at := range rows.Len() {
		if _, found := slices.BinarySearch(gone, at); !found {
			rows.Index(kept).Set(rows.Index(at))
			kept++
		}
	}
	for at := kept; at < rows.Len(); at++ {
		rows.Index(at).SetZero()
	}
	if rows.Kind() == reflect.Slice && rows.CanSet() {
		rows.SetLen(kept)
	}
}

// trackTime is the setting with which Save makes GORM set the times of updates.
const trackTime = "gorm:update_track_time"

// log logs the INSERT of a part. GORM itself logs the last one.
func (r *run) log(db *gorm.DB, began time.Time) {
	stmt := r.stmt
	db.Logger.Trace(stmt.Context, began, func() (string, int64) {
		text, vars := stmt.SQL.String(), stmt.Vars
		if filter, ok := db.Logger.(gorm.ParamsFilter); ok {
			text, vars = filter.ParamsFilter(stmt.Context, text, vars...)
		}
		return db.Explain(text, vars...), db.RowsAffected
	}, db.Error)
}
