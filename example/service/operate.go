package service

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/isolation"
	"github.com/gormtenant/gormtenant/tenants"
)

// operatorUsage is what tenants -h says.
const operatorUsage = `usage: example tenants [-data DIR] COMMAND

The tenants of the service, on the Postgres at DATABASE_URL, or on SQLite in DIR while no server
has it.

  list                          all tenants, and where they are
  register [flags] SLUG         a new tenant, with its place
      -level LEVEL              rows (the default), schema or database
      -name NAME                what people call it
      -user USER                its first user, who gets a password, which is printed
      -id ID                    the one that it had, to import its rows
  move SLUG LEVEL               take it to another level, while it works
  remove SLUG                   remove what moves have left behind
  migrate                       bring everybody's place to the version of this program
  export SLUG FILE              write all of its rows; - is standard output
  import SLUG FILE              read them into a tenant of the same ID that has none
  erase SLUG [CONFIRMATION]     remove it with all its rows; says what the confirmation is
`

// operator is what the command tenants works with.
type operator struct {
	config Config
	d      *database
	all    *isolation.Tenants
	out    io.Writer
	errs   io.Writer
}

// Operate is the command tenants: what an operator does with the tenants of the service. It writes
// what was asked for to out, and progress to errs.
func Operate(
	ctx context.Context, args []string, getenv func(string) string, out, errs io.Writer,
) (err error) {
	flags := flag.NewFlagSet("tenants", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.Usage = func() { _, _ = fmt.Fprint(errs, operatorUsage) }
	data := flags.String("data", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	o := operator{out: out, errs: errs}
	name, args := flags.Arg(0), flags.Args()
	command, ok := map[string]struct {
		least, most int // arguments
		run         func(ctx context.Context, args []string) error
	}{
		"list":     {0, 0, o.list},
		"register": {1, 99, o.register},
		"move":     {2, 2, o.move},
		"remove":   {1, 1, o.remove},
		"migrate":  {0, 0, o.migrate},
		"export":   {2, 2, o.export},
		"import":   {2, 2, o.imports},
		"erase":    {1, 2, o.erase},
	}[name]
	if !ok || len(args)-1 < command.least || len(args)-1 > command.most {
		flags.Usage()
		return fmt.Errorf("tenants: %q is no command, or has other arguments", strings.Join(args,
			" "))
	}
	o.config = Config{DatabaseURL: getenv("DATABASE_URL"), DataDir: *data}
	if o.config.DatabaseURL == "" && o.config.DataDir == "" {
		return errors.New("tenants: give -data DIR, as to serve, or DATABASE_URL")
	}
	if o.config.Log, err = newLog(errs, "text"); err != nil {
		return err
	}
	if o.config, err = o.config.withDefaults(); err != nil {
		return err
	}
	o.d, err = open(ctx, o.config, func(*database) error { return nil })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.d.close()) }()
	o.all = o.d.levels.all
	return command.run(ctx, args[1:])
}

func (o *operator) list(ctx context.Context, _ []string) error {
	table := tabwriter.NewWriter(o.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "SLUG\tID\tSTATUS\tPLAN\tLEVEL\tLEFT")
	for t, err := range o.d.store.List(ctx, "") {
		if err != nil {
			return err
		}
		left := make([]string, len(t.Left))
		for i, place := range t.Left {
			left[i] = string(place.Normal().Level)
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", t.Slug, t.ID, t.Status, t.Plan,
			t.Placement.Normal().Level, strings.Join(left, ", "))
	}
	return table.Flush()
}

