//go:build floor

package callbacks_test

// genericLists stands for that of generic_test.go, which the oldest GORM cannot compile.
func genericLists() []attackList { return nil }
