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
	following state = "following" // writes succeed and are noted
	copying   state = "copying"   // writes fail while the mover holds its lock
	held      state = "held"      // and until a certain time
	kept      state = "kept"      // for ever
	buried    state = "buried"    // until a certain time, while there are no rows
	thawed    state = "thawed"    // no more
)

// marker begins the line of the function that names its state.
const marker = "-- gormtenant: "

// bypass is the parameter by which Remove gets past its own triggers.
const bypass = "gormtenant.mover" //nolint:gosec // the name of a parameter

// arrival is the parameter by which the rows of a tenant that comes back get past what [Plan.Bury]
// left.
const arrival = "gormtenant.arrival"

// fence writes the SQL of one tenant's freeze.
type fence struct {
	digest   string
	tenantID string
	schema   string
	setting  string // by which policies of the tables know whose a statement is, "" if they do not
	lock     int64
}

func (f *fence) name() string { return quoted(f.schema) + "." + quoted(prefix+f.digest) }

// left is the parameter by which a statement knows that it passed over rows that were left.
const left = "gormtenant.left"

// changed names the rows that a statement has changed.
const changed = "gormtenant_changed"

// The first argument of a trigger in shared tables says what is known of its rows.
const (
	becomes = "becomes" // the row is not the tenant's yet
	was     = "was"     // it is the tenant's
	owned   = "owned"   // the rows that it refers to say whose it is
	anyones = "anyones" // there is no row
)

// function returns the function that the triggers call. The rows of a join table have no tenant
// column: its triggers bring two queries, whether one of a row's owners is the tenant's, and
// whether it has an owner at all. A new row whose owners the transaction cannot see counts as the
// tenant's.
func (f *fence) function(s state, until string) string {
	line := string(s)
	if s == buried {
		line += fmt.Sprintf(" %d", f.lock) // for those who drop it
	}
	return "CREATE OR REPLACE FUNCTION " + f.name() + "() RETURNS trigger LANGUAGE plpgsql AS " +
		`$gormtenant$
` + marker + line + `
DECLARE
	before boolean := false;
	mine boolean := true;
	known boolean := false;
BEGIN
	IF TG_LEVEL = 'STATEMENT' AND TG_WHEN = 'AFTER' THEN
		IF pg_catalog.current_setting('` + left + `', true) = TG_ARGV[1] THEN
			PERFORM pg_catalog.set_config('` + left + `', '', true);
			IF NOT EXISTS (SELECT FROM ` + changed + `) THEN
				` + raise(movedText) + `
			END IF;
		END IF;
		RETURN NULL;
	END IF;
	IF TG_LEVEL = 'ROW' AND TG_NARGS > 0 THEN
		before := TG_ARGV[0] = '` + was + `';
		IF TG_ARGV[0] = '` + owned + `' THEN
			mine := false;
			IF TG_OP <> 'INSERT' THEN
				EXECUTE TG_ARGV[2] INTO before USING OLD;
				mine := before;
			END IF;
			IF NOT mine AND TG_OP <> 'DELETE' THEN
				EXECUTE TG_ARGV[2] INTO mine USING NEW;
				IF NOT mine THEN
					EXECUTE TG_ARGV[3] INTO known USING NEW;
					mine := NOT known;
				END IF;
			END IF;
		END IF;
	END IF;
	IF mine AND pg_catalog.current_setting('` + bypass + `', true) IS DISTINCT FROM '` +
		f.digest + `' THEN
		` + f.refuse(s, until) + `
	END IF;
	IF TG_OP = 'DELETE' THEN
		RETURN OLD;
	END IF;
	RETURN NEW;
END
$gormtenant$`
}

func raise(text string) string {
	return "RAISE EXCEPTION USING ERRCODE = '" + FrozenCode + "', MESSAGE = '" + text + "';"
}

// refuse is what the function does about a row of the tenant.
func (f *fence) refuse(s state, until string) string {
	free := fmt.Sprintf("NOT pg_catalog.pg_try_advisory_xact_lock_shared(%d)", f.lock)
	switch s {
	case thawed:
		return "NULL;"
	case kept:
		return f.passOver()
	case following: // of TRUNCATE there are no rows to note
		free = "TG_OP = 'TRUNCATE' AND " + free
	case buried: // there is no row that was the tenant's
		return "IF TG_LEVEL = 'ROW' AND NOT before AND pg_catalog.clock_timestamp() < " +
			pgsession.Literal(until) + " AND pg_catalog.current_setting('" + arrival +
			"', true) IS DISTINCT FROM '" + f.digest + "' THEN\n\t\t\t" + raise(movedText) +
			"\n\t\tEND IF;"
	case held:
		free = "pg_catalog.clock_timestamp() < " + pgsession.Literal(until) + " OR " + free
	}
	return "IF " + free + " THEN\n\t\t\t" + raise(frozenText) + "\n\t\tEND IF;"
}

