package mysqltest

import (
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
)

// usualPlaces are where packages put the server without adding it to PATH.
var usualPlaces = []string{
	"/usr/sbin",                             // Debian, Ubuntu
	"/opt/homebrew/opt/mariadb*/bin",        // Homebrew on Apple silicon
	"/usr/local/opt/mariadb*/bin",           // Homebrew on Intel
	"/usr/local/mysql/bin", "/usr/libexec/", // built from source, Fedora
}

// errNoServer says how to get a server.
var errNoServer = errors.New("no MariaDB server found; install MariaDB: " +
	"apt-get install mariadb-server, brew install mariadb, or set " + envDSN + " to a DSN")

// findBinary returns a program of the server: the one on PATH, else the one in the last directory
// that matches one of places, which are patterns as filepath.Glob takes them.
func findBinary(name string, places []string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return filepath.Abs(path)
	}
	for _, place := range places {
		matches, err := filepath.Glob(filepath.Join(place, name))
		if err != nil {
			return "", err
		}
		for _, match := range slices.Backward(matches) {
			if path, err := exec.LookPath(match); err == nil {
				return path, nil
			}
		}
	}
	return "", errNoServer
}
