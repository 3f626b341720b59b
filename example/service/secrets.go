package service

import (
	"context"
	"database/sql"
	"errors"

	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/databases/credentials"
)

// tableSecrets keep the credentials of tenants' databases where all processes on one Postgres find
// them: in a table that only the owner of everything can read. The role that handles requests
// cannot.
type tableSecrets struct{ owner *sql.DB }

// newTableSecrets makes the table if it is not there. It is not for several processes at once.
func newTableSecrets(ctx context.Context, owner *sql.DB) (tableSecrets, error) {
	_, err := owner.ExecContext(ctx, `CREATE SCHEMA IF NOT EXISTS gormtenant_service_secrets;
		CREATE TABLE IF NOT EXISTS gormtenant_service_secrets.databases (
			tenant text, name text, server text, username text NOT NULL, password text NOT NULL,
			PRIMARY KEY (tenant, name, server))`)
	return tableSecrets{owner}, err
}

func (s tableSecrets) Get(
	ctx context.Context, d databases.Database,
) (secret credentials.Secret, err error) {
	err = s.owner.QueryRowContext(ctx, `
		SELECT username, password FROM gormtenant_service_secrets.databases
		WHERE tenant = $1 AND name = $2 AND server = $3`,
		d.Tenant, d.Name, d.Server).Scan(&secret.User, &secret.Password)
	if errors.Is(err, sql.ErrNoRows) {
		err = credentials.ErrNoSecret
	}
	return secret, err
}

func (s tableSecrets) Put(
	ctx context.Context, d databases.Database, secret credentials.Secret,
) error {
	_, err := s.owner.ExecContext(ctx, `
		INSERT INTO gormtenant_service_secrets.databases VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (tenant, name, server)
		DO UPDATE SET username = excluded.username, password = excluded.password`,
		d.Tenant, d.Name, d.Server, secret.User, secret.Password)
	return err
}

func (s tableSecrets) Delete(ctx context.Context, d databases.Database) error {
	_, err := s.owner.ExecContext(ctx, `DELETE FROM gormtenant_service_secrets.databases
		WHERE tenant = $1 AND name = $2 AND server = $3`, d.Tenant, d.Name, d.Server)
	return err
}