func (o *operator) register(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("tenants register", flag.ContinueOnError)
	flags.SetOutput(o.errs)
	name := flags.String("name", "", "what people call it")
	level := flags.String("level", string(tenants.Rows), "rows, schema or database")
	user := flags.String("user", "", "its first user, who gets a password")
	id := flags.String("id", "", "the ID that it had")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("tenants register: the flags come first, then one slug")
	}
	if err := o.d.levels.check(tenants.Level(*level)); err != nil {
		return err
	}
	if *id == "" { // made here, as the name of its place is made of it
		fresh, err := uuid.NewV7()
		if err != nil {
			return err
		}
		*id = fresh.String()
	}
	t := &tenants.Tenant{
		ID: *id, Slug: flags.Arg(0), Name: *name,
		Placement: o.d.levels.placement(tenants.Level(*level), *id),
	}
	if err := o.all.Register(ctx, t); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(o.out, "registered %s with the ID %s, at the level %s\n", t.Slug, t.ID,
		t.Placement.Normal().Level)
	if *user == "" {
		return nil
	}
	password := rand.Text()
	if err := o.addUser(ctx, t, *user, password); err != nil {
		return fmt.Errorf("the tenant is there, but has no user: %w", err)
	}
	_, _ = fmt.Fprintf(o.out, "user %s, password %s\n", *user, password)
	return nil
}

func (o *operator) addUser(
	ctx context.Context, t *tenants.Tenant, user, password string,
) error {
	if err := checkLogin(user, password); err != nil {
		return err
	}
	passwords, err := newPasswords(ctx, o.config.PasswordIterations, 0)
	if err != nil {
		return err
	}
	hash, err := passwords.hash(ctx, password)
	if err != nil {
		return err
	}
	return o.d.db.WithContext(tenants.NewContext(ctx, t)).Transaction(func(tx *gorm.DB) error {
		_, err := addUser(tx, user, hash)
		return err
	})
}

func (o *operator) move(ctx context.Context, args []string) error {
	t, err := o.d.store.Lookup(ctx, args[0])
	if err != nil {
		return err
	}
	report, err := o.d.levels.move(ctx, t.ID, tenants.Level(args[1]))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.out, "moved %s to the level %s: %d rows, it could not write for %v\n",
		t.Slug, args[1], report.Rows, report.Frozen.Round(time.Millisecond))
	return err
}

func (o *operator) remove(ctx context.Context, args []string) error {
	t, err := o.d.store.Lookup(ctx, args[0])
	if err != nil {
		return err
	}
	removed, err := o.d.levels.removeLeft(ctx, t.ID)
	for _, level := range removed {
		_, _ = fmt.Fprintf(o.out, "removed what %s had left at the level %s\n", t.Slug, level)
	}
	return err
}

func (o *operator) migrate(ctx context.Context, _ []string) error {
	if err := o.all.MigrateAll(ctx); err != nil {
		return err
	}
	_, err := fmt.Fprintln(o.out, "everybody's place is at the version of this program")
	return err
}

func (o *operator) export(ctx context.Context, args []string) (err error) {
	t, err := o.d.store.Lookup(ctx, args[0])
	if err != nil {
		return err
	}
	to := o.out
	if args[1] != "-" {
		file, err := os.OpenFile(args[1], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		defer func() {
			if err = errors.Join(err, file.Close()); err != nil {
				err = errors.Join(err, os.Remove(file.Name())) // a part of it is worth nothing
			}
		}()
		to = file
	}
	rows, err := o.all.Export(ctx, t.ID, to)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.errs, "exported %d rows of %s\n", rows, t.Slug)
	return err
}

func (o *operator) imports(ctx context.Context, args []string) (err error) {
	t, err := o.d.store.Lookup(ctx, args[0])
	if err != nil {
		return err
	}
	file, err := os.Open(args[1])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	rows, err := o.all.Import(ctx, t.ID, file)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.out, "imported %d rows of %s\n", rows, t.Slug)
	return err
}

func (o *operator) erase(ctx context.Context, args []string) error {
	t, err := o.d.store.Lookup(ctx, args[0])
	if err != nil {
		return err
	}
	want, err := o.all.EraseConfirmation(t.ID)
	if err != nil {
		return err
	}
	confirmed := slices.Concat(args, []string{""})[1]
	err = o.all.Erase(ctx, t.ID, confirmed)
	if errors.Is(err, isolation.ErrNotConfirmed) {
		return fmt.Errorf("nothing was erased: %s and all of its rows go, for good, with the "+
			"confirmation %s", t.Slug, want)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.out, "erased %s\n", t.Slug)
	return err
}
