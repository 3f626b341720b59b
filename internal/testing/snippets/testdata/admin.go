package snippet

import "github.com/jackc/pgx/v5"

var admin *pgx.ConnConfig
