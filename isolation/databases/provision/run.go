package provision

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/gormtenant/gormtenant/internal/pgsession"
	"github.com/gormtenant/gormtenant/internal/tenantname"
	"github.com/gormtenant/gormtenant/isolation/databases/credentials"
)

// provisionRun is one call of Provision. Each step looks at what exists already: the secret comes
// before the role that has it, the role before the database that it owns, and nobody can connect to
// that until PUBLIC's rights are revoked.
type provisionRun struct {
	*session
	found   state // when the call began
	secret  credentials.Secret
	attempt string
}

func (m *provisionRun) make(ctx context.Context) error {
	for _, step := range []struct {
		what string
		do   func(ctx context.Context) error
	}{
		{"keep its credentials", m.keepSecret},
		{"make its role", m.makeRole},
		{"make it", m.makeDatabase},
		{"open it to its role", m.openDatabase},
		{"migrate it", m.migrateDatabase},
	} {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return nil
}

func (m *provisionRun) keepSecret(ctx context.Context) error {
	if m.secret.Password != "" {
		return nil
	}
	m.secret = credentials.Secret{User: tenantname.Role(m.d.Name), Password: newPassword()}
	return m.p.secrets.Put(ctx, m.d, m.secret)
}

// makeRole marks the role with this attempt, so that an earlier attempt, which was cut off, does
// not remove it.
func (m *provisionRun) makeRole(ctx context.Context) error {
	password, err := verifier(m.secret.Password)
	if err != nil {
		return err
	}
	verb := "CREATE"
	if m.found.role {
		verb = "ALTER"
	}
	return m.exec(ctx,
		verb+" ROLE "+m.role()+" LOGIN PASSWORD "+pgsession.Literal(password),
		"COMMENT ON ROLE "+m.role()+" IS "+pgsession.Literal(
			mark{Tenant: m.d.Tenant, Application: m.p.application, Attempt: m.attempt}.String()),
		// An admin that is no superuser must be a member of a role to make it the owner of a
		// database. Since PostgreSQL 16 having made the role is not enough.
		"GRANT "+m.role()+" TO CURRENT_USER")
}

func (m *provisionRun) makeDatabase(ctx context.Context) error {
	if m.found.broken {
		if err := m.exec(ctx, "DROP DATABASE "+m.name()); err != nil {
			return err
		}
	} else if m.found.database {
		return nil
	}
	return m.exec(
		ctx, "CREATE DATABASE "+m.name()+" OWNER "+m.role()+" TEMPLATE "+m.p.templateName()+
			" ALLOW_CONNECTIONS false")
}

func (m *provisionRun) openDatabase(ctx context.Context) error {
	if m.found.opened {
		return nil
	}
	return m.exec(ctx,
		"REVOKE ALL ON DATABASE "+m.name()+" FROM PUBLIC",
		"COMMENT ON DATABASE "+m.name()+" IS "+pgsession.Literal(
			mark{Tenant: m.d.Tenant, Application: m.p.application}.String()),
		"ALTER DATABASE "+m.name()+" ALLOW_CONNECTIONS true")
}

func (m *provisionRun) migrateDatabase(ctx context.Context) error {
	_, err := m.p.migrateAs(ctx, m.d, m.secret, func(ctx context.Context, pool *sql.DB) error {
		if m.found.opened {
			return nil
		}
		_, err := pool.ExecContext(ctx, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
		return err
	})
	return err
}
