package oracle

import (
	"database/sql"
	"reflect"

	"gorm.io/gorm"
)

// iterate reads rows one by one, as the source of the statement does.
func (d do) iterate(s *scope, db *gorm.DB, pair results) error {
	rows, _ := pair[0].Interface().(*sql.Rows)
	err, _ := pair[1].Interface().(error)
	all := s.vars[d.shows[0]]
	for err == nil && rows.Next() {
		one := reflect.New(typeNames[d.batch])
		err = db.ScanRows(rows, one.Interface())
		all.Set(reflect.Append(all, one.Elem()))
	}
	if rows != nil {
		_ = rows.Close()
	}
	return err
}

// mostBatches ends a FindInBatches that GORM would not: where the conditions hold an Or, its own
// "and id > ?" binds to the last of them only, and the first batch comes again and again.
const mostBatches = 20

// batches is FindInBatches, whose batches are collected.
type batches struct {
	on        expr
	all, some string // variables
	size      int
	mark      Mark
	db        string
}

func (b batches) write(w *sourceWriter, m *marker) {
	result := w.next("res")
	w.line("%s := %s.FindInBatches(&%s, %d, func(_ *gorm.DB, batch int) error {", result,
		b.on.source(), b.some, b.size)
	w.line("if batch > %d { return oracle.ErrRollback() }", mostBatches)
	w.line("%s = append(%s, %s...)", b.all, b.all, b.some)
	w.line("return nil")
	w.line("})")
	w.line("rec.Saw(%s, %s, %s.Error, %s.RowsAffected, %s)", b.db, Reads|b.mark|b.on.marks(m),
		result, result, b.all)
}

func (b batches) run(s *scope, m *marker) {
	all, some := s.vars[b.all], s.vars[b.some]
	res := b.on.eval(s).Interface().(*gorm.DB).FindInBatches(some.Addr().Interface(), b.size,
		func(_ *gorm.DB, batch int) error {
			if batch > mostBatches {
				return errRollback
			}
			all.Set(reflect.AppendSlice(all, some))
			return nil
		})
	s.rec.Saw(s.vars[b.db].Interface().(*gorm.DB), Reads|b.mark|b.on.marks(m), res.Error,
		res.RowsAffected, all.Interface())
}

// transaction is a block in a transaction; within another one it is a savepoint.
type transaction struct {
	on, tx     string
	statements []statement
	rollback   bool
}

func (t transaction) write(w *sourceWriter, m *marker) {
	result := w.next("err")
	w.line("%s := %s.Transaction(func(%s *gorm.DB) error {", result, t.on, t.tx)
	for _, st := range t.statements {
		st.write(w, m)
	}
	if t.rollback {
		w.line("return oracle.ErrRollback()")
	} else {
		w.line("return nil")
	}
	w.line("})")
	w.line("rec.Saw(%s, oracle.Parts, %s)", t.on, result)
}

func (t transaction) run(s *scope, m *marker) {
	db := s.vars[t.on].Interface().(*gorm.DB)
	err := db.Transaction(func(tx *gorm.DB) error {
		s.set(t.tx, reflect.ValueOf(tx))
		for _, st := range t.statements {
			st.run(s, m)
		}
		if t.rollback {
			return errRollback
		}
		return nil
	})
	s.rec.Saw(db, Parts, err)
}

// manual is a block between Begin and Commit or Rollback, with a savepoint to go back to.
type manual struct {
	on, tx        string
	before, after []statement // of the savepoint
	commit        bool
}

func (b manual) write(w *sourceWriter, m *marker) {
	w.line("%s := %s.Begin()", b.tx, b.on)
	for _, st := range b.before {
		st.write(w, m)
	}
	if b.after != nil {
		w.line(`%s.SavePoint("here")`, b.tx)
		for _, st := range b.after {
			st.write(w, m)
		}
		back := w.next("err")
		w.line(`%s := %s.RollbackTo("here").Error`, back, b.tx)
		w.line("rec.Saw(%s, oracle.Parts, %s)", b.tx, back)
	}
	err := w.next("err")
	w.line("%s := %s.%s().Error", err, b.tx, b.end())
	w.line("rec.Saw(%s, oracle.Parts, %s)", b.on, err)
}

func (b manual) end() string {
	if b.commit {
		return "Commit"
	}
	return "Rollback"
}

func (b manual) run(s *scope, m *marker) {
	db := s.vars[b.on].Interface().(*gorm.DB)
	tx := db.Begin()
	done := false
	defer func() {
		if !done {
			tx.Rollback()
		}
	}()
	s.set(b.tx, reflect.ValueOf(tx))
	for _, st := range b.before {
		st.run(s, m)
	}
	if b.after != nil {
		tx.SavePoint("here")
		for _, st := range b.after {
			st.run(s, m)
		}
		back := tx.RollbackTo("here").Error
		s.rec.Saw(tx, Parts, back)
	}
	var err error
	if b.commit {
		err = tx.Commit().Error
	} else {
		err = tx.Rollback().Error
	}
	done = true
	s.rec.Saw(db, Parts, err)
}
