package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gormtenant/gormtenant/internal/pgsession"
)

// CheckSource returns what would keep the tenant's rows from being frozen and read at a place,
// joined, nil if nothing would: tables that are missing, rights, policies that hide rows, rows that
// are not the tenant's alone. It writes nothing.
func (p *Plan) CheckSource(ctx context.Context, from Location) error {
	source, err := p.open(ctx, from)
	if err != nil {
		return err
	}
	defer source.close(ctx)
	err = p.foreign(ctx, source, from.Shared, literalOf(source))
	if e, ok := source.(*postgresSide); ok {
		err = errors.Join(err, e.mayFreeze(ctx))
	}
	return err
}

// CheckTarget returns what would keep the tenant's rows from being copied to a place that is there,
// joined, nil if nothing would: tables and columns that are missing or of other types, rights, also
// those to switch triggers off. Collisions has the rest. It writes nothing.
func (p *Plan) CheckTarget(ctx context.Context, from, to Location) error {
	if err := apart(from, to); err != nil {
		return err
	}
	source, err := p.open(ctx, from)
	if err != nil {
		return err
	}
	defer source.close(ctx)
	target, err := p.open(ctx, to)
	if err != nil {
		return err
	}
	defer target.close(ctx)
	_, fromServer := source.(*postgresSide)
	there, toServer := target.(*postgresSide)
	var errs []error
	for i, s := range source.tables() { // one after the other, to tell of all
		errs = append(errs, match([]*locatedTable{s}, target.tables()[i:i+1],
			fromServer && toServer))
	}
	if toServer {
		errs = append(errs, there.mayCopy(ctx, to))
	}
	return errors.Join(errs...)
}

// mayFreeze says which rights are missing to freeze tables.
func (e *postgresSide) mayFreeze(ctx context.Context) error {
	var errs []error
	for _, s := range e.list {
		if err := e.lacks(ctx, "tenant's writes cannot be frozen in "+s.name,
			"has_table_privilege("+s.oid+", 'TRIGGER')", "TRIGGER on the table",
			"pg_has_role((SELECT relowner FROM pg_class WHERE oid = "+s.oid+"), 'USAGE')",
			"the table's owner, to drop triggers",
			"has_schema_privilege((SELECT relnamespace FROM pg_class WHERE oid = "+s.oid+
				"), 'CREATE')", "CREATE on its schema"); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// mayCopy says which rights are missing to copy to tables.
func (e *postgresSide) mayCopy(ctx context.Context, to Location) error {
	var errs []error
	if to.Shared { // where keys are compared
		errs = append(errs, e.lacks(ctx, "keys cannot be compared with those of others",
			"has_database_privilege(current_database(), 'TEMPORARY')",
			"TEMPORARY on the database"))
	}
	for _, s := range e.list {
		for _, right := range []string{"SELECT", "INSERT", "DELETE"} {
			errs = append(errs, e.lacks(ctx, "rows cannot be copied to "+s.name,
				"has_table_privilege("+s.oid+", '"+right+"')", right+" on the table"))
		}
		errs = append(errs, e.lacks(ctx, "triggers of "+s.name+" cannot be switched off",
			"pg_has_role((SELECT relowner FROM pg_class WHERE oid = "+s.oid+"), 'USAGE') "+
				"OR NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = "+s.oid+
				" AND NOT tgisinternal AND tgenabled IN ('O', 'A'))", "the table's owner"))
		sequences, err := e.sequences(ctx, s)
		errs = append(errs, err)
		for name := range sequences {
			errs = append(errs, e.lacks(ctx, "the sequence "+name+" cannot be set past the keys",
				"pg_has_role((SELECT relowner FROM pg_class WHERE oid = "+
					pgsession.Literal(name)+"::regclass), 'USAGE')", "the sequence's owner"))
		}
	}
	return errors.Join(errs...)
}

// lacks returns an error with the names of those conditions that do not hold. They come in pairs
// with their names.
func (e *postgresSide) lacks(ctx context.Context, what string, conditions ...string) error {
	var missing []string
	for pair := range slices.Chunk(conditions, 2) {
		holds, err := e.value(ctx, "SELECT "+pair[0])
		if err != nil {
			return err
		}
		if holds != "t" {
			missing = append(missing, pair[1])
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("gormtenant: %s: the role that moves lacks %s", what,
		strings.Join(missing, ", "))
}