// passOver is what becomes of writes at a place that was left. A new row is the tenant's late
// writer's. Rows that are there are passed over where the statement is not the tenant's: policies
// know that; without them it counts as the tenant's if it has met no row but the tenant's. What a
// foreign key does to such a row, it does: the row counts no more, and the key must hold.
func (f *fence) passOver() string {
	pass := "PERFORM pg_catalog.set_config('" + left + "', TG_ARGV[1], true);\n\t\t\tRETURN NULL;"
	if f.setting != "" {
		pass = "IF pg_catalog.current_setting(" + pgsession.Literal(f.setting) + ", true) = " +
			pgsession.Literal(f.tenantID) + " THEN\n\t\t\t\t" + raise(movedText) +
			"\n\t\t\tEND IF;\n\t\t\tRETURN NULL;"
	}
	return `IF TG_LEVEL = 'ROW' AND NOT before OR TG_LEVEL = 'STATEMENT' AND TG_NARGS = 0 THEN
			` + raise(movedText) + `
		ELSIF TG_LEVEL = 'ROW' AND pg_catalog.pg_trigger_depth() = 1 THEN
			` + pass + `
		END IF;`
}

// trigger is one that calls the function.
type trigger struct{ name, create string }

// triggers returns those of a table, or of one of its partitions or children, named after what they
// say, so that one that is there is right.
func (f *fence) triggers(
	p *Plan, s *locatedTable, m member, shared bool, at map[string]string,
) []trigger {
	on := " ON " + m.qualifiedName
	w := &whose{p, at, pgsession.Literal}
	mine := func(row string) string {
		return "(" + strings.Join(w.columns(s.table, row+"."), " OR ") + ")"
	}
	call := func(arguments ...string) string {
		for i, a := range arguments {
			arguments[i] = pgsession.Literal(a)
		}
		return " EXECUTE FUNCTION " + f.name() + "(" + strings.Join(arguments, ", ") + ")"
	}
	var rows, statements []string
	switch {
	case !shared && m.kind == partitioned:
		rows = []string{"BEFORE INSERT OR UPDATE OR DELETE" + on + " FOR EACH ROW" + call()}
		statements = []string{"BEFORE TRUNCATE" + on + " FOR EACH STATEMENT" + call()}
	case !shared:
		statements = []string{"BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE" + on +
			" FOR EACH STATEMENT" + call()}
	case s.column != "":
		rows = []string{
			"BEFORE INSERT" + on + " FOR EACH ROW WHEN " + mine("NEW") + call(becomes, s.name),
			"BEFORE UPDATE" + on + " FOR EACH ROW WHEN (" + mine("NEW") + " AND " + mine("OLD") +
				" IS NOT TRUE)" + call(becomes, s.name),
			"BEFORE UPDATE" + on + " FOR EACH ROW WHEN " + mine("OLD") + call(was, s.name),
			"BEFORE DELETE" + on + " FOR EACH ROW WHEN " + mine("OLD") + call(was, s.name),
		}
	default:
		rows = []string{"BEFORE INSERT OR UPDATE OR DELETE" + on + " FOR EACH ROW" + call(owned,
			s.name, "SELECT "+strings.Join(w.owned(s.table, "($1)", 0), " OR "),
			"SELECT "+w.known(s.table))}
	}
	if shared {
		statements = []string{"BEFORE TRUNCATE" + on + " FOR EACH STATEMENT" +
			call(anyones, s.name)}
		for _, event := range []string{"UPDATE", "DELETE"} {
			statements = append(statements, "AFTER "+event+on+" REFERENCING OLD TABLE AS "+changed+
				" FOR EACH STATEMENT WHEN (pg_catalog.current_setting('"+left+"', true) <> '')"+
				call(anyones, s.name))
		}
	}
	if m.partition {
		// It has those of rows from its parent, also if it was attached later.
		rows = nil
		if !shared && m.kind != partitioned {
			statements = []string{"BEFORE TRUNCATE" + on + " FOR EACH STATEMENT" + call()}
		}
	}
	return f.named(append(rows, statements...))
}

// named names triggers after what they say.
func (f *fence) named(rests []string) []trigger {
	var all []trigger
	for _, rest := range rests {
		short := uint32(lockKey(rest)) //nolint:gosec // 32 bits will do
		name := fmt.Sprintf("%s%s_%08x", prefix, f.digest, short)
		all = append(all, trigger{name, "CREATE TRIGGER " + quoted(name) + " " + rest})
	}
	return all
}

// known is the condition that it is known whose a row is.
func (w *whose) known(t *table) string {
	seen := w.seen(t, "($1)")
	if !t.hangs {
		return strings.Join(seen, " OR ")
	}
	for i, o := range t.owners {
		seen[i] = "(" + w.refers(o, "($1)") + " IS NOT TRUE OR " + seen[i] + ")"
	}
	return strings.Join(seen, " AND ")
}
