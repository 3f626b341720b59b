package service_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/example/service"
)

func TestDataDir_keeps_the_files(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a b", "data")
	config := service.Config{DataDir: dir, PasswordIterations: 10}
	first, err := service.New(t.Context(), config)
	require.NoError(t, err)
	register := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/auth/register",
		strings.NewReader(`{"tenant": "acme", "name": "Acme", "user": "ann", `+
			`"password": "correct horse"}`))
	register.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	first.ServeHTTP(w, register)
	require.Equal(t, http.StatusCreated, w.Code, w.Body)

	_, err = service.New(t.Context(), config)
	require.ErrorContains(t, err, "another server has the directory")
	require.NoError(t, first.Close())

	second, err := service.New(t.Context(), config)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, guess(second, "192.0.2.1:1", "ann", "correct horse").Code)
	require.NoError(t, second.Close())
	require.FileExists(t, filepath.Join(dir, "saas.db"))

	_, err = service.New(t.Context(), service.Config{DataDir: dir, DatabaseURL: "postgres://x"})
	require.ErrorContains(t, err, "-data or DATABASE_URL")
}

const killed = "GORMTENANT_TEST_KILLED"

// TestKilledProcess is a server that is killed. By itself it does nothing.
func TestKilledProcess(t *testing.T) {
	if os.Getenv(killed) == "" {
		t.Skip("it is run by TestTemporary_goes_at_the_next_start")
	}
	_, err := service.New(t.Context(), service.Config{PasswordIterations: 10})
	require.NoError(t, err)
	self, err := os.FindProcess(os.Getpid())
	require.NoError(t, err)
	require.NoError(t, self.Kill())
	select {}
}

// What a server that was killed has left goes when the next one starts. What others have stays.
func TestTemporary_goes_at_the_next_start(t *testing.T) {
	// Not parallel: the directory of temporary files is the process's.
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir) // on Windows
	config := service.Config{PasswordIterations: 10}
	lives, err := service.New(t.Context(), config)
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledProcess$")
	command.Env = append(os.Environ(), killed+"=1")
	require.Error(t, command.Run())
	count := func() int {
		t.Helper()
		left, err := filepath.Glob(filepath.Join(dir, "gormtenant-example-*"))
		require.NoError(t, err)
		return len(left)
	}
	require.Equal(t, 2, count())
	next, err := service.New(t.Context(), config)
	require.NoError(t, err)
	require.Equal(t, 2, count(), "one that lives, and the new one")
	require.NoError(t, next.Close())
	require.NoError(t, lives.Close())
	require.Zero(t, count())
}
