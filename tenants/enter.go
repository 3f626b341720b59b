package tenants

import (
	"context"
	"errors"
	"time"

	"github.com/gormtenant/gormtenant/internal/prefix"
)

// Enter returns a context that runs as the tenant of that ID, for work that comes without a
// request: a job, a message, a webhook.
//
//	func (w *worker) Work(ctx context.Context, job *river.Job[InvoiceArgs]) error {
//		ctx, err := tenants.Enter(ctx, w.directory, job.Args.TenantID)
//		if err != nil {
//			return err
//		}
//		return w.db.WithContext(ctx).Find(&projects).Error
//	}
//
// The tenant is looked up anew, because it may have been suspended since the job was made, and
// [FromContext] has it afterwards. The ID must be the ID: a slug or a domain, which may be
// another tenant's by the time that a job runs, is [ErrNotFound]. The error is also that of
// [Tenant.Usable], or says that the directory could not be asked: such a job should be tried
// again, while one of a tenant that is closed need not be. With an error the context has no tenant,
// whatever ctx had: its statements fail.
//
// Who vouches for the ID is the queue: put only IDs into a job that the request which makes it runs
// as, and let no client write into the queue.
func Enter(ctx context.Context, directory Directory, id string) (context.Context, error) {
	t, err := enter(ctx, directory, id)
	if err != nil {
		return NewContext(ctx, nil), err
	}
	return NewContext(ctx, t), nil
}

// enter returns the tenant of that ID, if it is served.
func enter(ctx context.Context, directory Directory, id string) (*Tenant, error) {
	if directory == nil {
		return nil, errors.New("gormtenant: tenants.Enter needs a directory of tenants")
	}
	if !ValidIdentifier(id) {
		return nil, ErrNotFound
	}
	t, err := directory.Lookup(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, ErrNotFound
	case err != nil:
		return nil, prefix.Errorf("entering a tenant: %w", err)
	case t == nil || t.ID == "":
		return nil, errors.New("gormtenant: entering a tenant: the directory returned neither an " +
			"error nor a tenant with an ID")
	case t.ID != id:
		return nil, prefix.Errorf("%w: what was entered is a slug or a domain, which may be "+
			"another tenant's tomorrow: put the tenant's ID into the job", ErrNotFound)
	}
	return t, t.Usable(time.Now())
}
