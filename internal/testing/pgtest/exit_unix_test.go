//go:build unix

package pgtest_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
)

// childMode tells this test binary, started again by one of its tests, how to end.
const childMode = "PGTEST_CHILD"

// TestChild is no test but what the child process runs.
func TestChild(t *testing.T) {
	mode := os.Getenv(childMode)
	if mode == "" {
		return
	}
	dsn := pgtest.New(t)
	directory := query[string](t, connect(t, dsn), "SHOW data_directory")
	fmt.Println("child:", mustParse(t, dsn).Host, filepath.Dir(directory))

	// The parent closes the pipe, or kills this process before.
	_, err := io.Copy(io.Discard, os.Stdin)
	require.NoError(t, err)
	if mode == "panic" {
		panic("on purpose")
	}
	if mode == "exit" {
		os.Exit(1)
	}
}

// child prepares a child process in the given mode.
func child(t *testing.T, mode string, args ...string) *exec.Cmd {
	t.Helper()
	executable, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), executable, append(args, "-test.run=^TestChild$")...)
	cmd.Env = append(os.Environ(), childMode+"="+mode, pgtest.EnvDSN+"=")
	return cmd
}

func TestServer_goes_with_the_process(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	for _, mode := range []string{"pass", "exit", "panic", "kill"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			cmd := child(t, mode)
			stdin, err := cmd.StdinPipe()
			require.NoError(t, err)
			stdout, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())

			address, directory := readServer(t, stdout)
			require.True(t, listens(address))
			require.DirExists(t, directory)

			if mode == "kill" {
				require.NoError(t, cmd.Process.Kill())
			} else {
				require.NoError(t, stdin.Close())
			}
			_, err = io.Copy(io.Discard, stdout)
			require.NoError(t, err)
			require.Equal(t, mode == "pass", cmd.Wait() == nil)

			// The files go last.
			eventually(t, func() bool { return !exists(directory) })
			require.False(t, listens(address))
		})
	}
}

// TestServer_goes_with_the_process_during_initdb kills the process as early as there is something
// to leave behind.
func TestServer_goes_with_the_process_during_initdb(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	parent := t.TempDir()
	// Root runs the server as another user, who has to get there.
	require.NoError(t, os.Chmod(filepath.Dir(parent), 0o755))
	require.NoError(t, os.Chmod(parent, 0o777))

	cmd := child(t, "kill")
	cmd.Env = append(cmd.Env, "TMPDIR="+parent)
	require.NoError(t, cmd.Start())
	begun := func() bool {
		matches, err := filepath.Glob(filepath.Join(parent, "*", "data", "PG_VERSION"))
		return err == nil && len(matches) == 1
	}
	eventually(t, begun)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())

	eventually(t, func() bool {
		left, err := os.ReadDir(parent)
		return err == nil && len(left) == 0
	})
}

func TestShort_skips_loudly(t *testing.T) {
	t.Parallel()
	output, err := child(t, "pass", "-test.short", "-test.v").CombinedOutput()
	require.NoError(t, err, string(output))
	require.Contains(t, string(output), "PostgreSQL TESTS DID NOT RUN")
	require.Contains(t, string(output), "--- SKIP: TestChild")
	require.NotContains(t, string(output), "child:")
}

// readServer reads where the server of a child listens and has its files.
func readServer(t *testing.T, stdout io.Reader) (address, directory string) {
	t.Helper()
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if rest, found := strings.CutPrefix(lines.Text(), "child: "); found {
			address, directory, _ = strings.Cut(rest, " ")
			return address, directory
		}
		t.Log(lines.Text())
	}
	require.FailNow(t, "the child did not start a server")
	return "", ""
}

func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, time.Minute, 10*time.Millisecond)
}

func listens(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
