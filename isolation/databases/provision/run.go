package provision

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/gormtenant/gormtenant/internal/pgsession"
	"github.com/gormtenant/gormtenant/internal/place"
	"github.com/gormtenant/gormtenant/isolation/databases/credentials"
)

// making is one call of Provision at work. Whatever step it comes to, what is there says where to
// go on: the secret comes before the role that has it, the role before the database that it owns,
// and nobody can connect to that until PUBLIC's rights are gone.
type making struct {
	*session
	found   state // when the call began
	secret  credentials.Secret
	attempt string
}

func (m *making) make(ctx context.Context) error {
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

func (m *making) keepSecret(ctx context.Context) error {
	if m.secret.Password != "" {
		return nil
	}
	m.secret = credentials.Secret{User: place.Role(m.d.Name), Password: newPassword()}
	return m.p.secrets.Put(ctx, m.d, m.secret)
}

// makeRole marks the role with this attempt, so that no other, which was cut off, takes it away.
func (m *making) makeRole(ctx context.Context) error {
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
			mark{m.d.Tenant, m.p.application, m.attempt}.String()),
		// To own a database for a role, an admin that is no superuser has to be a member of it.
		// Since PostgreSQL 16 having made it is not enough.
		"GRANT "+m.role()+" TO CURRENT_USER")
}

func (m *making) makeDatabase(ctx context.Context) error {
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

func (m *making) openDatabase(ctx context.Context) error {
	if m.found.opened {
		return nil
	}
	return m.exec(ctx,
		"REVOKE ALL ON DATABASE "+m.name()+" FROM PUBLIC",
		"COMMENT ON DATABASE "+m.name()+" IS "+pgsession.Literal(
			mark{Tenant: m.d.Tenant, Application: m.p.application}.String()),
		"ALTER DATABASE "+m.name()+" ALLOW_CONNECTIONS true")
}

func (m *making) migrateDatabase(ctx context.Context) error {
	_, err := m.p.migrateAs(ctx, m.d, m.secret, func(ctx context.Context, pool *sql.DB) error {
		if m.found.opened {
			return nil
		}
		_, err := pool.ExecContext(ctx, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
		return err
	})
	return err
}
