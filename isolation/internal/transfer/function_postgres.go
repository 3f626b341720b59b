package transfer

import (
	"fmt"
	"strings"

	"github.com/gormtenant/gormtenant/internal/pgsession"
)

// state is what the function of a frozen place says. It is in the function's text because changes
// of the catalog are seen by every transaction, also by one that reads as of a time before.
type state string

const (
	copying state = "copying" // writes fail while the mover holds its lock
	held    state = "held"    // and until a certain time
	kept    state = "kept"    // for ever
	thawed  state = "thawed"  // no more
)

// marker begins the line of the function that names its state.
const marker = "-- gormtenant: "

// bypass is the parameter by which Remove gets past its own triggers.
const bypass = "gormtenant.mover" //nolint:gosec // the name of a parameter

// fence writes the SQL of one tenant's freeze.
type fence struct {
	digest string
	schema string
	lock   int64
}

func (f *fence) name() string { return quoted(f.schema) + "." + quoted(prefix+f.digest) }

// function returns the function that the triggers call. The rows of a join table have no tenant
// column: its triggers bring two queries, whether one of a row's owners is the tenant's, and
// whether it has an owner at all. A new row whose owners the transaction cannot see counts as the
// tenant's.
func (f *fence) function(s state, until string) string {
	mine := fmt.Sprintf("NOT pg_catalog.pg_try_advisory_xact_lock_shared(%d)", f.lock)
	switch s {
	case held:
		mine = "pg_catalog.clock_timestamp() < " + pgsession.Literal(until) + " OR " + mine
	case kept:
		mine = "true"
	case thawed:
		mine = "false"
	}
	return "CREATE OR REPLACE FUNCTION " + f.name() + "() RETURNS trigger LANGUAGE plpgsql AS " +
		`$gormtenant$
` + marker + string(s) + `
DECLARE
	mine boolean := true;
	known boolean := false;
BEGIN
	IF TG_NARGS > 0 AND TG_LEVEL = 'ROW' THEN
		mine := false;
		IF TG_OP <> 'INSERT' THEN
			EXECUTE TG_ARGV[0] INTO mine USING OLD;
		END IF;
		IF NOT mine AND TG_OP <> 'DELETE' THEN
			EXECUTE TG_ARGV[0] INTO mine USING NEW;
			IF NOT mine THEN
				EXECUTE TG_ARGV[1] INTO known USING NEW;
				mine := NOT known;
			END IF;
		END IF;
	END IF;
	IF mine AND pg_catalog.current_setting('` + bypass + `', true) IS DISTINCT FROM '` +
		f.digest + `' AND (` + mine + `) THEN
		RAISE EXCEPTION USING ERRCODE = '` + FrozenCode + `', MESSAGE = '` + frozenText + `';
	END IF;
	IF TG_OP = 'DELETE' THEN
		RETURN OLD;
	END IF;
	RETURN NEW;
END
$gormtenant$`
}

// trigger is one that calls the function.
type trigger struct{ name, create string }

// triggers returns those of a table, named after what they say, so that one that is there is right.
func (f *fence) triggers(p *Plan, s *locatedTable, shared bool, at map[string]string) []trigger {
	mine := func(row string) string {
		return row + "." + quoted(s.column) + " = " +
			pgsession.Literal(p.tenantID)
	}
	var when []string
	switch {
	case !shared:
		when = []string{"INSERT OR UPDATE OR DELETE OR TRUNCATE ON " + s.qualifiedName +
			" FOR EACH STATEMENT"}
	case s.column != "":
		when = []string{
			"INSERT ON " + s.qualifiedName + " FOR EACH ROW WHEN (" + mine("NEW") + ")",
			"UPDATE ON " + s.qualifiedName + " FOR EACH ROW WHEN (" + mine("OLD") + " OR " +
				mine("NEW") + ")",
			"DELETE ON " + s.qualifiedName + " FOR EACH ROW WHEN (" + mine("OLD") + ")",
			"TRUNCATE ON " + s.qualifiedName + " FOR EACH STATEMENT",
		}
	default:
		when = []string{
			"INSERT OR UPDATE OR DELETE ON " + s.qualifiedName + " FOR EACH ROW",
			"TRUNCATE ON " + s.qualifiedName + " FOR EACH STATEMENT",
		}
	}
	all := make([]trigger, len(when))
	for i, event := range when {
		call := f.name() + "("
		if shared && s.column == "" {
			call += pgsession.Literal("SELECT "+strings.Join(p.owned(s, "($1)", at,
				pgsession.Literal), " OR ")) + ", " +
				pgsession.Literal("SELECT "+strings.Join(ownerSeen(s, at), " OR "))
		}
		rest := "BEFORE " + event + " EXECUTE FUNCTION " + call + ")"
		short := uint32(lockKey(rest)) //nolint:gosec // 32 bits will do
		name := fmt.Sprintf("%s%s_%08x", prefix, f.digest, short)
		all[i] = trigger{name, "CREATE TRIGGER " + quoted(name) + " " + rest}
	}
	return all
}

func ownerSeen(s *locatedTable, at map[string]string) []string {
	terms := make([]string, len(s.owners))
	for i, o := range s.owners {
		terms[i] = ownerExists(o, "($1)", at) + ")"
	}
	return terms
}
