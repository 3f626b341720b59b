// Package server runs the private servers of tests, each for as long as its test process lives.
package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Server is a private server, run by a shell that is a child of this process.
type Server struct {
	dir     string // all its files; the shell removes it
	shell   *exec.Cmd
	answers *bufio.Scanner
	// lifeline is the standard input of the shell. It is held here also because a pipe that is
	// no longer referenced gets closed by the garbage collector, and the server would stop.
	lifeline io.WriteCloser
}

// Script is what the shell is to run.
type Script struct {
	// Name is that of the directory, without its random part.
	Name string
	// Text is a shell script. It answers "ok" or "failed" on standard output, first when the server
	// can be started, then for each line of standard input, which is a port to start it on. It logs
	// to DIR/log. When its input ends it stops the server and removes DIR.
	Text string
	// Files are written to DIR, by name.
	Files map[string]string
	// Args are the script's arguments, after DIR.
	Args []string
}

// New starts the shell, as the given user.
func New(user Account, script Script) (*Server, error) {
	dir, err := user.MkdirTemp(script.Name + "-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir}
	if err := s.startShell(user, script); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

func (s *Server) startShell(user Account, script Script) error {
	files := map[string]string{"server.sh": script.Text, "log": ""}
	for name, text := range script.Files {
		files[name] = text
	}
	for name, text := range files {
		path := filepath.Join(s.dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
		if err := user.Own(path); err != nil {
			return err
		}
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the shell has its own

	arguments := append([]string{filepath.Join(s.dir, "server.sh"), s.dir}, script.Args...)
	s.shell = exec.Command("/bin/sh", arguments...)
	s.shell.Dir = "/" // the user of the server may be barred from the one of this process
	s.shell.Env = append(os.Environ(),
		"PATH="+os.Getenv("PATH")+":/usr/bin:/bin", // for rm, whatever the PATH of the test
		"LC_ALL=C", // the log is searched for English text
		"TZ=UTC",   // else initdb looks through all zones for the one of this machine
	)
	s.shell.SysProcAttr = user.SysProcAttr()
	s.shell.Stderr = log
	if s.lifeline, err = s.shell.StdinPipe(); err != nil {
		return err
	}
	stdout, err := s.shell.StdoutPipe()
	if err != nil {
		return err
	}
	s.answers = bufio.NewScanner(stdout)
	return s.shell.Start()
}

// Answers waits for the shell to finish a step, and reports whether that went well.
func (s *Server) Answers() bool {
	return s.answers.Scan() && s.answers.Text() == "ok"
}

// bindAttempts is how many ports are tried. Any process may take a port between the moment it is
// found free and the moment the server binds it, another test binary for one.
const bindAttempts = 10

// Start starts the server on a port of 127.0.0.1, and returns the port when it accepts connections.
// port returns one that is likely to be free. Another one is tried where the server logs taken.
func (s *Server) Start(port func() (int, error), taken string) (int, error) {
	for range bindAttempts {
		number, err := port()
		if err != nil {
			return 0, fmt.Errorf("find a free port: %w", err)
		}
		if _, err := fmt.Fprintln(s.lifeline, number); err == nil && s.Answers() {
			return number, nil
		}
		if !strings.Contains(s.log(), taken) {
			break
		}
	}
	return 0, errors.New("does not start:\n" + s.LogTail())
}

// Stop stops the server at once, and returns when it and its files are gone.
func (s *Server) Stop() error {
	return errors.Join(
		s.lifeline.Close(),
		s.shell.Wait(),
		os.RemoveAll(s.dir), // if the shell could not run the script
	)
}

// log returns what the last step has logged.
func (s *Server) log() string {
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// logLines is how much of the server's log an error quotes.
const logLines = 20

// LogTail returns the last lines of the log.
func (s *Server) LogTail() string {
	lines := strings.Split(strings.TrimSpace(s.log()), "\n")
	return strings.Join(lines[max(0, len(lines)-logLines):], "\n")
}

// FreePort returns a port of 127.0.0.1 that nothing listened on just now.
func FreePort() (int, error) {
	listener, err := net.Listen("tcp4", Address(0))
	if err != nil {
		return 0, err
	}
	port := listener.Addr().(*net.TCPAddr).Port
	return port, listener.Close()
}

// Address returns where a server on a port listens.
func Address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
