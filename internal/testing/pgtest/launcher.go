package pgtest

import (
	"crypto/rand"
	_ "embed" // for server.sh
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/gormtenant/gormtenant/internal/testing/server"
)

// fastSettings are options for postgres. Nothing of a throwaway cluster has to survive a crash.
// The Unix socket is off because its path, in a deep temporary directory, exceeds the 103 bytes
// that macOS allows.
var fastSettings = []string{
	"-c fsync=off",
	"-c synchronous_commit=off",
	"-c full_page_writes=off",
	"-c autovacuum=off", // the databases do not live long enough for it
	"-c jit=off",
	"-c max_connections=200",
	"-c listen_addresses=127.0.0.1",
	"-c unix_socket_directories=",
}

// serverScript runs the cluster, and clears it away when this process ends.
//
//go:embed server.sh
var serverScript string

// cluster is a private cluster.
type cluster struct {
	*server.Server
	dsn string // of the superuser on the database "postgres"
}

// launcher starts private clusters.
type launcher struct {
	places   []string            // see findBinaries
	settings []string            // options for postgres, without spaces inside a value
	port     func() (int, error) // returns a port that is likely to be free
}

// start makes a cluster and runs its server. The error quotes the end of the server's log.
func (l launcher) start() (_ *cluster, err error) {
	user, err := server.FindAccount("postgres")
	if err != nil {
		return nil, fmt.Errorf("%w, or set %s to a DSN", err, envDSN)
	}
	bin, err := findBinaries(l.places)
	if err != nil {
		return nil, err
	}
	password := rand.Text()
	s, err := server.New(user, server.Script{
		Name: "pgtest", Text: serverScript, Files: map[string]string{"password": password},
		Args: []string{bin, strings.Join(l.settings, " ")},
	})
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop())
		}
	}()

	if !s.Answers() {
		return nil, fmt.Errorf("%s failed:\n%s", filepath.Join(bin, "initdb"), s.LogTail())
	}
	port, err := s.Start(l.port, "could not bind")
	if err != nil {
		return nil, fmt.Errorf("%s %w", filepath.Join(bin, "postgres"), err)
	}
	return &cluster{s, (&url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword("postgres", password),
		Host:     server.Address(port),
		Path:     "/postgres",
		RawQuery: "sslmode=disable",
	}).String()}, nil
}
