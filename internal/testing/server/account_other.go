//go:build !unix

package server

import (
	"errors"
	"runtime"
	"syscall"
)

// Account is the operating system user that runs a server. There is none here: the scripts need a
// Unix shell.
type Account struct{}

var errUnsupported = errors.New("starting a private server is not supported on " + runtime.GOOS)

// FindAccount returns an error.
func FindAccount(...string) (Account, error) { return Account{}, errUnsupported }

// SysProcAttr returns nil.
func (Account) SysProcAttr() *syscall.SysProcAttr { return nil }

// Own returns an error.
func (Account) Own(string) error { return errUnsupported }

// MkdirTemp returns an error.
func (Account) MkdirTemp(string) (string, error) { return "", errUnsupported }
