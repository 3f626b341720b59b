//go:build unix

package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gormtenant/gormtenant/internal/testing/server"
)

// NewPgBouncer starts a pgbouncer in transaction mode in front of the server of a configuration,
// and returns a configuration that goes through it. It lets at most size connections of a role and
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
	user, err := server.FindAccount("postgres")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := user.MkdirTemp("pgtest-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for range 10 {
		port, err := server.FreePort()
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
	for _, name := range []string{
		"pgbouncer", "/usr/sbin/pgbouncer", "/opt/homebrew/bin/pgbouncer",
	} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no pgbouncer found; run make setup, or install it: " +
		"apt-get install pgbouncer, brew install pgbouncer")
}

// pgbouncerSettings take the host and port of the server, the port to listen on, the file of users
// and the size of a pool.
const pgbouncerSettings = `[databases]
* = host=%s port=%d
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = plain
auth_file = %s
pool_mode = transaction
default_pool_size = %d
max_client_conn = 500
ignore_startup_parameters = extra_float_digits, citus.propagate_set_commands
`

func runPgBouncer(
	t testing.TB, program string, user server.Account, dir string, config *pgx.ConnConfig,
	port, size int,
) (*pgx.ConnConfig, error) {
	t.Helper()
	users, settings := filepath.Join(dir, "users.txt"), filepath.Join(dir, "pgbouncer.ini")
	for path, text := range map[string]string{
		users:    fmt.Sprintf("%q %q\n", config.User, config.Password),
		settings: fmt.Sprintf(pgbouncerSettings, config.Host, config.Port, port, users, size),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return nil, err
		}
		if err := user.Own(path); err != nil {
			return nil, err
		}
	}
	log := startLog{started: make(chan struct{})}
	command := exec.Command(program, settings)
	command.Dir, command.Stdout, command.Stderr = dir, &log, &log
	command.SysProcAttr = user.SysProcAttr()
	if err := command.Start(); err != nil {
		return nil, err
	}
	stopped := make(chan error, 1)
	go func() { stopped <- command.Wait() }()
	const patience = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case <-log.started:
	case err := <-stopped:
		return nil, fmt.Errorf("pgbouncer: %w:\n%s", err, log.text())
	case <-ctx.Done():
		_ = command.Process.Kill()
		<-stopped
		return nil, fmt.Errorf("pgbouncer does not start: %w:\n%s", ctx.Err(), log.text())
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		<-stopped
	})
	through := config.Copy()
	through.Host, through.Port = "127.0.0.1", uint16(port)
	through.TLSConfig, through.Fallbacks = nil, nil
	return through, nil
}

// startLog keeps what pgbouncer logs until it says that it listens.
type startLog struct {
	started chan struct{} // closed then

	mutex sync.Mutex
	lines bytes.Buffer
}

func (l *startLog) Write(piece []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	select {
	case <-l.started:
		return len(piece), nil
	default:
	}
	l.lines.Write(piece)
	if bytes.Contains(l.lines.Bytes(), []byte(" process up: ")) {
		close(l.started)
	}
	return len(piece), nil
}

func (l *startLog) text() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.lines.String()
}
