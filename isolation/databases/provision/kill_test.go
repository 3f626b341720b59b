//go:build unix

package provision_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
	"github.com/gormtenant/gormtenant/isolation/databases/credentials"
	"github.com/gormtenant/gormtenant/tenants"
)

// childAdmin and childDir tell this test binary, started again, what to provision and where.
const childAdmin, childDir, childTenant = "DATABASES_CHILD_ADMIN", "DATABASES_CHILD_DIR",
	"DATABASES_CHILD_TENANT"

// TestChild is no test but what the child process runs.
func TestChild(t *testing.T) {
	id := os.Getenv(childTenant)
	if id == "" {
		return
	}
	acme := &tenants.Tenant{ID: id, Placement: tenants.Placement{Level: tenants.Database}}
	admin, err := pgx.ParseConfig(os.Getenv(childAdmin))
	require.NoError(t, err)
	secrets, err := credentials.InFiles(os.Getenv(childDir))
	require.NoError(t, err)
	p := (&site{secrets: secrets}).through(t, admin)
	require.NoError(t, p.Provision(t.Context(), acme))
	require.NoError(t, p.Deprovision(t.Context(), acme, "DELETE_DATABASE_"+itsName(acme)))
}

// kill -9 between any two words of Provision and Deprovision: the next call finishes the work.
func TestProvision_killed_anywhere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	dir := filepath.Join(t.TempDir(), "secrets")
	secrets, err := credentials.InFiles(dir)
	require.NoError(t, err)
	s.secrets = secrets
	proxy, through := pgtest.NewProxy(t, s.admin, 0)
	p, acme := s.provisioner(t), s.tenant("acme")
	executable, err := os.Executable()
	require.NoError(t, err)

	for n := 0; ; n += 3 * stride() {
		child := exec.CommandContext(t.Context(), executable, "-test.run=^TestChild$")
		child.Env = append(os.Environ(), childDir+"="+dir, childTenant+"="+acme.ID, fmt.Sprintf(
			childAdmin+"=host=%s port=%d user=%s password=%s dbname=%s sslmode=disable",
			through.Host, through.Port, through.User, through.Password, through.Database))
		var left atomic.Int64
		var killed atomic.Bool
		var starting sync.Mutex
		left.Store(int64(n))
		proxy.Cut(func(piece []byte) (int, bool) {
			if left.Add(-1) >= 0 {
				return 0, false
			}
			killed.Store(true)
			starting.Lock()
			_ = child.Process.Kill()
			starting.Unlock()
			return len(piece) * (n / 2 % 2), true // the server hears it, or not
		})
		var output bytes.Buffer
		child.Stdout, child.Stderr = &output, &output
		starting.Lock()
		err := child.Start()
		starting.Unlock()
		if err == nil {
			err = child.Wait()
		}
		if !killed.Load() {
			require.NoError(t, err, output.String())
			s.nothing(t, acme)
			t.Log(n, "kills")
			return
		}
		if n%2 == 0 {
			deprovision(t, p, acme)
			s.nothing(t, acme, n)
			continue
		}
		require.NoError(t, p.Provision(t.Context(), acme), n)
		s.works(t, acme, n)
		deprovision(t, p, acme)
		s.nothing(t, acme, n)
	}
}
