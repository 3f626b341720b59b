package provision

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gormtenant/gormtenant/internal/place"
)

// undoTimeout is how long taking back what a failed call made may take.
const undoTimeout = 30 * time.Second

// undo takes back what this call made, and what it found that nobody could have used. It connects
// anew: the other connection may be what failed, and its lock lasts until the server has done what
// it was told.
func (m *making) undo(ctx context.Context) error {
	if m.found.opened {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	s, err := m.p.lock(ctx, m.d)
	if err != nil {
		return err
	}
	defer s.close(ctx)
	now, err := s.look(ctx)
	if err != nil {
		return err
	}
	if now.role && now.mark.Attempt != m.attempt && now.mark != m.found.mark {
		return nil // another call has taken it over meanwhile, and finishes it
	}
	return s.remove(ctx, now)
}

// remove drops the database and the role if they are the tenant's, and then forgets the secret.
func (s *session) remove(ctx context.Context, now state) error {
	if err := s.check(now); err != nil {
		return err
	}
	if now.role {
		// Nobody logs in any more, and who is in the server goes: DROP DATABASE sees to its own
		// sessions only.
		if err := s.exec(
			ctx, "ALTER ROLE "+s.role()+" NOLOGIN",
			"GRANT "+s.role()+" TO CURRENT_USER"); err != nil {
			return err
		}
		if err := insist(func() error { return s.terminate(ctx) }); err != nil {
			return err
		}
	}
	if now.database {
		if err := insist(
			func() error {
				return s.exec(
					ctx, "DROP DATABASE "+s.name()+" WITH (FORCE)")
			}); err != nil {
			return err
		}
	}
	if now.role {
		if err := s.exec(ctx, "DROP ROLE "+s.role()); err != nil {
			return err
		}
	}
	if err := s.p.secrets.Delete(ctx, s.d); err != nil {
		return errors.Join(errors.New("its credentials are left"), err)
	}
	return nil
}

// terminate ends the sessions of the role, in whatever database, and waits until they have ended.
func (s *session) terminate(ctx context.Context) error {
	const sessions = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename " +
		"= $1::name"
	_, err := s.conn.Exec(ctx, sessions, place.Role(s.d.Name))
	return err
}

// insist calls fn again when Postgres says that a session is another's: it does so too when the
// tenant's has ended at that moment, and its place in shared memory is another's by now.
func insist(fn func() error) (err error) {
	const attempts, insufficientPrivilege = 5, "42501"
	for range attempts {
		err = fn()
		if refused := (*pgconn.PgError)(nil); !errors.As(err, &refused) ||
			refused.Code != insufficientPrivilege {
			return err
		}
	}
	return err
}
