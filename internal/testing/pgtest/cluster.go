package pgtest

import (
	"bufio"
	"crypto/rand"
	_ "embed" // for server.sh
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// serverScript runs the cluster, and clears it away when this process ends.
//
//go:embed server.sh
var serverScript string

// cluster is a private cluster, run by a shell that is a child of this process.
type cluster struct {
	dir      string // all its files; the shell removes it
	password string // of the superuser
	dsn      string // of the superuser on the database "postgres", once the server has started

	shell   *exec.Cmd
	answers *bufio.Scanner
	// lifeline is the standard input of the shell. It is held here also because a pipe that is
	// no longer referenced gets closed by the garbage collector, and the server would stop.
	lifeline io.WriteCloser
}

// newCluster starts the shell, as the given user, which begins with initdb.
func newCluster(bin string, user account, settings []string) (*cluster, error) {
	dir, err := user.mkdirTemp()
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir, password: rand.Text()}
	if err := c.startShell(bin, user, settings); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return c, nil
}

func (c *cluster) startShell(bin string, user account, settings []string) error {
	for name, text := range map[string]string{
		"password": c.password, "server.sh": serverScript, "log": "",
	} {
		path := filepath.Join(c.dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
		if err := user.own(path); err != nil {
			return err
		}
	}
	log, err := os.OpenFile(filepath.Join(c.dir, "log"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the shell has its own

	c.shell = exec.Command("/bin/sh", filepath.Join(c.dir, "server.sh"),
		bin, c.dir, strings.Join(settings, " "))
	c.shell.Dir = "/" // the user of the server may be barred from the one of this process
	c.shell.Env = append(os.Environ(),
		"PATH="+os.Getenv("PATH")+":/usr/bin:/bin", // for rm, whatever the PATH of the test
		"LC_ALL=C", // the log is searched for English text
		"TZ=UTC",   // else initdb looks through all zones for the one of this machine
	)
	c.shell.SysProcAttr = user.sysProcAttr()
	c.shell.Stderr = log
	if c.lifeline, err = c.shell.StdinPipe(); err != nil {
		return err
	}
	stdout, err := c.shell.StdoutPipe()
	if err != nil {
		return err
	}
	c.answers = bufio.NewScanner(stdout)
	return c.shell.Start()
}

// answersOK waits for the shell to finish a step, and reports whether that went well.
func (c *cluster) answersOK() bool {
	return c.answers.Scan() && c.answers.Text() == "ok"
}

// startServer starts the server on a port of 127.0.0.1, and returns when it accepts connections or
// has failed.
func (c *cluster) startServer(port int) bool {
	if _, err := fmt.Fprintln(c.lifeline, port); err != nil || !c.answersOK() {
		return false
	}
	c.dsn = (&url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword("postgres", c.password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		Path:     "/postgres",
		RawQuery: "sslmode=disable",
	}).String()
	return true
}

// stop stops the server at once, and returns when it and its files are gone.
func (c *cluster) stop() error {
	return errors.Join(
		c.lifeline.Close(),
		c.shell.Wait(),
		os.RemoveAll(c.dir), // if the shell could not run the script
	)
}
