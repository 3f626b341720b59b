package quota

import (
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/prefix"
)

// begin begins a transaction for the count and the INSERT where the statement runs outside of one:
// the lock would be gone before the row is there.
func (c *creation) begin(db *gorm.DB) error {
	if committer, ok := db.Statement.ConnPool.(gorm.TxCommitter); ok && committer != nil {
		return nil
	}
	tx := db.Begin()
	if tx.Error != nil {
		return prefix.Errorf("beginning a transaction for the limit of %s: %w", c.limited.name,
			tx.Error)
	}
	c.tx, c.pool = tx, db.Statement.ConnPool
	db.Statement.ConnPool = tx.Statement.ConnPool
	return nil
}

// end ends the transaction that begin began, if it did.
func (c *creation) end(db *gorm.DB) {
	if c.tx == nil {
		return
	}
	if db.Error != nil {
		c.tx.Rollback()
	} else {
		_ = db.AddError(c.tx.Commit().Error)
	}
	db.Statement.ConnPool = c.pool
}

// savepoint makes it possible to take an upsert back in a transaction that goes on.
func savepoint(db *gorm.DB) error { return execute(db, "SAVEPOINT gormtenant_quota") }

// rollback takes an upsert back.
func rollback(db *gorm.DB) error { return execute(db, "ROLLBACK TO SAVEPOINT gormtenant_quota") }

// execute sends a statement in the transaction of db's. The SavePoint of GORM's dialects drops
// errors.
func execute(db *gorm.DB, sql string) error {
	if err := db.Session(&gorm.Session{NewDB: true}).Exec(sql).Error; err != nil {
		return prefix.Errorf("%s, around an upsert that may go past a limit: %w", sql, err)
	}
	return nil
}
