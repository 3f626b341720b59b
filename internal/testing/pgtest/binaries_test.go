package pgtest_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/internal/testing/pgtest"
)

var serverBinaries = []string{"initdb", "pg_ctl", "postgres"}

// install puts binaries that do nothing into dir, and returns dir.
func install(t *testing.T, dir string, names ...string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	for _, name := range names {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o755))
	}
	return dir
}

// tempDir is t.TempDir with no symbolic link in its path, which it has on macOS.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	return dir
}

func TestFindBinaries_highest_version(t *testing.T) {
	t.Setenv("PATH", "")
	root := tempDir(t)
	for _, version := range []string{"9.6", "10", "16", "9.5"} {
		install(t, filepath.Join(root, version, "bin"), serverBinaries...)
	}
	install(t, filepath.Join(root, "17", "bin"), "initdb", "psql") // cannot run a server

	dir, err := pgtest.FindBinaries([]string{filepath.Join(root, "*", "bin")})
	require.NoError(t, err)
	require.Equal(t, filepath.Join(root, "16", "bin"), dir)
}

func TestFindBinaries_first_place(t *testing.T) {
	t.Setenv("PATH", "")
	root := tempDir(t)
	first := install(t, filepath.Join(root, "postgresql", "bin"), serverBinaries...)
	second := install(t, filepath.Join(root, "postgresql@16", "bin"), serverBinaries...)

	dir, err := pgtest.FindBinaries([]string{filepath.Join(root, "none"), first, second})
	require.NoError(t, err)
	require.Equal(t, first, dir)
}

func TestFindBinaries_path_comes_first(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a binary has no extension here")
	}
	root := tempDir(t)
	onPath := install(t, filepath.Join(root, "15", "bin"), serverBinaries...)
	other := install(t, filepath.Join(root, "16", "bin"), serverBinaries...)

	t.Run("directory", func(t *testing.T) {
		t.Setenv("PATH", onPath)
		dir, err := pgtest.FindBinaries([]string{other})
		require.NoError(t, err)
		require.Equal(t, onPath, dir)
	})
	t.Run("link_to_initdb_alone", func(t *testing.T) {
		links := tempDir(t)
		link := filepath.Join(links, "initdb")
		require.NoError(t, os.Symlink(filepath.Join(onPath, "initdb"), link))
		t.Setenv("PATH", links)
		dir, err := pgtest.FindBinaries([]string{other})
		require.NoError(t, err)
		require.Equal(t, onPath, dir)
	})
	t.Run("initdb_without_server", func(t *testing.T) {
		t.Setenv("PATH", install(t, filepath.Join(root, "client"), "initdb"))
		dir, err := pgtest.FindBinaries([]string{other})
		require.NoError(t, err)
		require.Equal(t, other, dir)
	})
}

func TestFindBinaries_none(t *testing.T) {
	t.Setenv("PATH", "")
	_, err := pgtest.FindBinaries([]string{filepath.Join(tempDir(t), "*")})
	require.ErrorIs(t, err, pgtest.ErrNoServer)
}
