package migrations

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"gorm.io/gorm"
)

// Migration is one step from a version of a place to the next.
type Migration struct {
	// Version names the step. It is kept in the place's table gormtenant_migrations, in the
	// transaction of the step. It has at most 255 characters. One that was released keeps its name
	// and its position in the list.
	Version string
	// Up makes the step. All of db runs in the transaction of the place: GORM, db.DB(), a
	// transaction, which is a savepoint. On Postgres a statement that fails outside such a one
	// fails the migration. Queries read all of their rows at once, into memory: read many rows in
	// batches. db is of no use afterwards.
	Up func(ctx context.Context, db *gorm.DB) error
}

// Models returns the step that migrates models by GORM's AutoMigrate: their tables, with the
// foreign keys and indexes that their tags tell of. AutoMigrate makes of a table what the models
// say when it runs, so that an older step may find the newer models. Where data has to move from
// column to column, write an Up.
func Models(version string, models ...any) Migration {
	return Migration{Version: version, Up: func(_ context.Context, db *gorm.DB) error {
		return db.AutoMigrate(models...)
	}}
}

// longestVersion is what the column in place.lockSchema can hold.
const longestVersion = 255

// Check says what is wrong with a list of migrations, nil if nothing is: [Apply] would refuse it.
func Check(list []Migration) error {
	seen := make(map[string]bool, len(list))
	for i, m := range list {
		switch {
		case m.Version == "":
			return fmt.Errorf("gormtenant: migration %d of the list has no version", i+1)
		case len(m.Version) > longestVersion:
			return fmt.Errorf(
				"gormtenant: the version of migration %d of the list has more than %d characters",
				i+1, longestVersion)
		case strings.ContainsRune(m.Version, 0) || !utf8.ValidString(m.Version):
			return fmt.Errorf(
				"gormtenant: the version of migration %d of the list is no text without zero "+
					"bytes in UTF-8", i+1)
		case seen[m.Version]:
			return fmt.Errorf(
				"gormtenant: two migrations of the list have the version %q: each needs its own",
				m.Version)
		case m.Up == nil:
			return fmt.Errorf("gormtenant: migration %q has no Up", m.Version)
		}
		seen[m.Version] = true
	}
	return nil
}

// ErrVersion is returned by [Apply] for a place whose versions do not fit the list: it knows one
// that the list does not, or lacks one that comes before one that it has. Nothing is run there.
var ErrVersion = errors.New("gormtenant: the place's versions do not fit the list of migrations")

// pending returns those of the list that come after the last that was applied.
func pending(list []Migration, applied []string) ([]Migration, error) {
	position := make(map[string]int, len(list))
	for i, m := range list {
		position[m.Version] = i
	}
	has := make(map[string]bool, len(applied))
	next := 0
	for _, version := range applied {
		i, known := position[version]
		if !known {
			return nil, fmt.Errorf(
				"%w: it is at version %q, which is not in the list: use the list of the newest "+
					"release, "+
					"and never take a version out of it", ErrVersion, version)
		}
		has[version] = true
		next = max(next, i+1)
	}
	for _, m := range list[:next] {
		if !has[m.Version] {
			return nil, fmt.Errorf(
				"%w: %q is before %q, which was applied, and was not applied itself: put a new "+
					"version at the end",
				ErrVersion, m.Version, list[next-1].Version)
		}
	}
	return list[next:], nil
}
