package credentials_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gormtenant/gormtenant/isolation/databases"
	"github.com/gormtenant/gormtenant/isolation/databases/credentials"
	"github.com/gormtenant/gormtenant/isolation/databases/credentials/secretstest"
)

func TestInMemory(t *testing.T) {
	t.Parallel()
	secretstest.Run(t, false, func(*testing.T) credentials.Secrets {
		return credentials.InMemory()
	})
}

func TestInFiles(t *testing.T) {
	t.Parallel()
	dirs := map[string]string{}
	for _, name := range []string{"put_get_delete", "apart", "at_once"} {
		dirs["TestInFiles/"+name] = filepath.Join(t.TempDir(), "a", "b")
	}
	secretstest.Run(t, true, func(t *testing.T) credentials.Secrets {
		secrets, err := credentials.InFiles(dirs[t.Name()])
		require.NoError(t, err)
		return secrets
	})
	for _, dir := range dirs { // nothing is beside it, and what is left is what was not deleted
		for _, around := range []string{dir, filepath.Dir(dir), filepath.Dir(filepath.Dir(dir))} {
			entries, err := os.ReadDir(around)
			require.NoError(t, err)
			require.LessOrEqual(t, len(entries), 1, around)
		}
	}
}

func TestSecret_is_never_printed(t *testing.T) {
	t.Parallel()
	secret := credentials.Secret{User: "acme", Password: "hunter2"}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info(
		"x", "secret", secret, "in", map[string]any{"s": secret}, "p", &secret)
	slog.New(slog.NewJSONHandler(&log, nil)).Info(
		"x", "secret", secret, "in", struct{ S credentials.Secret }{secret})
	asJSON, err := json.Marshal(map[string]any{"s": secret, "p": &secret})
	require.NoError(t, err)
	asXML, err := xml.Marshal(secret)
	require.NoError(t, err)
	text := log.String() + string(asJSON) + string(asXML)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%T"} {
		text += fmt.Sprintf(
			verb+verb+verb+verb, secret, &secret, []any{secret},
			struct{ S credentials.Secret }{secret})
	}
	require.NotContains(t, text, "hunter2")
	require.NotContains(t, text, fmt.Sprintf("%x", "hunter2"))
	require.Contains(t, text, "acme:[hidden]")
}

func TestInFiles_has_files_of_its_owners_alone(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("there are no modes")
	}
	dir := filepath.Join(t.TempDir(), "secrets")
	secrets, err := credentials.InFiles(dir)
	require.NoError(t, err)
	d := databases.Database{Tenant: "acme", Name: "tenant_acme"}
	require.NoError(
		t, secrets.Put(t.Context(), d, credentials.Secret{User: "acme", Password: "hunter2"}))
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o700), info.Mode().Perm())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.True(t, strings.HasPrefix(entries[0].Name(), "tenant_acme@"))
	file := filepath.Join(dir, entries[0].Name())
	info, err = os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())

	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620} {
		require.NoError(t, os.Chmod(file, mode))
		_, err = secrets.Get(t.Context(), d)
		require.ErrorContains(t, err, "make it 0600")
		require.NotContains(t, err.Error(), "hunter2")
	}
	require.NoError(t, os.Chmod(file, 0o600))
	for _, mode := range []fs.FileMode{0o750, 0o701, 0o777} {
		require.NoError(t, os.Chmod(dir, mode))
		_, err = credentials.InFiles(dir)
		require.ErrorContains(t, err, "make it 0700")
		_, err = secrets.Get(t.Context(), d)
		require.ErrorContains(t, err, "make it 0700")
		require.ErrorContains(
			t, secrets.Put(t.Context(), d, credentials.Secret{Password: "hunter3"}), "make it 0700")
	}
	require.NoError(t, os.Chmod(dir, 0o700))
	_, err = secrets.Get(t.Context(), d)
	require.NoError(t, err)
}

func TestInFiles_of_a_file_that_is_not_the_databases(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "secrets")
	secrets, err := credentials.InFiles(dir)
	require.NoError(t, err)
	acme, zeta := databases.Database{Tenant: "acme", Name: "x"},
		databases.Database{Tenant: "zeta", Name: "x"}
	require.NoError(
		t, secrets.Put(t.Context(), acme, credentials.Secret{User: "acme", Password: "hunter2"}))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	file := filepath.Join(dir, entries[0].Name())
	require.NoError(
		t, secrets.Put(t.Context(), zeta, credentials.Secret{User: "zeta", Password: "hunter3"}))
	entries, err = os.ReadDir(dir)
	require.NoError(t, err)
	require.NoError(t, os.Rename(filepath.Join(dir, entries[1].Name()), file)) // zeta's, as acme's
	_, err = secrets.Get(t.Context(), acme)
	require.ErrorContains(t, err, "not the file of this database")
	for _, text := range []string{"", "hunter2", `{"password":"hunter2"`} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		_, err = secrets.Get(t.Context(), acme)
		require.ErrorContains(t, err, "not the file of this database")
		require.NotContains(t, err.Error(), "hunter2")
	}
	outside := filepath.Join(t.TempDir(), "outside")
	require.NoError(
		t, os.WriteFile(
			outside, []byte(`{"tenant":"acme","database":"x","user":"a","password":"b"}`), 0o600))
	require.NoError(t, os.Remove(file))
	require.NoError(t, os.Symlink(outside, file))
	_, err = secrets.Get(t.Context(), acme)
	require.Error(t, err)
	require.NotErrorIs(t, err, credentials.ErrNoSecret)
}

// A crash in Put leaves a file that nobody reads, and Delete removes.
func TestInFiles_after_a_crash(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "secrets")
	secrets, err := credentials.InFiles(dir)
	require.NoError(t, err)
	d := databases.Database{Tenant: "acme", Name: "x"}
	require.NoError(
		t, secrets.Put(t.Context(), d, credentials.Secret{User: "acme", Password: "hunter2"}))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.NoError(
		t, os.WriteFile(filepath.Join(dir, entries[0].Name()+".ABC.tmp"), []byte("hal"), 0o600))
	got, err := secrets.Get(t.Context(), d)
	require.NoError(t, err)
	require.Equal(t, "hunter2", got.Password)
	require.NoError(t, secrets.Delete(t.Context(), d))
	entries, err = os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestInFiles_of_a_directory_that_cannot_be(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, dir := range []string{"", file, filepath.Join(file, "below")} {
		_, err := credentials.InFiles(dir)
		require.ErrorContains(t, err, "gormtenant: credentials.InFiles")
	}
}
