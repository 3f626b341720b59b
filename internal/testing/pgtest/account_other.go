//go:build !unix

package pgtest

import (
	"errors"
	"runtime"
	"syscall"
)

// account is the operating system user that runs the server. There is none here: server.sh needs
// a Unix shell.
type account struct{}

var errUnsupported = errors.New("starting a private PostgreSQL is not supported on " +
	runtime.GOOS + "; set " + envDSN + " to a DSN")

func findAccount() (account, error) { return account{}, errUnsupported }

func (account) sysProcAttr() *syscall.SysProcAttr { return nil }

func (account) own(string) error { return errUnsupported }

func (account) mkdirTemp() (string, error) { return "", errUnsupported }
