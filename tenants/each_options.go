package tenants

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/gormtenant/gormtenant/internal/option"
	"github.com/gormtenant/gormtenant/internal/progress"
)

// EachOption changes what [Each] does.
type EachOption interface {
	apply(config *eachConfig) error
}

type eachOption func(config *eachConfig) error

func (o eachOption) apply(config *eachConfig) error { return o(config) }

type eachConfig struct {
	concurrency int
	after       string
	everyone    bool
	only        func(*Tenant) bool
	progress    io.Writer // nil for none
	total       int       // 0 where it is not known
}

func newEachConfig(options []EachOption) (eachConfig, error) {
	config := eachConfig{concurrency: 4}
	if progress.IsTerminal(os.Stderr) {
		config.progress = os.Stderr
	}
	err := option.Apply("tenants.Each", options,
		func(o EachOption) error { return o.apply(&config) })
	return config, err
}

// Concurrency is how many tenants are worked for at the same time. It must be at least 1. Defaults
// to 4. Mind the database's pool: each may hold a connection.
func Concurrency(n int) EachOption {
	return eachOption(func(config *eachConfig) error {
		config.concurrency = n
		if n < 1 {
			return fmt.Errorf("gormtenant: tenants.Concurrency(%d): it must be at least 1", n)
		}
		return nil
	})
}

// After starts after the tenant of that ID: the Resume of an [EachError]. Defaults to "", the
// start.
func After(id string) EachOption {
	return eachOption(func(config *eachConfig) error {
		config.after = id
		return nil
	})
}

// Everyone works for suspended, closed and expired tenants too: for what has to be done wherever
// there is data, such as migrations and deletions. Without it [Each] leaves out those that are not
// [Tenant.Usable], as a request of theirs would be refused.
func Everyone() EachOption {
	return eachOption(func(config *eachConfig) error {
		config.everyone = true
		return nil
	})
}

// Only leaves out the tenants for which it returns false. Defaults to all that are usable, or
// [Everyone]. It is called by one goroutine, while the list is read.
//
//	tenants.Only(func(t *tenants.Tenant) bool { return t.Plan == "pro" })
func Only(keep func(t *Tenant) bool) EachOption {
	return eachOption(func(config *eachConfig) error {
		config.only = keep
		if keep == nil {
			return errors.New("gormtenant: tenants.Only(nil): leave it out to keep every tenant")
		}
		return nil
	})
}

// Progress is where to write how far the work is: a bar if w is a terminal, and else a line every
// ten seconds; in either case a line at the end. nil and io.Discard are silent. Defaults to
// os.Stderr if that is a terminal, and to silence if it is not. Errors of w are ignored.
func Progress(w io.Writer) EachOption {
	return eachOption(func(config *eachConfig) error {
		config.progress = w
		return nil
	})
}

// Total is how many tenants there will be, for [Progress]: only with it can the bar tell what share
// is done, and how long the rest may take. It need not be exact. Defaults to 0, which is not known.
func Total(n int) EachOption {
	return eachOption(func(config *eachConfig) error {
		config.total = n
		if n < 0 {
			return fmt.Errorf("gormtenant: tenants.Total(%d): it must not be negative", n)
		}
		return nil
	})
}
