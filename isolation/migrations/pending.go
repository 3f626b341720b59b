package migrations

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"
)

// Pending returns the versions of the list that [Apply] would apply in the place of db, in order.
// It reads the place's table of versions and changes nothing. It takes no lock that a migration
// would wait for. Where a place's versions do not fit the list the error is [ErrVersion].
func Pending(ctx context.Context, db *gorm.DB, list []Migration) ([]string, error) {
	if err := Check(list); err != nil {
		return nil, err
	}
	p, err := placeOf(ctx, db)
	if err != nil {
		return nil, err
	}
	has, err := p.versions(ctx)
	if err != nil {
		return nil, err
	}
	todo, err := pending(list, has)
	if err != nil {
		return nil, err
	}
	versions := make([]string, len(todo))
	for i, m := range todo {
		versions[i] = m.Version
	}
	return versions, nil
}

// Record records the versions of the list up to the given one as applied in the place of db, and
// runs nothing. It is for a place that exists, and is there already. It returns those that were not
// recorded before. A place that is at a later version is an [ErrVersion].
func Record(
	ctx context.Context, db *gorm.DB, list []Migration, version string,
) ([]string, error) {
	for i, m := range list {
		if m.Version != version {
			continue
		}
		there := make([]Migration, i+1)
		for j := range there {
			there[j] = Migration{Version: list[j].Version, Up: nothing}
		}
		return Apply(ctx, db, there)
	}
	return nil, fmt.Errorf("gormtenant: migrations.Record: the list has no version %q", version)
}

func nothing(context.Context, *gorm.DB) error { return nil }

// place reads and writes the table of versions past a transaction.
type place struct {
	pool     gorm.ConnPool
	postgres bool
	schema   string
	table    string // quoted
}

// placeOf returns the place of db, and sends one query.
func placeOf(ctx context.Context, db *gorm.DB) (*place, error) {
	if db == nil || db.Dialector == nil || (db.Name() != "postgres" && db.Name() != "sqlite") {
		return nil, errors.New("gormtenant: migrations need a *gorm.DB on Postgres or SQLite")
	}
	p := &place{pool: db.Statement.ConnPool, postgres: db.Name() == "postgres", schema: "main"}
	if prepared, ok := p.pool.(*gorm.PreparedStmtDB); ok {
		p.pool = prepared.ConnPool
	}
	if !p.postgres {
		p.table = "main." + tableName
		return p, nil
	}
	err := p.pool.QueryRowContext(ctx, "SELECT coalesce(current_schema(), '')").Scan(&p.schema)
	if err == nil && p.schema == "" {
		err = errors.New("gormtenant: search_path names no schema that is there and may be used")
	}
	p.table = pgx.Identifier{p.schema, tableName}.Sanitize()
	return p, err
}

// versions returns the versions that were applied, none if there is no table of them.
func (p *place) versions(ctx context.Context) ([]string, error) {
	query := "SELECT count(*) FROM main.sqlite_master WHERE type = 'table' AND name = $1"
	arg := tableName
	if p.postgres {
		query, arg = "SELECT count(to_regclass($1))", p.table
	}
	var tables int
	if err := p.pool.QueryRowContext(ctx, query, arg).Scan(&tables); err != nil || tables == 0 {
		return nil, err
	}
	return versionsIn(ctx, p.pool, p.table)
}

// record records a version that was run outside of a transaction. On SQLite another process may
// have run it at the same time.
func (p *place) record(ctx context.Context, version string) error {
	_, err := p.pool.ExecContext(ctx, "INSERT INTO "+p.table+" (version) VALUES ($1) "+
		"ON CONFLICT DO NOTHING", version)
	return err
}
