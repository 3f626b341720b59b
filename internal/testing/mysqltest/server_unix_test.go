//go:build unix

package mysqltest_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/testing/mysqltest"
	"github.com/gormtenant/gormtenant/internal/testing/server"
)

// start starts a server for t alone and returns the DSN of its account.
func start(t *testing.T) string {
	t.Helper()
	skipIfShort(t)
	dsn, stop, err := mysqltest.Start(mysqltest.FastSettings, server.FreePort)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, stop()) })
	return dsn
}

func skipIfShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short starts no server")
	}
	_, err := mysqltest.FindBinary("mariadbd", mysqltest.UsualPlaces)
	if err != nil && os.Getenv(mysqltest.EnvDSN) != "" {
		t.Skip("there is no MariaDB to start here, and the tests use " + mysqltest.EnvDSN)
	}
}

func TestStart_settings_and_accounts(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, taken.Close()) })
	tried := 0
	dsn, stop, err := mysqltest.Start(mysqltest.FastSettings, func() (int, error) {
		if tried++; tried <= 2 {
			return taken.Addr().(*net.TCPAddr).Port, nil
		}
		return server.FreePort()
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, stop()) })
	require.Equal(t, 3, tried)

	pool := connect(t, dsn)
	for _, setting := range []struct{ name, want string }{
		{"innodb_flush_log_at_trx_commit", "0"},
		{"log_bin", "0"},
		{"bind_address", "127.0.0.1"},
		{"time_zone", "+00:00"},
		{"default_storage_engine", "InnoDB"},
	} {
		require.Equal(t, setting.want, query(t, pool, "SELECT @@"+setting.name), setting.name)
	}
	for _, account := range []string{"gormtenant:guess", "root", "root:guess"} {
		config, err := mysql.ParseDSN(dsn)
		require.NoError(t, err)
		config.User, config.Passwd, _ = strings.Cut(account, ":")
		require.ErrorContains(t, connect(t, config.FormatDSN()).PingContext(t.Context()),
			"Access denied", account)
	}
}

func TestStart_failure_quotes_the_log(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	settings := slices.Concat(mysqltest.FastSettings, []string{"--no-such-setting=1"})
	_, _, err := mysqltest.Start(settings, server.FreePort)
	require.ErrorContains(t, err, "mariadbd does not start:\n")
	require.ErrorContains(t, err, "no-such-setting")
}

// childMode tells this test binary, started again by one of its tests, how to end.
const childMode = "MYSQLTEST_CHILD"

// TestChild is no test but what the child process runs.
func TestChild(t *testing.T) {
	mode := os.Getenv(childMode)
	if mode == "" {
		return
	}
	dsn := mysqltest.New(t)
	config, err := mysql.ParseDSN(dsn)
	require.NoError(t, err)
	directory := query(t, connect(t, dsn), "SELECT @@datadir")
	fmt.Println("child:", config.Addr, filepath.Dir(filepath.Clean(directory)))

	// The parent closes the pipe, or kills this process before.
	_, err = io.Copy(io.Discard, os.Stdin)
	require.NoError(t, err)
}

// child prepares a child process.
func child(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	executable, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), executable, append(args, "-test.run=^TestChild$")...)
	cmd.Env = append(os.Environ(), childMode+"=on", mysqltest.EnvDSN+"=")
	return cmd
}

// TestServer_goes_with_the_process ends the process in two ways. pgtest's tests try more of them:
// the same code starts and stops both servers.
func TestServer_goes_with_the_process(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	for _, mode := range []string{"pass", "kill"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			cmd := child(t)
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
			require.Eventually(t, func() bool {
				_, err := os.Lstat(directory)
				return os.IsNotExist(err)
			}, time.Minute, 10*time.Millisecond)
			require.False(t, listens(address))
		})
	}
}

func TestShort_skips_loudly(t *testing.T) {
	t.Parallel()
	output, err := child(t, "-test.short", "-test.v").CombinedOutput()
	require.NoError(t, err, string(output))
	require.Contains(t, string(output), "MYSQL TESTS DID NOT RUN")
	require.Contains(t, string(output), "--- SKIP: TestChild")
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

func listens(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}
