package jobs_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/gormtenant/gormtenant"
	"github.com/gormtenant/gormtenant/example/jobs"
	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	tenantplugin "github.com/gormtenant/gormtenant/plugin"
	"github.com/gormtenant/gormtenant/tenants"
	"github.com/gormtenant/gormtenant/tenants/store"
)

// application is one with two tenants, a project each, and a queue that is worked on.
type application struct {
	db        *gorm.DB
	directory *store.Store
	queue     *river.Client[pgx.Tx]
	events    <-chan *river.Event
}

func start(t *testing.T) *application {
	t.Helper()
	ctx, dsn := t.Context(), pgtest.New(t)
	var a application
	var err error
	a.db, err = gorm.Open(postgres.Open(dsn), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	connections, err := a.db.DB()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, connections.Close()) })
	require.NoError(t, a.db.Use(tenantplugin.New()))
	require.NoError(t, a.db.AutoMigrate(&jobs.Project{}))
	a.directory, err = store.New(a.db)
	require.NoError(t, err)
	require.NoError(t, a.directory.Migrate(ctx))
	for _, slug := range []string{"acme", "zeta"} {
		tenant := &tenants.Tenant{ID: "t-" + slug, Slug: slug}
		require.NoError(t, a.directory.Create(ctx, tenant))
		require.NoError(t, a.db.WithContext(tenants.NewContext(ctx, tenant)).
			Create(&jobs.Project{Name: slug}).Error)
	}

	pool, err := pgxpool.New(ctx, dsn)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	driver := riverpgxv5.New(pool)
	migrator, err := rivermigrate.New(driver, nil)
	require.NoError(t, err)
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	require.NoError(t, err)
	workers := river.NewWorkers()
	river.AddWorker(workers, &jobs.Archiver{DB: a.db, Directory: a.directory})
	a.queue, err = river.NewClient(driver, &river.Config{
		Queues:  map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 2}},
		Workers: workers, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	events, cancel := a.queue.Subscribe(river.EventKindJobCompleted, river.EventKindJobCancelled,
		river.EventKindJobSnoozed, river.EventKindJobFailed)
	t.Cleanup(cancel)
	a.events = events
	require.NoError(t, a.queue.Start(context.WithoutCancel(ctx)))
	t.Cleanup(func() {
		stopping, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		require.NoError(t, a.queue.Stop(stopping))
	})
	return &a
}

// archived are the projects that are, of whichever tenant.
func (a *application) archived(t *testing.T) []string {
	t.Helper()
	names := []string{}
	ctx := gormtenant.Unscoped(t.Context(), "the test looks at all")
	require.NoError(t, a.db.WithContext(ctx).Model(&jobs.Project{}).Where("archived = ?", true).
		Order("name").Pluck("name", &names).Error)
	return names
}

func TestJob_runs_as_the_tenant_for_which_it_was_made(t *testing.T) {
	t.Parallel()
	a := start(t)
	acme, err := a.directory.Lookup(t.Context(), "acme")
	require.NoError(t, err)
	require.NoError(t, jobs.Enqueue(tenants.NewContext(t.Context(), acme), a.queue))
	require.Equal(t, river.EventKindJobCompleted, (<-a.events).Kind)
	require.Equal(t, []string{"acme"}, a.archived(t))
	require.ErrorIs(t, jobs.Enqueue(t.Context(), a.queue), gormtenant.ErrNoTenant)
}

// Between the making of a job and its run a tenant may have changed.
func TestJob_of_a_tenant_that_is_not_served(t *testing.T) {
	t.Parallel()
	a := start(t)
	for _, test := range []struct {
		name, id string
		change   func(ctx context.Context, id string) error
		want     river.EventKind
	}{
		{"suspended", "t-acme", a.directory.Suspend, river.EventKindJobSnoozed},
		{"closed", "t-acme", a.directory.Close, river.EventKindJobCancelled},
		{"slug", "zeta", nil, river.EventKindJobCancelled},
		{"unknown", "t-nobody", nil, river.EventKindJobCancelled},
		{"empty", "", nil, river.EventKindJobCancelled},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.change != nil {
				require.NoError(t, test.change(t.Context(), test.id))
			}
			_, err := a.queue.Insert(t.Context(), jobs.ArchiveArgs{TenantID: test.id}, nil)
			require.NoError(t, err)
			require.Equal(t, test.want, (<-a.events).Kind)
			require.Empty(t, a.archived(t))
		})
	}
}
