package jobs

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/models"
	"github.com/gormtenant/gormtenant/tenants"
)

// Project is what tenants have.
type Project struct {
	ID uint
	models.TenantModel
	Name     string
	Archived bool
}

// ArchiveArgs are what the queue keeps of a job: the ID of the tenant, which never changes hands.
type ArchiveArgs struct {
	TenantID string `json:"tenant_id"`
}

// Kind is the name of the job in the queue.
func (ArchiveArgs) Kind() string { return "archive" }

// Enqueue makes a job for the tenant of ctx. A client never says whose job it is: the request does,
// which the middleware has looked at.
func Enqueue(ctx context.Context, queue *river.Client[pgx.Tx]) error {
	t, ok := tenants.FromContext(ctx)
	if !ok {
		return gormtenant.ErrNoTenant
	}
	_, err := queue.Insert(ctx, ArchiveArgs{TenantID: t.ID}, nil)
	return err
}

// Archiver is the worker.
type Archiver struct {
	river.WorkerDefaults[ArchiveArgs]

	DB        *gorm.DB
	Directory tenants.Directory // such as tenants.Cached(store)
}

// Work archives the projects of the job's tenant.
func (w *Archiver) Work(ctx context.Context, job *river.Job[ArchiveArgs]) error {
	ctx, err := tenants.Enter(ctx, w.Directory, job.Args.TenantID)
	switch {
	case errors.Is(err, tenants.ErrSuspended), errors.Is(err, tenants.ErrExpired):
		return river.JobSnooze(time.Hour) // it may be served again
	case errors.Is(err, tenants.ErrClosed), errors.Is(err, tenants.ErrNotFound):
		return river.JobCancel(err) // it will not
	case err != nil:
		return err // the directory failed: River tries again
	}
	// From here on nothing is about tenants.
	return w.DB.WithContext(ctx).Model(&Project{}).Where("archived = ?", false).
		Update("archived", true).Error
}
