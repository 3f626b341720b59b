package quota

import (
	"context"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/prefix"
)

// recountTimeout is how long a count behind the back of a create may take.
const recountTimeout = time.Minute

// recounts corrects counters of more than exactRows rows. There is one for each *gorm.DB that was
// given to db.Use.
type recounts struct {
	db    *gorm.DB // outside of any transaction
	after time.Duration
	busy  atomic.Bool
}

// check counts the rows of s again where its counter has not been exact for too long, in a
// goroutine that ends by itself, outside of the create's transaction and without a lock. There is
// one such goroutine at most; whom it passes over the next create comes back to.
func (r *recounts) check(ctx context.Context, l *limited, s *share, now time.Time) {
	if s.exact || now.Sub(time.UnixMicro(s.countedAt)) < r.after || r.busy.Swap(true) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recountTimeout)
	v := s.values(now)
	go func() {
		defer r.busy.Store(false)
		defer cancel()
		if err := r.recount(ctx, l, v); err != nil {
			r.db.Logger.Warn(ctx, "%v", err)
		}
	}()
}

// recount corrects a counter by what it differs from the rows in one state of the database: what is
// created meanwhile is in both or in neither. Nobody waits for it.
func (r *recounts) recount(ctx context.Context, l *limited, v values) error {
	pool := r.db.ConnPool
	var used *int64
	var count int64
	err := pool.QueryRowContext(ctx, l.texts.look.sql, l.texts.look.with(v)...).
		Scan(&used, &v[seenSlot], &count)
	if err == nil && used != nil {
		v[rowsSlot] = count - *used
		_, err = pool.ExecContext(ctx, l.texts.mend.sql, l.texts.mend.with(v)...)
	}
	if err != nil {
		return prefix.Errorf("counting again for the limit of %s: %w", l.name, err)
	}
	return nil
}
