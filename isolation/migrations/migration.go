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
	// Version names the step. It is stored in the place's table gormtenant_migrations, in the
	// transaction of the step. It has at most 255 characters. Once released, a step keeps its name
	// and its position in the list.
	Version string
	// Up makes the step. Everything done with db runs in the transaction of the place: GORM,
	// db.DB(), a transaction, which is a savepoint. On Postgres a statement that fails outside of
	// such a savepoint fails the migration. Queries read all of their rows into memory at once:
	// read many rows in batches. db must not be used after Up returns.
	Up func(ctx context.Context, db *gorm.DB) error
	// Outside runs the step outside of a transaction, for what Postgres runs in none, such as
	// CREATE INDEX CONCURRENTLY. What is before it is committed first. db is then one connection,
	// and each statement is its own transaction. If Up fails, what it did is not undone, and the
	// same step runs again the next time. So write it to be repeated:
	//
	//	migrations.Migration{Version: "0007", Outside: true,
	//		Up: func(ctx context.Context, db *gorm.DB) error {
	//			if err := db.Exec("DROP INDEX IF EXISTS idx_projects_name").Error; err != nil {
	//				return err // an attempt that failed leaves an index that is invalid
	//			}
	//			return db.Exec("CREATE INDEX CONCURRENTLY idx_projects_name " +
	//				"ON projects (name)").Error
	//		}}
	Outside bool
}

// Models returns the step that migrates models with GORM's AutoMigrate: their tables, with the
// foreign keys and indexes of their tags. AutoMigrate works from the models as they are when it
// runs, so an older step may meet newer models. If data has to move from column to column, write an
// Up.
func Models(version string, models ...any) Migration {
	return Migration{Version: version, Up: func(_ context.Context, db *gorm.DB) error {
		return db.AutoMigrate(models...)
	}}
}

// longestVersion is the size of the column in place.lockSchema.
const longestVersion = 255

// Check returns what is wrong with a list of migrations, nil if [Apply] accepts it.
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

// ErrVersion is returned by [Apply] if a place's versions do not fit the list: the place has one
// that is not in the list, or lacks one before one that it has. Nothing is run there.
var ErrVersion = errors.New("gormtenant: the place's versions do not fit the list of migrations")

// pending returns the migrations after the last one that was applied.
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
