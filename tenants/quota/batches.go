package quota

import (
	"errors"
	"reflect"
	"runtime"
	"strings"

	"gorm.io/gorm"
)

var errBatches = errors.New("gormtenant: quota: without default transactions each batch is " +
	"committed by itself, and those before the one that goes past a limit would stay: create " +
	"them in db.Transaction(func(tx *gorm.DB) error { ... })")

// refuseBatches refuses the first of several batches that nothing would take back: GORM opens no
// transaction around them where SkipDefaultTransaction is set. It does not tell a create of how
// many batches it is one, but gives it a piece of the slice with all that follows behind.
func refuseBatches(stmt *gorm.Statement) error {
	tx, ok := stmt.ConnPool.(gorm.TxCommitter)
	if !stmt.SkipDefaultTransaction || ok && tx != nil || !rowsFollow(stmt.ReflectValue) ||
		!inBatches() {
		return nil
	}
	return errBatches
}

// rowsFollow reports whether there are rows in a slice's array behind it. Zero values are none, but
// what append keeps free.
func rowsFollow(piece reflect.Value) bool {
	if piece.Kind() != reflect.Slice || piece.Cap() == piece.Len() {
		return false
	}
	following := piece.Slice(piece.Len(), piece.Cap())
	for i := range following.Len() {
		if !following.Index(i).IsZero() {
			return true
		}
	}
	return false
}

// inBatches reports whether the create that runs is that of a batch.
func inBatches() bool {
	callers := make([]uintptr, 32)
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers)])
	for executes := false; ; {
		frame, more := frames.Next()
		if executes {
			return strings.HasPrefix(frame.Function, "gorm.io/gorm.(*DB).CreateInBatches")
		}
		executes = frame.Function == "gorm.io/gorm.(*processor).Execute"
		if !more {
			return false
		}
	}
}
