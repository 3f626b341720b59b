package tenants

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// PanicError is the error of a job of [Each], or of a directory behind a [Cache], that panicked. It
// does not unwrap to the value: a panic is never one of the errors that callers look for, such as
// [ErrNotFound].
type PanicError struct {
	// Value is what was given to panic.
	Value any
	// Stack is the goroutine's, as debug.Stack returns it. It is nil where there were many panics:
	// see [Each].
	Stack []byte
}

// Error returns the value, and the stack in the lines after it.
func (e *PanicError) Error() string {
	if len(e.Stack) == 0 {
		return fmt.Sprintf("gormtenant: panic: %v", e.Value)
	}
	return fmt.Sprintf("gormtenant: panic: %v\n\n%s", e.Value, e.Stack)
}

// errExited is the error of what called runtime.Goexit, as t.FailNow does.
var errExited = errors.New("gormtenant: runtime.Goexit was called before the end")

// guard runs fn and gives its error to done, exactly once, even if fn panics or calls
// runtime.Goexit.
func guard(fn func() error, done func(error)) {
	err, returned := errExited, false
	defer func() {
		if !returned {
			if value := recover(); value != nil {
				err = &PanicError{Value: value, Stack: debug.Stack()}
			}
		}
		done(err)
	}()
	err = fn()
	returned = true
}
