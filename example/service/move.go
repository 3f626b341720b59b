package service

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gormtenant/gormtenant/isolation"
	"github.com/gormtenant/gormtenant/tenants"
)

type moveJSON struct {
	Tenant string        `json:"tenant"`
	Level  tenants.Level `json:"level"`
	// Rows is how many rows were copied, FrozenMS for how long the tenant could not write, in
	// milliseconds.
	Rows     int64           `json:"rows"`
	FrozenMS float64         `json:"frozen_ms"`
	Removed  []tenants.Level `json:"removed,omitempty"` // where the old rows were
}

// move moves a tenant to another level of isolation, while it works. With "remove_old" it also
// removes what the tenant has left behind: now, and by moves before.
func (s *Server) move(r *http.Request) (answer, error) {
	var in struct {
		Level     tenants.Level `json:"level"`
		RemoveOld bool          `json:"remove_old"`
	}
	if err := decode(r, &in); err != nil {
		return answer{}, err
	}
	t, err := s.store.Lookup(r.Context(), r.PathValue("slug"))
	if err != nil {
		return answer{}, err
	}
	moved, err := s.moveTo(r.Context(), t, in.Level, in.RemoveOld)
	if err != nil {
		return answer{}, err
	}
	return ok(moved)
}

func (s *Server) moveTo(
	ctx context.Context, t *tenants.Tenant, level tenants.Level, removeOld bool,
) (moveJSON, error) {
	report, err := s.database.levels.move(ctx, t.ID, level)
	if err != nil {
		return moveJSON{}, moveProblem(err)
	}
	out := moveJSON{
		Tenant: t.Slug, Level: level, Rows: report.Rows,
		FrozenMS: float64(report.Frozen.Round(10*time.Microsecond)) / float64(time.Millisecond),
	}
	s.log.WarnContext(ctx, "audit: a tenant was moved", "slug", t.Slug, "level", level, "rows",
		out.Rows, "frozen", report.Frozen)
	if !removeOld {
		return out, nil
	}
	if out.Removed, err = s.database.levels.removeLeft(ctx, t.ID); err != nil {
		return out, fmt.Errorf("%w: %w", newProblem(http.StatusInternalServerError,
			"The tenant has moved, but not all that it left was removed: call remove."), err)
	}
	if len(out.Removed) > 0 {
		s.log.WarnContext(ctx, "audit: what a tenant left was removed", "slug", t.Slug, "levels",
			out.Removed)
	}
	return out, nil
}

// moveProblem is what the administrator is told of a move that was not done.
func moveProblem(err error) error {
	for _, known := range []error{
		isolation.ErrOccupied, isolation.ErrBusy, isolation.ErrUnfinished,
	} {
		if errors.Is(err, known) {
			return fmt.Errorf("%w: %w", newProblem(http.StatusConflict, err.Error()), err)
		}
	}
	return err
}

// removeOld removes what a tenant has left at a level where it was.
func (s *Server) removeOld(ctx context.Context, t *tenants.Tenant, r *http.Request) error {
	var in struct {
		Level        tenants.Level `json:"level"`
		Confirmation string        `json:"confirmation"`
	}
	if err := decode(r, &in); err != nil {
		return err
	}
	for _, left := range t.Left {
		if left.Normal().Level != in.Level {
			continue
		}
		err := s.database.levels.remove(ctx, t.ID, left, in.Confirmation)
		if errors.Is(err, isolation.ErrNotConfirmed) {
			want, err := s.database.levels.mover.Confirmation(ctx, t.ID, left)
			if err != nil {
				return err
			}
			return badRequest(fmt.Sprintf(`Nothing was removed. It takes "confirmation": %q.`,
				want))
		}
		return err
	}
	return newProblem(http.StatusNotFound,
		fmt.Sprintf("The tenant has left nothing at the level %q.", in.Level))
}
