package pgtest

import (
	"cmp"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// usualPlaces are where packages put the server binaries without adding them to PATH.
var usualPlaces = []string{
	"/usr/lib/postgresql/*/bin",         // Debian, Ubuntu
	"/usr/pgsql-*/bin",                  // the RPMs of postgresql.org
	"/opt/homebrew/opt/postgresql*/bin", // Homebrew on Apple silicon
	"/usr/local/opt/postgresql*/bin",    // Homebrew on Intel
	"/usr/local/pgsql/bin",              // built from source
}

// errNoServer says how to get a server.
var errNoServer = errors.New("no PostgreSQL server found; " +
	"install PostgreSQL: apt-get install postgresql, brew install postgresql, " +
	"or set " + envDSN + " to a DSN")

// findBinaries returns the directory of the server binaries: the one on PATH, else the first that
// matches one of the places, which are patterns as filepath.Glob takes them.
func findBinaries(places []string) (string, error) {
	var dirs []string
	if initdb, err := exec.LookPath("initdb"); err == nil {
		// Where only some of the binaries are linked into a directory of PATH, the others are
		// beside the target of the link.
		if target, err := filepath.EvalSymlinks(initdb); err == nil {
			dirs = append(dirs, filepath.Dir(target))
		}
		dirs = append(dirs, filepath.Dir(initdb))
	}
	for _, place := range places {
		matches, err := filepath.Glob(place)
		if err != nil {
			return "", err
		}
		slices.SortFunc(matches, func(a, b string) int {
			return cmp.Compare(version(b), version(a))
		})
		dirs = append(dirs, matches...)
	}

	i := slices.IndexFunc(dirs, hasServer)
	if i < 0 {
		return "", errNoServer
	}
	return dirs[i], nil
}

// hasServer reports whether dir has all it takes to make and run a cluster. Packages of the client
// alone have some of it.
func hasServer(dir string) bool {
	for _, name := range []string{"initdb", "pg_ctl", "postgres"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}

var versionNumber = regexp.MustCompile(`[0-9]+(\.[0-9]+)?`)

// version returns the number in the name of the directory above dir, such as 9.6 or 16, or 0. It
// is compared as a number because 9.6 sorts after 16 as text.
func version(dir string) float64 {
	name := filepath.Base(filepath.Dir(dir))
	number, err := strconv.ParseFloat(versionNumber.FindString(name), 64)
	if err != nil {
		return 0
	}
	return number
}
