// Package migrations brings the places of tenants, which are schemas and databases, to the newest
// version.
//
//	var list = []migrations.Migration{
//		migrations.Models("0001", &Project{}, &Task{}),
//		{Version: "0002", Up: func(ctx context.Context, db *gorm.DB) error {
//			return db.Exec("ALTER TABLE projects ADD COLUMN archived bool").Error
//		}},
//	}
//
// [Apply] applies the pending migrations in one place, in one transaction together with the place's
// table of versions. Wherever it is interrupted, the place is at its old version, and the next call
// goes on from there. [All] does the same for the places of all tenants, and returns which are done
// and which failed. Packages schemas and provision call both; a Migration does not depend on where
// it runs.
//
// Other libraries for migrations run inside: db.DB() in Up is a *sql.DB of the transaction. With
// goose:
//
//	Up: func(ctx context.Context, db *gorm.DB) error {
//		pool, err := db.DB()
//		if err != nil {
//			return err
//		}
//		provider, err := goose.NewProvider(goose.DialectPostgres, pool, files)
//		if err != nil {
//			return err
//		}
//		_, err = provider.UpTo(ctx, 7)
//		return err
//	},
//
// # Outside of a transaction
//
// What Postgres runs in no transaction, such as CREATE INDEX CONCURRENTLY, VACUUM, or the use of a
// value that ALTER TYPE ... ADD VALUE has just added, is a step with Migration.Outside. It is not
// undone if it fails. All other steps are, together. A place's tables are locked until all of its
// pending migrations are done, or up to the next such step, which for the tables of one tenant is
// mostly short.
//
// It does not undo a migration: an older version of a place is not made from a newer one.
//
// To read it, begin with migration.go for the list, apply.go for one place, and all.go for
// everyone's.
package migrations
