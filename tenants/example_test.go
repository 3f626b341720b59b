package tenants_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gormtenant/gormtenant/tenants"
)

func ExampleCached() {
	directory := tenants.Cached(newDirectory(acme()), tenants.TTL(time.Minute),
		tenants.Grace(time.Hour))
	ctx := context.Background()

	for _, host := range []string{"acme.com", "acme.com", "evil.com"} {
		t, err := directory.Lookup(ctx, host)
		switch {
		case errors.Is(err, tenants.ErrNotFound):
			fmt.Println(host, "is nobody's")
		case err != nil:
			fmt.Println("try again later:", err)
		default:
			fmt.Println(host, "is", t.Name+"'s:", t.Usable(noon.Add(-time.Hour)))
		}
	}
	directory.Invalidate("t1") // after a change of the tenant
	// Output:
	// acme.com is Acme's: <nil>
	// acme.com is Acme's: <nil>
	// evil.com is nobody's
}

// The first run fails for the third of five tenants, and the second goes on from there.
func ExampleEach_resume() {
	invoice := func(_ context.Context, t *tenants.Tenant) error {
		fmt.Println("invoice", t.ID)
		if t.ID == number(3) {
			return errors.New("no address")
		}
		return nil
	}
	err := tenants.Each(context.Background(), list{n: 5}, invoice, tenants.Concurrency(1))

	var partial *tenants.EachError
	if errors.As(err, &partial) {
		fmt.Println(partial.Failed[0], "resume after", partial.Resume)
		_ = tenants.Each(context.Background(), list{n: 5}, invoice, tenants.Concurrency(1),
			tenants.After(partial.Resume))
	}
	// Output:
	// invoice 000001
	// invoice 000002
	// invoice 000003
	// invoice 000004
	// invoice 000005
	// tenant "000003": no address resume after 000002
	// invoice 000003
	// invoice 000004
	// invoice 000005
}
