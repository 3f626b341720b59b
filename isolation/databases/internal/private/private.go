// Package private makes directories and checks files that only their owner can read.
package private

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

const (
	// File is the mode of a private file.
	File fs.FileMode = 0o600
	// Dir is the mode of a private directory.
	Dir fs.FileMode = 0o700

	others = 0o077 // the rights of all but the owner
)

// MakeDir makes a directory that only its owner can enter, or checks one that exists. It returns
// the absolute path, which holds whatever the working directory becomes.
func MakeDir(dir string) (string, error) {
	if dir == "" {
		return "", errors.New("it needs the name of a directory")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, Dir); err != nil {
		return "", err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return "", err
	}
	return dir, Check(dir, info, Dir)
}

// Check returns an error for a file or a directory that others have rights to. Windows has no
// modes.
func Check(path string, info fs.FileInfo, mode fs.FileMode) error {
	if runtime.GOOS != "windows" && info.Mode().Perm()&others != 0 {
		return fmt.Errorf(
			"%s has the mode %04o, so that others can get at it: make it %04o (chmod %o)",
			path, info.Mode().Perm(), mode, mode)
	}
	return nil
}

// SyncDir makes the renaming of a file in a directory last. Windows cannot do that, and need not.
func SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	file, err := os.Open(dir) //nolint:gosec // the application's own directory
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
