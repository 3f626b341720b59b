//go:build unix

package pgtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// NewPgBouncer starts a pgbouncer in transaction mode in front of the server of a configuration, and
// returns a configuration that goes through it. It lets at most size connections of a role and
// database through to the server. It stops with t.
//
// Without pgbouncer on PATH or in /usr/sbin the test fails, under -short it is skipped.
func NewPgBouncer(t testing.TB, config *pgx.ConnConfig, size int) *pgx.ConnConfig {
	t.Helper()
	program, err := findPgBouncer()
	if err != nil {
		if testing.Short() {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	user, err := findAccount()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := user.mkdirTemp()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for range bindAttempts {
		port, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		through, err := runPgBouncer(t, program, user, dir, config, port, size)
		if err == nil {
			return through
		}
		t.Log(err)
	}
	t.Fatal("pgbouncer does not start")
	return nil
}

func findPgBouncer() (string, error) {
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer", "/opt/homebrew/bin/pgbouncer"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no pgbouncer found; install it: apt-get install pgbouncer, brew install pgbouncer")
}

func runPgBouncer(
	t testing.TB, program string, user account, dir string, config *pgx.ConnConfig, port, size int,
) (*pgx.ConnConfig, error) {
	t.Helper()
	users, settings := filepath.Join(dir, "users.txt"), filepath.Join(dir, "pgbouncer.ini")
	for path, text := range map[string]string{
		users: fmt.Sprintf("%q %q\n", config.User, config.Password),
		settings: fmt.Sprintf("[databases]\n* = host=%s port=%d\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\n"+
			"unix_socket_dir =\nauth_type = plain\nauth_file = %s\npool_mode = transaction\ndefault_pool_size = %d\n"+
			"max_client_conn = 500\nignore_startup_parameters = extra_float_digits, citus.propagate_set_commands\n", config.Host, config.Port, port, users, size),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return nil, err
		}
		if err := user.own(path); err != nil {
			return nil, err
		}
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	command := exec.Command(program, settings)
	command.Dir, command.Stdout, command.Stderr = dir, log, log
	command.SysProcAttr = user.sysProcAttr()
	if err := command.Start(); err != nil {
		return nil, err
	}
	stopped := make(chan error, 1)
	go func() { stopped <- command.Wait() }()
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	const patience = 10 * time.Second
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		select {
		case err := <-stopped:
			text, _ := os.ReadFile(log.Name())
			return nil, fmt.Errorf("pgbouncer: %w: %s", err, text)
		default:
		}
		if conn, err := net.Dial("tcp", address); err == nil {
			_ = conn.Close()
			t.Cleanup(func() {
				_ = command.Process.Kill()
				<-stopped
			})
			through := config.Copy()
			through.Host, through.Port = "127.0.0.1", uint16(port)
			through.TLSConfig, through.Fallbacks = nil, nil
			return through, nil
		}
	}
	_ = command.Process.Kill()
	return nil, fmt.Errorf("pgbouncer did not answer within %s", patience)
}
