//go:build unix

package server

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// Account is the operating system user that runs a server.
type Account struct {
	credential *syscall.Credential // nil for the user of this process
}

// FindAccount returns another user if this process is root, because the servers of databases refuse
// to run as root: the first of names that there is, or nobody.
func FindAccount(names ...string) (Account, error) {
	if os.Geteuid() != 0 {
		return Account{}, nil
	}
	for _, name := range append(names, "nobody") {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(found.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(found.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return Account{}, fmt.Errorf("user %s: %w", name, err)
		}
		return Account{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
	}
	return Account{}, errors.New("a database does not run as root, and there is no user nobody " +
		"to run it as; run the tests as another user")
}

// SysProcAttr starts a process as this user, and in a session of its own, because an interrupt
// typed at the terminal goes to every process of the session in the foreground.
func (a Account) SysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: a.credential, Setsid: true}
}

// Own gives a file to this user.
func (a Account) Own(path string) error {
	if a.credential == nil {
		return nil
	}
	return os.Lchown(path, int(a.credential.Uid), int(a.credential.Gid))
}

// MkdirTemp makes a temporary directory that belongs to this user, and that it can reach and
// remove.
func (a Account) MkdirTemp(pattern string) (string, error) {
	parent, err := filepath.Abs(os.TempDir())
	if err != nil {
		return "", err
	}
	if a.credential != nil && !openToAll(parent) {
		parent = "/tmp" // TMPDIR is a private directory of root
	}
	dir, err := os.MkdirTemp(parent, pattern)
	if err != nil {
		return "", err
	}
	if err := a.Own(dir); err != nil {
		return "", errors.Join(err, os.Remove(dir))
	}
	return dir, nil
}

// openToAll reports whether every user can make a file in dir.
func openToAll(dir string) bool {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false
	}
	const search, write = 0o001, 0o002
	for want := os.FileMode(search | write); ; want = search {
		info, err := os.Stat(dir)
		if err != nil || info.Mode()&want != want {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
		dir = filepath.Dir(dir)
	}
}
