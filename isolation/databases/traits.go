package databases

import "database/sql/driver"

// The openers of this package can tell more than Opener says. An application's own opener need not.

// check returns what is wrong with an opener, before its first use.
func check(opener Opener) error {
	if checked, ok := opener.(interface{ check() error }); ok {
		return checked.check()
	}
	return nil
}

// foldsCase reports whether names that differ in case can be one database.
func foldsCase(opener Opener) bool {
	folding, ok := opener.(interface{ foldsCase() bool })
	return ok && folding.foldsCase()
}

// memoryOf returns what opens an empty database that is no tenant's, if the opener has any.
func memoryOf(opener Opener) (driver.Connector, bool) {
	has, ok := opener.(interface {
		memory() (driver.Connector, bool)
	})
	if !ok {
		return nil, false
	}
	return has.memory()
}
