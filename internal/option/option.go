// Package option applies the options of constructors, so that a nil option is the same error
// everywhere.
package option

import "fmt"

// Apply calls apply with each of the options that constructor, such as "quota.New", was given, in
// order. It returns the first error. For an option that is nil, which apply is not called with, the
// error tells its number:
//
//	gormtenant: quota.New: option 2 is nil
//
// O is the package's Option interface. Its method is not exported, so Apply cannot call it itself.
func Apply[O any](constructor string, options []O, apply func(o O) error) error {
	for i, o := range options {
		if any(o) == nil {
			return fmt.Errorf("gormtenant: %s: option %d is nil", constructor, i+1)
		}
		if err := apply(o); err != nil {
			return err
		}
	}
	return nil
}
