package provision

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gormtenant/gormtenant/internal/tenantname"
)

// undoTimeout limits the time for undoing what a failed call made.
const undoTimeout = 30 * time.Second

// undo removes what this call made, and what it found that nobody could have used. It opens a new
// connection: the old one may be what failed, and its lock lasts until the server has finished.
func (m *provisionRun) undo(ctx context.Context) error {
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
		// Nobody can log in any more, and open sessions end: DROP DATABASE ends those in its own
		// database only.
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

// terminate ends the role's sessions, in whatever database, and waits until they have ended.
func (s *session) terminate(ctx context.Context) error {
	const sessions = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename " +
		"= $1::name"
	_, err := s.conn.Exec(ctx, sessions, tenantname.Role(s.d.Name))
	return err
}

// insist calls fn again if Postgres says that a session is another role's. It says so too if the
// role's session has just ended and another one has its slot in shared memory by now.
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
