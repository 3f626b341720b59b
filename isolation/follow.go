package isolation

import (
	"context"
	"errors"

	"github.com/gormtenant/gormtenant/internal/progress"
	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
)

// follow begins to note what the tenant changes at the source.
func (mv *move) follow(ctx context.Context) (following *transfer.Following, err error) {
	err = mv.reopened(ctx, func() error {
		following, err = mv.plan.Follow(ctx, mv.source.location, mv.target.location)
		return err
	})
	return following, err
}

// freeze blocks the tenant's writes at the source.
func (mv *move) freeze(
	ctx context.Context, following *transfer.Following,
) (frozen *transfer.Frozen, err error) {
	err = mv.reopened(ctx, func() error {
		frozen, err = following.Freeze(ctx)
		return err
	})
	return frozen, err
}

// stop ends the following after err.
func (mv *move) stop(ctx context.Context, following *transfer.Following, err error) error {
	stopped := following.Stop(context.WithoutCancel(ctx))
	if errors.Is(stopped, transfer.ErrLeft) {
		stopped = nil
	}
	return errors.Join(err, stopped)
}

// reopened does something at the source. An earlier move may have blocked writes there for ever,
// and have not known whether it had switched the directory. It had not, unless another process has
// moved the tenant just now.
func (mv *move) reopened(ctx context.Context, do func() error) error {
	err := do()
	if !errors.Is(err, transfer.ErrMoved) {
		return err
	}
	if err := mv.stillMine(ctx); err != nil {
		return err
	}
	if err := mv.plan.Thaw(ctx, mv.source.location); err != nil &&
		!errors.Is(err, transfer.ErrLeft) {
		return err
	}
	return do()
}

// shown shows the progress of copying, and counts in the report.
func (mv *move) shown(report *Report) *shown {
	return &shown{report, progress.New(mv.progress, "rows", 0, false), map[string]int64{}}
}

type shown struct {
	report *Report
	bar    *progress.Bar
	counts map[string]int64
}

func (s *shown) progress(table string, rows int64) {
	// Where all is copied anew, it counts once.
	if more := rows - s.counts[table]; more > 0 {
		s.bar.Add(more)
		s.report.Rows += more
		s.counts[table] = rows
	}
}

func (s *shown) finish() { s.bar.Finish() }

// taken returns ErrOccupied after err, where a row that was created since fits was called has a key
// that is taken at the target.
func (mv *move) taken(ctx context.Context, err error) error {
	mv.resumed = true // what the tenant has at the target is of this attempt
	if taken := mv.fits(ctx); errors.Is(taken, ErrOccupied) {
		return taken
	}
	return err
}
