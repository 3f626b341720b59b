// Package gorm is as much of GORM as the tests need.
package gorm

import (
	"context"
	"database/sql"
)

type (
	Model   struct{ ID uint }
	DB      struct{ Error error }
	Session struct {
		NewDB   bool
		Context context.Context
	}
	Expression struct{}
)

func Expr(sql string, args ...any) Expression { return Expression{} }

func (db *DB) WithContext(ctx context.Context) *DB    { return db }
func (db *DB) Session(s *Session) *DB                 { return db }
func (db *DB) Scopes(f ...func(*DB) *DB) *DB          { return db }
func (db *DB) Model(v any) *DB                        { return db }
func (db *DB) Where(q any, args ...any) *DB           { return db }
func (db *DB) Order(v any) *DB                        { return db }
func (db *DB) Raw(q string, args ...any) *DB          { return db }
func (db *DB) Exec(q string, args ...any) *DB         { return db }
func (db *DB) Scan(v any) *DB                         { return db }
func (db *DB) Find(v any, c ...any) *DB               { return db }
func (db *DB) First(v any, c ...any) *DB              { return db }
func (db *DB) Create(v any) *DB                       { return db }
func (db *DB) AutoMigrate(v ...any) error             { return nil }
func (db *DB) DB() (*sql.DB, error)                   { return nil, nil }
func (db *DB) Transaction(f func(tx *DB) error) error { return f(db) }
