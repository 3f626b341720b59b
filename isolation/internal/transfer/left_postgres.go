package transfer

import "github.com/gormtenant/gormtenant/internal/pgsession"

// SchemaIsLeft is a condition for a row n of pg_namespace: that a tenant has moved away from the
// schema, whose tables are closed to writes since Keep.
var SchemaIsLeft = "EXISTS (SELECT FROM pg_proc AS p WHERE p.pronamespace = n.oid " +
	"AND starts_with(p.proname, " + pgsession.Literal(prefix) + ") " +
	"AND strpos(p.prosrc, " + pgsession.Literal(marker+string(kept)) + ") > 0)"
