package schemas_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/gormtenant/gormtenant/internal/testing/soak"
	"github.com/gormtenant/gormtenant/isolation/migrations"
	"github.com/gormtenant/gormtenant/isolation/schemas"
)

// deployDSN names the environment variable that makes this test binary a deployer, to be killed.
const deployDSN = "GORMTENANT_TEST_DEPLOY"

// oldVersion makes few files, of which a thousand times as many are slow to make and to remove.
var oldVersion = sqlStep(
	"0001", "CREATE TABLE projects (id int PRIMARY KEY); INSERT INTO projects VALUES (1)")

// newVersion is two steps with more of them in between, and says when it is in the second.
func newVersion(reached func(db *gorm.DB) error) []migrations.Migration {
	return []migrations.Migration{
		oldVersion,
		sqlStep("0002", "ALTER TABLE projects ADD COLUMN archived bool NOT NULL DEFAULT false"),
		{Version: "0003", Up: func(_ context.Context, db *gorm.DB) error {
			if err := db.Exec("INSERT INTO projects (id) VALUES (2)").Error; err != nil {
				return err
			}
			if err := reached(db); err != nil {
				return err
			}
			return db.Exec("CREATE INDEX idx_projects_archived ON projects (archived)").Error
		}},
	}
}

// TestDeployer is the process that is killed.
func TestDeployer(t *testing.T) {
	dsn := os.Getenv(deployDSN)
	if dsn == "" {
		t.Skip("run by TestMigrateAll_of_a_thousand_that_is_killed")
	}
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	s, err := schemas.NewProvisioner(
		openAs(t, config), schemas.Migrations(newVersion(func(*gorm.DB) error {
			_, err := fmt.Println("reached")
			return err
		})...))
	require.NoError(t, err)
	require.NoError(t, s.MigrateAll(t.Context(), quiet))
}

// deploy starts another deployer, and kills it when it has come so far.
func deploy(t *testing.T, h *house, until int) {
	t.Helper()
	binary, err := os.Executable()
	require.NoError(t, err)
	child := osexec.CommandContext(t.Context(), binary, "-test.run=^TestDeployer$", "-test.v")
	child.Env = append(
		os.Environ(), deployDSN+"="+fmt.Sprintf("postgres://%s:%s@%s:%d/%s?sslmode=disable",
			h.owner.User, h.owner.Password, h.owner.Host, h.owner.Port, h.owner.Database))
	output, err := child.StdoutPipe()
	require.NoError(t, err)
	began := time.Now()
	require.NoError(t, child.Start())
	reached, lines := 0, bufio.NewScanner(output)
	for reached < until && lines.Scan() {
		if lines.Text() == "reached" {
			reached++
		}
	}
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", child.Process.Pid))
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait())
	require.Equal(t, until, reached, "it ended before")
	t.Logf(
		"killed at schema %d, after %v; memory of the process: %s", until,
		time.Since(began).Round(time.Millisecond),
		regexp.MustCompile(`VmHWM:\s*(.*)`).FindString(string(status)))
}

func TestMigrateAll_that_is_killed(t *testing.T) { killed(t, 60) }

func TestMigrateAll_of_a_thousand_that_is_killed_soak(t *testing.T) {
	soak.Skip(t)
	killed(t, 1000)
}

// killed kills a process that migrates n schemas, twice, and lets two others finish the work.
func killed(t *testing.T, n int) {
	t.Helper()
	h := newHouse(t)
	began := time.Now()
	createMany(t, h.schemas(t, schemas.Migrations(oldVersion)), n)
	t.Logf("Create: %v for a schema", time.Since(began)/time.Duration(n))

	deploy(t, h, n/3)
	done := requireOldOrNew(t, h, n)
	require.GreaterOrEqual(t, done, n/4)
	deploy(t, h, n/3)
	t.Log(time.Since(began))
	// What is left is done by two deployers at once.
	var mu sync.Mutex
	var locks int64 // most that the server had
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for i := range errs {
		s := h.schemas(t, schemas.Migrations(newVersion(func(db *gorm.DB) error {
			mu.Lock()
			defer mu.Unlock()
			var held int64
			err := db.Raw("SELECT count(*) FROM pg_locks").Row().Scan(&held)
			locks = max(locks, held)
			return err
		})...))
		wg.Go(func() { errs[i] = s.MigrateAll(t.Context(), quiet) })
	}
	wg.Wait()
	t.Log(time.Since(began))
	require.NoError(t, errors.Join(errs...))
	require.Equal(t, n, requireOldOrNew(t, h, n))
	t.Log(time.Since(began))
	t.Logf("the server held %d locks at most", locks)
}

// createMany creates the schemas of n tenants.
func createMany(t *testing.T, s *schemas.Provisioner, n int) {
	t.Helper()
	ids := make(chan int)
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() {
			for id := range ids {
				errs[i] = errors.Join(errs[i], s.Provision(t.Context(), fmt.Sprintf("%04d", id)))
			}
		})
	}
	for id := range n {
		ids <- id
	}
	close(ids)
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
}

// requireOldOrNew says how many schemas are at the new version. All others are at the old one,
// entirely.
func requireOldOrNew(t *testing.T, h *house, n int) (done int) {
	t.Helper()
	h.do(t, `CREATE OR REPLACE FUNCTION public.state(name text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE text text; BEGIN
	-- What was in a transaction when its process was killed, the server rolls back.
	PERFORM pg_advisory_xact_lock(hashtextextended('gormtenant schema ' || name, 0));
	EXECUTE format('SELECT (SELECT string_agg(version, '' '' ORDER BY version) '
		'FROM %1$I.gormtenant_migrations) || '': '' || '
		'(SELECT string_agg(id::text, '' '' ORDER BY id) FROM %1$I.projects)', name) INTO text;
	RETURN text || coalesce((SELECT ' archived' FROM pg_attribute
			WHERE attrelid = (name || '.projects')::regclass AND attname = 'archived'), '')
		|| (SELECT ' ' || count(*) FROM pg_index WHERE indrelid = (name || '.projects')::regclass);
END $$`)
	states := strings.Split(
		h.text(
			t, "SELECT public.state('tenant_' || lpad(i::text, 4, '0')) FROM generate_series(0, "+
				"$1 - "+
				"1) AS i", n), "\n")
	require.Len(t, states, n)
	for _, state := range states {
		switch state {
		case "0001 0002 0003: 1 2 archived 2":
			done++
		case "0001: 1 1":
		default:
			require.Fail(t, "neither old nor new", state)
		}
	}
	return done
}
