//go:build unix

package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the operating system user that runs the server.
type account struct {
	credential *syscall.Credential // nil for the user of this process
}

// findAccount returns another user if this process is root, because postgres and initdb refuse to
// run as root.
func findAccount() (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(found.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(found.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return account{}, fmt.Errorf("user %s: %w", name, err)
		}
		return account{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
	}
	return account{}, errors.New("PostgreSQL does not run as root, and there is neither a user " +
		"postgres nor a user nobody to run it as; run the tests as another user, or set " +
		envDSN + " to a DSN")
}

// sysProcAttr starts a process as this user, and in a session of its own, because an interrupt
// typed at the terminal goes to every process of the session in the foreground.
func (a account) sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: a.credential, Setsid: true}
}

// own gives a file to this user.
func (a account) own(path string) error {
	if a.credential == nil {
		return nil
	}
	return os.Lchown(path, int(a.credential.Uid), int(a.credential.Gid))
}

// mkdirTemp makes a temporary directory that belongs to this user, and that it can reach and
// remove.
func (a account) mkdirTemp() (string, error) {
	parent, err := filepath.Abs(os.TempDir())
	if err != nil {
		return "", err
	}
	if a.credential != nil && !openToAll(parent) {
		parent = "/tmp" // TMPDIR is a private directory of root
	}
	dir, err := os.MkdirTemp(parent, "pgtest-")
	if err != nil {
		return "", err
	}
	if err := a.own(dir); err != nil {
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
