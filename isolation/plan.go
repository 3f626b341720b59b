package isolation

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/gormtenant/gormtenant/internal/owntable"
	"github.com/gormtenant/gormtenant/internal/pgsession"
	"github.com/gormtenant/gormtenant/internal/prefix"
	"github.com/gormtenant/gormtenant/isolation/internal/transfer"
)

// planAt returns which rows are the tenant's at a place. Those in the library's own tables are
// among them where the place has these.
func (m *Mover) planAt(
	ctx context.Context, id string, at transfer.Location,
) (*transfer.Plan, error) {
	has, err := hasOwn(ctx, at)
	if err != nil {
		return nil, err
	}
	models := m.models
	if has {
		models = append(models[:len(models):len(models)], owntable.Models()...)
	}
	plan, err := transfer.Read(m.parser(), id, models...)
	if err != nil {
		return nil, err
	}
	return plan.Complete(ctx, at)
}

// hasOwn reports whether a place has the library's own tables.
func hasOwn(ctx context.Context, at transfer.Location) (has bool, err error) {
	pool, err := at.DB.DB()
	if err != nil {
		return false, prefix.Errorf("the connections of a place: %w", err)
	}
	query := "SELECT count(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = '" +
		owntable.Locks + "'"
	if at.DB.Name() == "postgres" {
		name := owntable.Locks
		if at.Schema != "" {
			name = pgx.Identifier{at.Schema}.Sanitize() + "." + name
		}
		query = "SELECT to_regclass(" + pgsession.Literal(name) + ") IS NOT NULL"
	}
	if err := pool.QueryRowContext(ctx, query).Scan(&has); err != nil {
		return false, prefix.Errorf("looking for the table %s: %w", owntable.Locks, err)
	}
	return has, nil
}

// makeOwn makes the library's own tables at the target of a move where its source has them, so that
// what worked there goes on working.
func makeOwn(ctx context.Context, source, target transfer.Location) error {
	needed, err := hasOwn(ctx, source)
	if !needed || err != nil {
		return err
	}
	return completeOwn(ctx, target)
}

// completeOwn makes the library's own tables at a place where they are missing.
func completeOwn(ctx context.Context, at transfer.Location) error {
	schema := ""
	if at.Schema != "" {
		schema = pgx.Identifier{at.Schema}.Sanitize()
	}
	pool, err := at.DB.DB()
	if err == nil {
		err = owntable.Complete(ctx, pool, at.DB.Name(), schema)
	}
	if err != nil {
		return prefix.Errorf("making the table %s: %w", owntable.Locks, err)
	}
	return nil
}
